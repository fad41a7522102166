"""Objects as files: the key is the path below one directory.

    <data>/objects/<key>         the objects, whole
    <data>/temporary/            what is being written; swept of what dead processes left

Files are shared by hard links where the file system can, so that storing and fetching a video costs no bytes and no
time. An etag is made of a file's size, modification time and inode: it changes when an object is replaced, and when
the owner of a shared file writes to it. A hash would say the same after reading the whole file, at every `stat`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from stereo_spot_local_adapters import files
from stereo_spot_local_adapters.vendor_errors import storage_error
from stereo_spot_shared.errors import Conflict, NotFound, StorageUnavailable
from stereo_spot_shared.interfaces import ObjectInfo, ObjectPage

Result = TypeVar("Result")

MAX_KEY_BYTES = 1024
_MAX_NAME_BYTES = 255
_READ_TRIES = 4
_PUBLISH_TRIES = 100
"""How often a deleted parent directory is made again before giving up; each time another process must have removed it."""


class FileObjectStorage:
    """`ObjectStorage` below `root`. Pickled by its address."""

    def __init__(self, root: Path) -> None:
        with _storage_errors(root):
            self._objects = root / "objects"
            self._temporary = root / "temporary"
            self._objects.mkdir(parents=True, exist_ok=True)
            self._temporary.mkdir(parents=True, exist_ok=True)
            self._objects = self._objects.resolve()
            files.sweep(self._temporary)

    def put_file(self, path: Path, key: str, *, if_absent: bool = False) -> ObjectInfo:
        with _storage_errors(path):
            source = path.resolve()
            if not source.is_file():
                raise NotFound(f"there is no file {path}")
        return self._put(lambda temporary: files.share_or_copy(source, temporary), key, if_absent=if_absent)

    def put_bytes(self, data: bytes, key: str, *, if_absent: bool = False) -> ObjectInfo:
        return self._put(lambda temporary: files.write(data, temporary), key, if_absent=if_absent)

    def copy(self, key: str, to_key: str) -> ObjectInfo:
        source = self._path(key)
        with _storage_errors(source):
            self._existing(source, key)
        return self._put(lambda temporary: _reading(key, lambda: files.share_or_copy(source, temporary)), to_key, if_absent=False)

    def get_file(self, key: str, path: Path) -> ObjectInfo:
        source = self._path(key)
        with _storage_errors(path):
            self._existing(source, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.sweep(path.parent)
            with files.temporary_path(path.parent) as temporary:
                found = _reading(key, lambda: files.share_or_copy(source, temporary))
                files.sync_file(temporary)  # a copy must not be empty after a power cut; of a shared file it is on the disk
                files.publish(temporary, path, if_absent=False)
        return _info(key, found)

    def read_range(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"not a range of bytes: start {start}, length {length}")
        path = self._path(key)
        with _storage_errors(path), _reading(key, lambda: path.open("rb")) as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        with _storage_errors(path):
            return _info(key, self._existing(path, key))

    def list(self, prefix: str, *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        found: list[ObjectInfo] = []
        with _storage_errors(self._objects):
            for info in _walk(self._objects, "", prefix, cursor or ""):
                if len(found) == limit:
                    return ObjectPage(tuple(found), cursor=found[-1].key)
                found.append(info)
        return ObjectPage(tuple(found))

    def delete(self, *keys: str) -> None:
        for path in [self._path(key) for key in keys]:
            with _storage_errors(path):
                try:
                    path.unlink()
                except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
                    if _is_object(path):
                        raise
                    continue
                files.remove_empty(path.parent, self._objects)

    def address(self, key: str, *, seconds: int, name: str | None = None) -> None:  # noqa: ARG002 - nobody but our programs reads this disk
        return None

    def uri(self, key: str) -> str:
        return self._path(key).as_uri()

    def _put(self, fill: Callable[[Path], object], key: str, *, if_absent: bool) -> ObjectInfo:
        target = self._path(key)
        with _storage_errors(target), files.temporary_path(self._temporary) as temporary:
            if if_absent and _is_object(target):
                raise _taken(key)  # before the work; the decision itself falls when the name is given
            fill(temporary)
            files.sync_file(temporary)
            found = temporary.stat()
            try:
                self._publish(temporary, target, if_absent=if_absent)
            except FileExistsError:
                raise _taken(key) from None
            except (NotADirectoryError, IsADirectoryError):
                raise Conflict(f"{key} cannot be an object: another object's key continues it, or it continues another's") from None
            return _info(key, found)

    def _publish(self, temporary: Path, target: Path, *, if_absent: bool) -> None:
        for _ in range(_PUBLISH_TRIES):
            with suppress(FileNotFoundError):  # a delete elsewhere has just removed an empty parent: again
                files.make_directory(target.parent)
                files.publish(temporary, target, if_absent=if_absent)
                break
        else:
            raise StorageUnavailable(f"the directory of {target} keeps vanishing")
        # Whoever made the directories, their names must be on the disk before this put may return.
        for directory in takewhile(lambda parent: parent != self._objects.parent, target.parents):
            with suppress(FileNotFoundError):  # the object was deleted again
                files.sync_directory(directory)

    @staticmethod
    def relative_path(key: str) -> Path:
        """Where the object of this key lies below the folder of all. ValueError for what is no key: nothing outside is ever named."""
        names = key.split("/")
        if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES or not all(map(_is_name, names)):
            raise ValueError(f"not a key of an object: {key!r}")
        return Path(*names)

    def _path(self, key: str) -> Path:
        path = self._objects / self.relative_path(key)
        if Path(os.path.realpath(path)) != path:
            raise StorageUnavailable(f"{path} leads elsewhere through a symbolic link", hint="Remove the link: objects are plain files.")
        return path

    def _existing(self, path: Path, key: str) -> os.stat_result:
        found = _reading(key, path.stat)
        if not stat.S_ISREG(found.st_mode):
            raise _not_found(key)
        return found


def _reading(key: str, action: Callable[[], Result]) -> Result:
    """What `action` returns; NotFound where it finds no file.

    Asked more than once: not every file system keeps Linux's promise that a name is there all the time while a file takes another's place.
    """
    for attempt in range(_READ_TRIES):
        try:
            return action()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            time.sleep(0.001 * attempt)
    raise _not_found(key)


def _walk(directory: Path, base: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """Objects below `directory` (whose keys begin with `base`) that begin with `prefix` and come after `after`, in order."""
    for name in _names(directory):
        key = base + name
        if name.endswith("/"):
            may_hold_prefix = key.startswith(prefix) or prefix.startswith(key)
            if may_hold_prefix and (key > after or after.startswith(key)):
                yield from _walk(directory / name, key, prefix, after)
        elif key.startswith(prefix) and key > after:
            with suppress(FileNotFoundError):  # deleted since it was listed
                yield _info(key, (directory / name).stat())


def _names(directory: Path) -> list[str]:
    """Names in a directory in the order of the keys that they stand for; a directory's ends with a slash."""
    try:
        with os.scandir(directory) as entries:
            found = [
                entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries
                if _is_name(entry.name) and not entry.is_symlink()
            ]
    except FileNotFoundError:  # removed since it was listed
        return []
    return sorted(found)


def _is_name(name: str) -> bool:
    """Whether a part of a key can be a file's name: nothing that walks (`..`), and nothing that a terminal would obey."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= _MAX_NAME_BYTES and name not in {".", ".."} and not any(c < " " or c in "\x7f\\" for c in name)


def _is_object(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    """Not the change time: a hard link to the object changes that, and nothing else."""
    return ObjectInfo(key=key, size=found.st_size, etag=f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}")


def _taken(key: str) -> Conflict:
    return Conflict(f"there is an object {key} already")


def _not_found(key: str) -> NotFound:
    return NotFound(f"there is no object {key}")


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error
