"""What is written down of an upload: one object, `uploads/<key>`.

It is a line of JSON (how large the upload will be, which parts are stored), and behind it the bytes that do not fill a part yet, since
S3 takes none below 5 MiB. What was acknowledged is thus in S3, and no process needs to remember anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from stereo_spot_aws_adapters.names import UPLOADS_PREFIX
from stereo_spot_aws_adapters.objects import MAX_PARTS, SMALLEST_PART_BYTES
from stereo_spot_shared.interfaces import UploadInfo

DIRECT_PART_BYTES = 16 << 20
"""Size of the parts that others store by themselves. Each is asked for and told of; a connection that breaks loses one at most."""
PARTS_LEFT_FOR_RACES = 1000
"""Numbers of parts that may be reserved and never used, by those who were not first or did not live to use them."""


class Part(BaseModel):
    """One that is stored."""

    model_config = ConfigDict(frozen=True)

    number: int
    etag: str


class Header(BaseModel):
    """The line of JSON."""

    model_config = ConfigDict(frozen=True)

    size: int
    stored: int = 0
    """Bytes in `parts`."""
    upload_id: str | None = None
    """None until the first part is there."""
    reserved: int = 0
    """Numbers of parts that were given out."""
    awaited: tuple[int, ...] = ()
    """Numbers that were given to others, for parts that are to begin at `stored`."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class State:
    """The state as it was read: `etag` is None before it was stored."""

    header: Header
    tail: bytes = field(default=b"", repr=False)
    etag: str | None = None

    @property
    def info(self) -> UploadInfo:
        return UploadInfo(self.header.stored + len(self.tail), self.header.size)

    @property
    def part_bytes(self) -> int:
        """From how many bytes on a part is stored."""
        return max(SMALLEST_PART_BYTES, self._enough)

    @property
    def direct_bytes(self) -> int:
        """Of how many bytes a part consists that somebody else stores next; 0 where nothing is missing."""
        return min(max(DIRECT_PART_BYTES, self._enough), self.header.size - self.header.stored)

    @property
    def _enough(self) -> int:
        """How many bytes each part must have for the numbers to suffice."""
        return -(-self.header.size // (MAX_PARTS - PARTS_LEFT_FOR_RACES))

    def with_tail(self, tail: bytes) -> Self:
        """More bytes that fill no part yet; what was to be stored where they are now is not awaited any more."""
        return replace(self.evolve(awaited=()), tail=tail)

    def with_part(self, part: Part, size: int) -> Self:
        """One more part, which has what was in the tail."""
        header = self.header
        return replace(self.evolve(stored=header.stored + size, parts=(*header.parts, part), awaited=()), tail=b"")

    def with_number(self, *, awaited: bool = False) -> Self:
        """One more number given out."""
        number = self.header.reserved + 1
        return self.evolve(reserved=number, awaited=(*self.header.awaited, number) if awaited else self.header.awaited)

    def evolve(self, **changes: Any) -> Self:
        return replace(self, header=self.header.model_copy(update=changes))

    def encode(self) -> bytes:
        return self.header.model_dump_json().encode() + b"\n" + self.tail

    @classmethod
    def decode(cls, data: bytes, etag: str) -> Self:
        header, _, tail = data.partition(b"\n")
        return cls(Header.model_validate_json(header), tail, etag)


def state_key(key: str) -> str:
    """Where the state of the upload of an object lies."""
    return f"{UPLOADS_PREFIX}{key}"
