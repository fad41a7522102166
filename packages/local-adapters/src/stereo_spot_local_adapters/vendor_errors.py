"""Where errors of SQLite, SQLAlchemy and the operating system become errors of StereoSpot."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy.exc

from stereo_spot_shared.errors import NoSpaceLeft, RetryableError, StereoSpotError, StorageUnavailable


@dataclass(frozen=True)
class Fault:
    """What one of SQLite's result codes means to a person."""

    sentence: str
    hint: str | None = None


NO_ROOM = Fault("there is no space left on the disk of {path}", "Make room on that disk; the work goes on by itself.")
_BUSY = Fault("{path} has been locked by another process for too long", "Is another program holding the database open?")
_DAMAGED = Fault(
    "{path} is damaged, or is not a database",
    "Move the file and its -wal and -shm neighbours away (a new one is made), or put back a copy.",
)
_READ_ONLY = Fault("{path} cannot be written", "Check the owner and the permissions of the file and its directory.")
_UNREADABLE = Fault("{path} could not be read or written", "Check the disk (its log and its health) and the directory.")
_OUT_OF_MEMORY = Fault("there is no memory left to use {path}")
_PASSING = Fault("{path} could not be used just now")
DEFECT = Fault("a statement is wrong")  # not of the platform but of this program: it is raised as it is

SQLITE_FAULTS: dict[int, Fault] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: NO_ROOM,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FORMAT: _DAMAGED,
    sqlite3.SQLITE_EMPTY: _DAMAGED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_AUTH: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _UNREADABLE,
    sqlite3.SQLITE_IOERR: _UNREADABLE,
    sqlite3.SQLITE_NOLFS: _UNREADABLE,
    sqlite3.SQLITE_NOMEM: _OUT_OF_MEMORY,
    sqlite3.SQLITE_ABORT: _PASSING,
    sqlite3.SQLITE_INTERRUPT: _PASSING,
    sqlite3.SQLITE_SCHEMA: _PASSING,
    sqlite3.SQLITE_NOTFOUND: _PASSING,
    sqlite3.SQLITE_CONSTRAINT: DEFECT,
    sqlite3.SQLITE_ERROR: DEFECT,
    sqlite3.SQLITE_INTERNAL: DEFECT,
    sqlite3.SQLITE_MISMATCH: DEFECT,
    sqlite3.SQLITE_MISUSE: DEFECT,
    sqlite3.SQLITE_RANGE: DEFECT,
    sqlite3.SQLITE_TOOBIG: DEFECT,
}
"""By primary result code; complete (a test compares it with the codes that sqlite3 knows)."""

NO_ROOM_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_ROOM_FOR_SQLITE = 1 << 20


@contextmanager
def database_errors(path: Path, unavailable: type[RetryableError]) -> Iterator[None]:
    """Raise what the database at `path` raises as `unavailable` or NoSpaceLeft; defects pass untouched."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        if (translated := _from_driver(error.orig, path, unavailable)) is None:
            raise
        raise translated from error
    except sqlite3.Error as error:  # from a connection's set-up, which SQLAlchemy does not wrap
        if (translated := _from_driver(error, path, unavailable)) is None:
            raise
        raise translated from error
    except OSError as error:
        raise storage_error(error, path, unavailable) from error


def is_busy(error: BaseException) -> bool:
    """Whether the database is only locked for the moment."""
    origin = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    return isinstance(origin, sqlite3.Error) and SQLITE_FAULTS.get(_primary_code(origin)) is _BUSY


def storage_error(error: OSError, path: Path, unavailable: type[RetryableError] = StorageUnavailable) -> StereoSpotError:
    """What an operating system's error about `path` is in our tree."""
    if error.errno in NO_ROOM_ERRNOS:
        return NoSpaceLeft(NO_ROOM.sentence.format(path=path), hint=NO_ROOM.hint)
    in_the_way = error.errno in {errno.EEXIST, errno.ENOTDIR}
    reason = "a file is where a directory should be" if in_the_way else error.strerror or str(error)
    if error.errno == errno.EFBIG:
        hint = "Choose a data directory on another file system, or raise the limit (ulimit -f)."
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = "Check the owner and the permissions of the directory."
    else:
        hint = "Check the directory and its disk."
    return unavailable(f"{path} could not be used: {reason}", hint=hint)


def _from_driver(origin: BaseException | None, path: Path, unavailable: type[RetryableError]) -> StereoSpotError | None:
    if not isinstance(origin, sqlite3.Error):
        return None
    code = _primary_code(origin)
    fault = SQLITE_FAULTS.get(code, _PASSING)
    if fault is DEFECT:
        return None
    if fault is NO_ROOM or (code == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
        return NoSpaceLeft(NO_ROOM.sentence.format(path=path), hint=NO_ROOM.hint)
    return unavailable(f"{fault.sentence.format(path=path)} ({origin})", hint=fault.hint)


def _primary_code(error: sqlite3.Error) -> int:
    """Without SQLite's word the error is the driver's own (a closed connection, a wrong argument): a defect."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    return code & 0xFF


def _disk_is_full(path: Path) -> bool:
    """The shared-memory file of a WAL reports a full disk as an I/O error."""
    try:
        return shutil.disk_usage(path.parent).free < _ROOM_FOR_SQLITE
    except OSError:
        return False
