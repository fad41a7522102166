"""The storage of everything that is a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class ObjectInfo:
    """An object as it is now. The etag changes whenever the content may have changed."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class ObjectPage:
    """Objects in order of their keys; `cursor` continues the list and is None at its end."""

    objects: tuple[ObjectInfo, ...]
    cursor: str | None = None


class ObjectStorage(Protocol):
    """Objects by key. An object appears whole or not at all, and survives a power cut once a put has returned.

    NoSpaceLeft is raised where the disk or the quota is full; nothing half-written remains.
    """

    def put_file(self, path: Path, key: str, *, if_absent: bool = False) -> ObjectInfo:
        """Store a file. With `if_absent`, Conflict where the key is taken.

        The file must not be changed afterwards: an adapter may share its blocks instead of copying them.
        """

    def put_bytes(self, data: bytes, key: str, *, if_absent: bool = False) -> ObjectInfo:
        """Store something small that is in memory already. With `if_absent`, Conflict where the key is taken."""

    def copy(self, key: str, to_key: str) -> ObjectInfo:
        """Store the object once more under another key, without fetching it; what is there is replaced. NotFound where there is none."""

    def get_file(self, key: str, path: Path) -> ObjectInfo:
        """Write the object to `path`, which appears whole or not at all. NotFound where there is none.

        The file must not be changed afterwards: an adapter may share its blocks instead of copying them.
        """

    def read_range(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes [start, start + length) of the object, fewer where it ends before. NotFound where there is none."""

    def stat(self, key: str) -> ObjectInfo:
        """NotFound where there is none."""

    def list(self, prefix: str, *, cursor: str | None = None, limit: int = 1000) -> ObjectPage: ...

    def delete(self, *keys: str) -> None:
        """Remove these; nothing happens where there is none. Where it fails midway, some may have been removed."""

    def address(self, key: str, *, seconds: int, name: str | None = None) -> str | None:
        """Where anybody can fetch the object by HTTP (GET) for so long, as a file of this name if one is given.

        None where the storage has no such addresses. Whether there is an object is not looked at.
        """

    def uri(self, key: str) -> str:
        """How another process of the same platform names this object (`file://…`, `s3://…`)."""
