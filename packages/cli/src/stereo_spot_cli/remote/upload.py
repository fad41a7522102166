"""Sending a video over connections that break: the tus 1.0 protocol, its core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from stereo_spot_cli.conversion.display import Display
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.errors import Refused, Unreachable
from stereo_spot_cli.remote.transfer import Transfer
from stereo_spot_cli.remote.tries import Tries

PART = 64 << 20
"""Bytes of one request, as the pages send them: what stands before a server may refuse larger ones."""
BLOCK = 1 << 20


class SourceChanged(CommandFailed):
    """The video was written to while it was sent."""

    def __init__(self, path: Path) -> None:
        super().__init__("source_changed", f"{path} was changed while it was sent", hint="the same command sends it anew")


def upload(client: Client, url: str, path: Path, announced: int | None, show: Display) -> None:
    """Send what the server lacks of `path`, of which it awaits `announced` bytes.

    Ends where all of it is there, or where nobody waits for it any more. Unreachable where the server stays away, SourceChanged where the
    file does not stay as it is.
    """
    with path.open("rb") as file:
        source = Source(path, file)
        if source.size != announced:
            raise SourceChanged(path)
        shown = Transfer("sending the video", source.size, show)
        tries, furthest = Tries(shown.waits), -1
        while True:
            try:
                offset = client.offset(url)
                if offset > furthest:
                    tries.went_on()
                furthest = max(furthest, offset)
                shown.reached(offset)
                while offset < source.size:
                    part = min(PART, source.size - offset)
                    offset = client.send(url, offset, source.blocks(offset, part, shown.reached), part)
            except Unreachable as error:
                tries.again_after(error)
            except Refused as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return  # the job has gone on without, or was cancelled; whoever follows it will see
                if error.status != HTTPStatus.CONFLICT:
                    raise
                tries.again_after(error)  # another connection, or a dead one that the server still listened to, was faster
            else:
                return


class Source:
    """The file that is sent, which must stay as it is."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._seen = self._look()
        self.size = self._seen[0]

    def blocks(self, offset: int, count: int, reached: Callable[[int], None]) -> Iterator[bytes]:
        """`count` bytes from `offset`; `reached` hears how far they are taken. SourceChanged before the last bytes of a changed file."""
        end = offset + count
        self._file.seek(offset)
        while offset < end:
            block = self._file.read(min(BLOCK, end - offset))
            if self._look() != self._seen or not block:
                raise SourceChanged(self._path)
            yield block
            offset += len(block)
            reached(offset)

    def _look(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns
