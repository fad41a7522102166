"""The encoder in a process of its own, to which pictures go through shared memory.

Encoders take more memory than all the rest of rendering (x265 300 MiB at 3840x1080), and what one process may take is
limited; and when one crashes, a segment is lost and not the renderer with its model.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stereo_inference.picture import Picture
from stereo_inference.settings import child_environment
from stereo_inference.stages import POLL_SECONDS, Stopped
from stereo_inference.video_io.encoder_messages import Abandon, Encode, Finish, Open
from stereo_inference.video_io.encoders import OutputFormat
from stereo_inference.video_io.shared_pictures import SharedPictures, shared_memory
from stereo_spot_media.sandbox import cause_of_death, decode_error
from stereo_spot_shared.errors import RenderFailed


class EncoderProcess:
    """Encodes one segment after the other; a process that died is replaced when the next segment is opened.

    Made in a thread that lives as long as this does: on Linux the child's life is tied to it. To be closed at the end,
    by a `with` block or `close`.
    """

    def __init__(self) -> None:
        self._memory = shared_memory()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the process that encodes at present."""
        return self._child.pid

    def open(
        self, part: Path, output: OutputFormat, *, times: Sequence[int], end: int, pts_offset: int, threads: int, pictures: int = 1
    ) -> Encoding:
        """Begin a segment in the existing, empty file `part`; close it before the next. For the rest see `SegmentEncoder`.

        With two `pictures` one can be rendered while the other is being encoded.
        """
        if self._child.poll() is not None:
            self._connection.close()
            self._start()
        shared = SharedPictures(self._memory, output.width, output.height, output.format, pictures)
        codec, fingerprint = self.call(Open(part, output, times, end, pts_offset, threads, pictures))
        return Encoding(self, [PictureSlot(number, shared.picture(number)) for number in range(pictures)], codec, fingerprint)

    def call(self, message: object) -> Any:
        """Have a message answered; RenderFailed when the process died of it, else the error that it answers with."""
        try:
            self._connection.send(message)
            well, answer = self._connection.recv()
        except (EOFError, OSError):
            raise RenderFailed(f"The encoder's process {cause_of_death(self._child.wait())}.") from None
        if not well:
            raise decode_error(answer)
        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        self._child.kill()
        self._child.wait()
        self._connection.close()
        os.close(self._memory)

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        command = [sys.executable, "-m", "stereo_inference.video_io.encoder_child"]
        with theirs:
            inherited = (theirs.fileno(), self._memory)
            self._child = subprocess.Popen(
                [*command, *map(str, inherited), str(os.getpid())],
                pass_fds=inherited,
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=child_environment({"SVT_LOG": "1"}),  # SVT-AV1 is to say errors only
            )


@dataclass(frozen=True, slots=True)
class PictureSlot:
    """A picture of the shared memory, by the number that the encoder's process knows it by."""

    number: int
    picture: Picture


class Encoding:
    """One segment that is being encoded."""

    def __init__(self, process: EncoderProcess, slots: Sequence[PictureSlot], codec: str, fingerprint: str) -> None:
        self.codec = codec
        self.fingerprint = fingerprint
        self._process = process
        self._closed = False
        self._free: queue.SimpleQueue[PictureSlot] = queue.SimpleQueue()
        for slot in slots:
            self._free.put(slot)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def new_picture(self) -> PictureSlot:
        """A picture to render to, as soon as one is free; its content is undefined. Stopped when the segment is given up."""
        while not self._closed:
            try:
                return self._free.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
        raise Stopped

    def encode(self, slot: PictureSlot, time: int) -> int:
        """Encode the next picture, shown at `time` (source ticks); returns how many left the encoder by it."""
        left: int = self._process.call(Encode(slot.number, time))
        self._free.put(slot)
        return left

    def finish(self) -> int:
        """Flush the encoder and complete the file; returns how many pictures left the encoder by it."""
        left: int = self._process.call(Finish())
        return left

    def close(self) -> None:
        """Let go of the file, complete or not."""
        self._closed = True
        with contextlib.suppress(RenderFailed):  # it died: nothing is left to let go of
            self._process.call(Abandon())
