"""Uploads as files that grow: `<data>/uploads/<key>` becomes the object without being copied.

What an upload is to hold in the end stands in its name's extension, so that there is one file and no second truth.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo_spot_local_adapters import files
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.vendor_errors import storage_error
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import ObjectInfo, UploadInfo


class FileUploadStore:
    """`UploadStore` below `root`, into `storage` beside it. Pickled by its address."""

    origin = None

    def __init__(self, root: Path, storage: FileObjectStorage) -> None:
        self._uploads = root / "uploads"
        self._storage = storage

    def begin(self, key: str, size: int) -> UploadInfo:
        if size < 0:
            raise ValueError(f"not a size: {size}")
        with _errors(self._uploads):
            if (found := self._find(key)) is not None:
                info = _info(found)
                if info.size != size:
                    raise Conflict(f"an upload of {info.size} bytes for {key} is under way, not of {size}")
                return info
            path = self._folder(key) / f"data.{size}"
            files.make_directory(path.parent)
            path.touch()
            for directory in (path.parent, *path.parent.parents):
                files.sync_directory(directory)
                if directory == self._uploads.parent:
                    break
            return UploadInfo(0, size)

    def stat(self, key: str) -> UploadInfo:
        with _errors(self._uploads):
            return _info(self._existing(key))

    def append(self, key: str, offset: int, data: bytes) -> UploadInfo:
        with _errors(self._uploads):
            path = self._existing(key)
            with path.open("r+b", buffering=0) as file:
                # Two connections may be at it, one of which does not know yet that it is dead: only one writes at a time.
                fcntl.flock(file, fcntl.LOCK_EX)
                here, size = os.fstat(file.fileno()).st_size, _info(path).size
                if here != offset or offset + len(data) > size:
                    raise Conflict(f"the upload of {key} goes on at byte {here} of {size}, not with {len(data)} bytes at {offset}")
                try:
                    files.write_all_at(file.fileno(), data, offset)
                    os.fdatasync(file.fileno())
                except OSError:
                    file.truncate(offset)  # what could not be written whole is not here
                    raise
            return UploadInfo(offset + len(data), size)

    def part(self, key: str, offset: int) -> None:
        self._require(key, offset)

    def part_arrived(self, key: str, offset: int) -> UploadInfo:
        self._require(key, offset)
        raise Conflict(f"no part of {key} was to be stored by itself")

    def finish(self, key: str) -> ObjectInfo:
        with _errors(self._uploads):
            path = self._existing(key)
            info = _info(path)
            if info.offset != info.size:
                raise Conflict(f"the upload of {key} lacks {info.size - info.offset} of {info.size} bytes")
        stored = self._storage.put_file(path, key, if_absent=True)
        self.abort(key)
        return stored

    def abort(self, key: str) -> None:
        with _errors(self._uploads):
            if (path := self._find(key)) is not None:
                path.unlink(missing_ok=True)
            files.remove_empty(self._folder(key), self._uploads)

    def _require(self, key: str, offset: int) -> None:
        if (info := self.stat(key)).offset != offset:
            raise Conflict(f"the upload of {key} goes on at byte {info.offset} of {info.size}, not at {offset}")

    def _folder(self, key: str) -> Path:
        return self._uploads / self._storage.relative_path(key)

    def _find(self, key: str) -> Path | None:
        return next(iter(self._folder(key).glob("data.*")), None)

    def _existing(self, key: str) -> Path:
        if (path := self._find(key)) is None:
            raise NotFound(f"no upload of {key} is under way")
        return path


def _info(path: Path) -> UploadInfo:
    return UploadInfo(path.stat().st_size, int(path.suffix.removeprefix(".")))


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("the upload was ended by somebody else") from None
    except OSError as error:
        raise storage_error(error, path) from error
