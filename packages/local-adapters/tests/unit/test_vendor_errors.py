from __future__ import annotations

import errno
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_local_adapters.vendor_errors import DEFECT, SQLITE_FAULTS, database_errors, storage_error
from stereo_spot_shared.errors import NoSpaceLeft, QueueUnavailable, RetryableError, StorageUnavailable

PATH = Path("/data/stereo-spot.db")
NOT_ERRORS = {"SQLITE_OK", "SQLITE_ROW", "SQLITE_DONE", "SQLITE_NOTICE", "SQLITE_WARNING"}


def primary_codes() -> dict[str, int]:
    """The result codes of SQLite that the driver knows (authorizer actions share the prefix: codes are documented up to 26)."""
    raised = re.compile(
        r"SQLITE_(ERROR|INTERNAL|PERM|ABORT|BUSY|LOCKED|NOMEM|READONLY|INTERRUPT|IOERR|CORRUPT|NOTFOUND|FULL|CANTOPEN|PROTOCOL|EMPTY"
        r"|SCHEMA|TOOBIG|CONSTRAINT|MISMATCH|MISUSE|NOLFS|AUTH|FORMAT|RANGE|NOTADB)"
    )
    return {name: getattr(sqlite3, name) for name in dir(sqlite3) if raised.fullmatch(name)}


def test_every_result_code_of_sqlite_has_a_meaning():
    assert sorted(primary_codes().values()) == list(range(1, 27)) == sorted(SQLITE_FAULTS)


@pytest.mark.parametrize("code", sorted(SQLITE_FAULTS))
@pytest.mark.parametrize("wrapped", [True, False])
def test_each_code_is_raised_as_what_it_means(code, wrapped):
    origin = sqlite3.OperationalError("the driver's words")
    origin.sqlite_errorcode = code | (3 << 8)  # an extended code means what its primary code means
    error = sqlalchemy.exc.OperationalError("SELECT", {}, origin) if wrapped else origin
    with pytest.raises(Exception) as caught, database_errors(PATH, QueueUnavailable):  # noqa: PT011  # which one is asserted below
        raise error
    if SQLITE_FAULTS[code] is DEFECT:
        assert caught.value is error
        return
    assert isinstance(caught.value, NoSpaceLeft if code == sqlite3.SQLITE_FULL else QueueUnavailable)
    assert str(PATH) in str(caught.value) or code == sqlite3.SQLITE_FULL
    assert caught.value.__cause__ is error


@given(st.sampled_from(sorted(errno.errorcode)))
def test_every_error_of_the_system_is_in_the_tree(number):
    translated = storage_error(OSError(number, "words"), PATH)
    assert isinstance(translated, RetryableError)
    assert isinstance(translated, NoSpaceLeft) == (number in {errno.ENOSPC, errno.EDQUOT})
    assert isinstance(translated, (StorageUnavailable, NoSpaceLeft))
    assert str(PATH) in translated.message
    assert translated.hint
