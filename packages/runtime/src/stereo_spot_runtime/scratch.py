"""Scratch space: a private folder for each attempt, removed at its end, and by the next worker where that was a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stereo_spot_shared.errors import NoSpaceLeft

_PREFIX = "stereo-spot-attempt-"

SPARE_BYTES = 256 * 1024**2
"""Room that is left to everybody else on the disk."""


@contextlib.contextmanager
def attempt_directory(root: Path) -> Iterator[Path]:
    """A folder below `root` that only this process uses; it is removed at the end of the `with` block.

    It is locked while its owner lives, so that `remove_abandoned` can tell it from one whose owner was killed. A lock
    is used and not a process id because workers in several containers may share `root`.
    """
    root.mkdir(parents=True, exist_ok=True)
    path, lock = _locked_directory(root)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_abandoned(root: Path) -> int:
    """Remove the folders of attempts whose process is gone; returns how many there were."""
    removed = 0
    for path in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it is somebody else's, locked, or gone meanwhile
            lock = _lock(path)
            try:
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
            finally:
                os.close(lock)
    return removed


def require_free(path: Path, needed: int, what: str) -> None:
    """NoSpaceLeft, with what to do, where the disk of `path` has not `needed` bytes left for `what`."""
    path.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path).free
    if free < needed + SPARE_BYTES:
        raise NoSpaceLeft(
            f"There is not enough space for {what}: {_gigabytes(needed + SPARE_BYTES)} are needed, {_gigabytes(free)} are free.",
            hint=f"Free some space on the disk of {path}; the work goes on by itself.",
        )


def _locked_directory(root: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        try:
            return path, _lock(path)
        except (FileNotFoundError, BlockingIOError):
            continue  # another worker's `remove_abandoned` came between the two lines above


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
