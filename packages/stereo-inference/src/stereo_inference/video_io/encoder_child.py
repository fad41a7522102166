"""The program that `EncoderProcess` starts: it encodes pictures that its parent puts into shared memory.

It is told what to do by the messages of `encoder_messages`, one at a time, and answers each with `(True, value)` or `(False, error)`.
Kept apart from the rest of rendering, whose compiler and libraries it never loads, so that an encoder's memory is all
that it takes. It ends with its parent.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
import weakref
from multiprocessing.connection import Connection
from typing import Any, BinaryIO

import av

from stereo_inference.memory import keep_pictures, let_go_of_libraries
from stereo_inference.picture import Plane
from stereo_inference.video_io.encode import SegmentEncoder, encoder_errors
from stereo_inference.video_io.encoder_messages import Abandon, Encode, Finish, Open
from stereo_inference.video_io.shared_pictures import SharedPictures
from stereo_spot_media.sandbox import ChildLimits, apply_limits, encode_error
from stereo_spot_shared.errors import RenderFailed, StereoSpotError


class EncoderChild:
    """Carries out the messages."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._work: _Work | None = None

    def answer(self, message: object) -> Any:
        """What the message is answered by; errors are those of the one tree."""
        with encoder_errors():
            match message, self._work:
                case Open(), None:
                    self._work = _Work(self._memory, message)
                    return self._work.encoder.codec, self._work.encoder.fingerprint
                case Encode(picture, time), _Work() as work:
                    return work.encode(picture, time)
                case Finish(), _Work() as work:
                    return work.encoder.finish()
                case Abandon(), work:
                    self._work = None
                    return work.close() if work else None
        raise RenderFailed(f"The encoder's process does not expect {type(message).__name__} now.")


class _Work:
    """The segment at hand."""

    def __init__(self, memory: int, opened: Open) -> None:
        form = opened.output
        self._streams = form.streams
        self._pictures = SharedPictures(memory, form.width, form.height, form.format, opened.pictures)
        self._file: BinaryIO = opened.part.open("r+b")
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._file.close)
            self.encoder = SegmentEncoder(
                self._file, form, times=opened.times, end=opened.end, pts_offset=opened.pts_offset, threads=opened.threads
            )
            cleanup.pop_all()

    def encode(self, number: int, time: int) -> int:
        """Encode a picture in place (nothing is copied), and make sure that the encoder needs it no longer."""
        picture = self._pictures.picture(number)
        views = [tuple(half(picture.cropped(plane), view, self._streams) for plane in range(3)) for view in range(self._streams)]
        kept = [weakref.ref(planes[0]) for planes in views]
        frames = [av.VideoFrame.from_dlpack(planes, format=picture.format.name) for planes in views]
        left = self.encoder.encode(frames, time)
        del frames, views
        if any(reference() is not None for reference in kept):
            raise RenderFailed("The encoder keeps a picture that is to be overwritten.")
        return left

    def close(self) -> None:
        self.encoder.close()
        self._file.close()


def half(plane: Plane, view: int, count: int) -> Plane:
    """One of `count` views that lie side by side in a plane, in place."""
    columns = plane.shape[1] // count
    return plane[:, view * columns : (view + 1) * columns]


def main() -> None:
    """Serve until the parent closes its end."""
    channel, memory, parent = map(int, sys.argv[1:])
    # Its network and address space are its parent's, and so are these limits already.
    apply_limits(ChildLimits(address_space=None, network=True), parent=parent)
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, signal.SIG_IGN)  # meant for the parent, which says what is to become of the segment
    keep_pictures()
    let_go_of_libraries()
    child = EncoderChild(memory)
    with Connection(channel) as connection:
        while True:
            try:
                message = connection.recv()
            except EOFError:
                return
            connection.send(answered(child, message))


def answered(child: EncoderChild, message: object) -> tuple[bool, Any]:
    """The answer in the form that the parent expects."""
    try:
        return True, child.answer(message)
    except StereoSpotError as error:
        return False, encode_error(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent is told
        traceback.print_exc()
        return False, encode_error(RenderFailed(f"Encoding failed unexpectedly: {type(error).__name__}: {error}"))


if __name__ == "__main__":
    main()
