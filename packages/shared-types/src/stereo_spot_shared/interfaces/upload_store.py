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


class UploadStore(Protocol):
    """Uploads by the key of the object that each will become. What `append` has returned survives a power cut.

    NoSpaceLeft is raised where the disk or the quota is full; what came before is kept.
    """

    def begin(self, key: str, size: int) -> UploadInfo:
        """Expect `size` bytes for `key`. One that is under way already goes on. Conflict where it is of another size."""

    def stat(self, key: str) -> UploadInfo:
        """NotFound where no upload of `key` is under way."""

    def append(self, key: str, offset: int, data: bytes) -> UploadInfo:
        """Add bytes at `offset`. Conflict where that is not where it goes on (another connection was faster), or beyond its size."""

    def finish(self, key: str) -> ObjectInfo:
        """Make the object of it, if there is none. Conflict where bytes are missing, or there is an object `key`."""

    def abort(self, key: str) -> None:
        """Forget it and what came; nothing happens where there is none."""
