"""Files that appear whole or not at all: made under a temporary name, brought to the disk, then given their name."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stereo_spot_local_adapters.processes import ProcessIdentity, is_dead, this_process
from stereo_spot_shared.errors import SourceChanged

BLOCK = 1 << 20
_KERNEL_BLOCK = 64 << 20
_PREFIX, _SUFFIX = ".stereo-spot-", ".part"
_NO_SHARING = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
"""Errors that say that two files cannot share blocks here: another file system, or one that knows no links."""


@contextmanager
def temporary_path(directory: Path) -> Iterator[Path]:
    """A fresh name in `directory`; whatever lies there at the end is removed.

    The name says which process made it, so that `sweep` can remove what a killed one left behind.
    """
    path = directory / f"{_PREFIX}{secrets.token_hex(6)}-{this_process()}{_SUFFIX}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep(directory: Path) -> int:
    """Remove the temporary files in `directory` whose makers are dead; returns how many."""
    removed = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if _is_left_behind(entry.name):
                with suppress(OSError):  # another process sweeps too
                    Path(entry.path).unlink()
                    removed += 1
    return removed


def share_or_copy(source: Path, target: Path) -> os.stat_result:
    """Make `target` hold what `source` holds: a hard link, else shared blocks, else a copy in bounded memory.

    Returns the state of `source` that `target` holds. `source` is no symbolic link (a hard link would be made of the
    link itself). SourceChanged where it is written to while it is copied.
    """
    try:
        os.link(source, target)
        return target.stat()
    except OSError as error:
        if error.errno not in _NO_SHARING:
            raise
    return _copy(source, target)


def write(data: bytes, target: Path) -> None:
    """Make a new file of `data` that nobody but its owner reads: what a program writes by itself may be a secret."""
    with open(target, "xb", buffering=0, opener=_for_the_owner) as file:
        _write_all(file.fileno(), data)
        _mark_as_new(file.fileno())


def make_directory(path: Path) -> None:
    """Make a directory and its parents where they are missing, while others remove empty ones.

    FileNotFoundError where one vanished meanwhile, NotADirectoryError where something else has the name of one.
    `Path.mkdir` says FileExistsError of both, which here would be taken for the object's own name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        kind = NotADirectoryError if path.exists() else FileNotFoundError
        raise kind(error.errno, error.strerror, str(path)) from error


def publish(temporary: Path, target: Path, *, if_absent: bool) -> None:
    """Give a finished file its name at once. FileExistsError where `if_absent` and the name is taken."""
    if not if_absent:
        # Where both names are the same file already, rename does nothing; the temporary name is removed by its owner.
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_SHARING:
            raise
        rename_to_free_name(temporary, target)


def rename_to_free_name(source: Path, target: Path) -> None:
    """Rename where the file system knows no hard links (exFAT). FileExistsError where the name is taken."""
    if sys.platform == "win32":
        source.rename(target)
        return
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, "the file system knows no hard links", str(target))
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    here, only_if_free = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
    if renameat2(here, os.fsencode(source), here, os.fsencode(target), only_if_free) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def sync_file(path: Path) -> None:
    """Bring a file's content to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Bring a directory's names to the disk (Windows does so by itself, and cannot be asked to)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _copy(source: Path, target: Path) -> os.stat_result:
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        before = os.fstat(reader.fileno())
        done = 0
        if hasattr(os, "copy_file_range"):
            done = _copy_in_kernel(reader.fileno(), writer.fileno())
        reader.seek(done)
        writer.seek(done)
        while block := reader.read(BLOCK):
            _write_all(writer.fileno(), block)
        _mark_as_new(writer.fileno())
        after = os.fstat(reader.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(f"{source} was written to while it was stored", hint="Wait until the file is complete.")
    return after


def _copy_in_kernel(reader: int, writer: int) -> int:
    """Copy as far as the kernel can (it shares blocks where the file system knows how); returns the bytes copied."""
    done = 0
    try:
        while count := os.copy_file_range(reader, writer, _KERNEL_BLOCK, done, done):
            done += count
    except OSError as error:
        if error.errno not in _NO_SHARING:
            raise
    return done


def _mark_as_new(descriptor: int) -> None:
    """Give a file a modification time of its own: the kernel's clock stands still for milliseconds, and an inode that was
    just freed is used again at once, so two contents could look the same otherwise.
    """
    now = time.time_ns()
    if os.utime in os.supports_fd:
        os.utime(descriptor, ns=(now, now))


def write_all_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write `data` at `offset`, all of it."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def remove_empty(directory: Path, root: Path) -> None:
    """Remove directories that became empty, upwards to `root`, and bring that to the disk."""
    while directory != root:
        try:
            directory.rmdir()
        except FileNotFoundError:
            pass  # somebody else was faster
        except OSError:
            break  # not empty (any more)
        directory = directory.parent
    with suppress(FileNotFoundError):
        sync_directory(directory)


def _write_all(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _is_left_behind(name: str) -> bool:
    if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
        return False
    _, _, maker = name.removeprefix(_PREFIX).removesuffix(_SUFFIX).partition("-")
    try:
        return is_dead(ProcessIdentity.parse(maker))
    except ValueError:
        return False
