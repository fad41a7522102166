"""Objects that come from outside, byte after byte, over connections that break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stereo_spot_shared.interfaces.object_storage import ObjectInfo


@dataclass(frozen=True)
class UploadInfo:
    """An upload under way: how many of its `size` bytes are here, from the first on without a gap."""

    offset: int
    size: int


@dataclass(frozen=True)
class PartAddress:
    """Where whoever has the bytes stores the next part of an upload by itself: by a PUT to `url` whose body has exactly `size` bytes."""

    url: str
    size: int


class UploadStore(Protocol):
    """Uploads by the key of the object that each will become. What `append` and `part_arrived` have returned survives a power cut.

    NoSpaceLeft is raised where the disk or the quota is full; what came before is kept.
    """

    @property
    def origin(self) -> str | None:
        """The origin (scheme, host and port) of every address that `part` gives, for a page's policy; None where it gives none."""

    def begin(self, key: str, size: int) -> UploadInfo:
        """Expect `size` bytes for `key`. One that is under way already goes on. Conflict where it is of another size."""

    def stat(self, key: str) -> UploadInfo:
        """NotFound where no upload of `key` is under way."""

    def append(self, key: str, offset: int, data: bytes) -> UploadInfo:
        """Add bytes at `offset`. Conflict where that is not where it goes on (another connection was faster), or beyond its size."""

    def part(self, key: str, offset: int) -> PartAddress | None:
        """Where the bytes from `offset` on can be stored without passing through this process, for an hour.

        None where they are to be appended instead: always on platforms without such addresses. Conflict where `offset` is not where it
        goes on. Each answer is another address; one that is not used does no harm.
        """

    def part_arrived(self, key: str, offset: int) -> UploadInfo:
        """Take note that a part is stored that `part` gave an address for at `offset`.

        Conflict where there is none of the right size, or `offset` is not where the upload goes on.
        """

    def finish(self, key: str) -> ObjectInfo:
        """Make the object of it, if there is none. Conflict where bytes are missing, or there is an object `key`."""

    def abort(self, key: str) -> None:
        """Forget it and what came; nothing happens where there is none."""
