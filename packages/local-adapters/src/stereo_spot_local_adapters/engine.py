"""The database: one SQLite file that any number of processes use at once. What only SQLite knows is here.

- Write-ahead log: readers never wait for the writer, a writer never for readers.
- Every write transaction takes the write lock at its beginning (BEGIN IMMEDIATE), so it never fails half-way because
  another was faster; waiting for the lock is bounded by `busy_seconds`.
- A durable transaction is on the disk when it returns (synchronous=FULL: the log is fsynced). A hint (messages,
  activity) survives the death of any process but may be lost in a power cut, unless a durable one follows: both share
  one log, and its fsync covers everything before.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from stereo_spot_local_adapters.tables import DATABASE_VERSION, jobs, metadata, slots
from stereo_spot_local_adapters.vendor_errors import database_errors, is_busy
from stereo_spot_shared.errors import RetryableError, StoreUnavailable, UnknownSchema

_APPLICATION_ID = 0x53743344
"""In the file's header: this database is StereoSpot's ("St3D")."""
_LOG_BYTES = 64 << 20
"""What the write-ahead log is cut back to after a checkpoint."""


class Database:
    """Connections to one database file, made and brought to the current layout when opened.

    UnknownSchema where a newer version wrote it, StoreUnavailable where it cannot be used. Pickled by its address:
    another process opens its own connections.
    """

    def __init__(self, path: Path, *, busy_seconds: float = 20.0) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        with database_errors(path, StoreUnavailable):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _create_engine(path, busy_seconds)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path, self._busy_seconds)

    def transactions(self, unavailable: type[RetryableError], *, durable: bool) -> Transactions:
        """Access for one store: the error that says that *it* is unavailable, and whether its writes are fsynced."""
        return Transactions(self, self._engine, unavailable, durable)

    def close(self) -> None:
        self._engine.dispose()

    def _prepare(self) -> None:
        """Make or check the layout. Safe when many processes start at once: whoever gets the write lock makes it.

        While the log is being turned on SQLite reports other processes at once instead of waiting for them (they might
        wait for each other); so that is tried again here, within the same bound.
        """
        give_up = time.monotonic() + self._busy_seconds
        while True:
            try:
                if self._is_current():
                    return
                self._turn_on_log()
                with self._engine.connect() as connection:
                    _choose(connection, write=True, durable=True)
                    with connection.begin():
                        self._create_tables(connection)
            except (DBAPIError, sqlite3.Error) as error:
                if not is_busy(error) or time.monotonic() > give_up:
                    raise
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311  # spreads processes, hides nothing

    def _is_current(self) -> bool:
        with self._engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > DATABASE_VERSION:
                raise UnknownSchema(
                    f"{self.path} was written by a newer version of StereoSpot (layout {version}, this one knows {DATABASE_VERSION})",
                    hint="Update this installation, or choose another data directory.",
                )
            if version == 0 and inspect(connection).get_table_names():
                raise StoreUnavailable(f"{self.path} is a database of another program", hint="Choose another data directory.")
            return bool(version == DATABASE_VERSION)

    def _turn_on_log(self) -> None:
        """A property of the file, kept in it."""
        with closing(self._engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
            mode = cursor.fetchall()[0][0]
        if mode != "wal":
            raise StoreUnavailable(
                f"the file system of {self.path} cannot share a database between processes",
                hint="Choose a data directory on a local disk.",
            )

    def _create_tables(self, connection: Connection) -> None:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version == DATABASE_VERSION:
            return  # another process was first
        if version == 0:
            metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
        if version == 1:
            _from_1_to_2(connection)
        if version in {1, 2}:
            slots.create(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {DATABASE_VERSION}")


def _from_1_to_2(connection: Connection) -> None:
    """The names of sources become a column that can be searched."""
    connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN name TEXT NOT NULL DEFAULT ''")
    for row in connection.execute(select(jobs.c.job_id, jobs.c.body)).all():
        try:
            name = json.loads(row.body)["source"]["name"].casefold()
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged row stays what it is
        connection.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(name=name))


@dataclass(frozen=True)
class Transactions:
    """How one store reads and writes the database: in transactions, with errors in its own name."""

    database: Database
    _engine: Engine
    _unavailable: type[RetryableError]
    _durable: bool

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of everything that was committed before."""
        with self._begin(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All of it happens or nothing; alone among writers from the first statement on."""
        with self._begin(write=True) as connection:
            yield connection

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Connection]:
        with database_errors(self.database.path, self._unavailable), self._engine.connect() as connection:
            _choose(connection, write=write, durable=self._durable)
            with connection.begin():
                yield connection


def insert_if_absent(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its primary key is taken; returns whether it was inserted."""
    return connection.execute(_insert(connection, table).values(**values).on_conflict_do_nothing()).rowcount == 1


def insert_or_replace(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, or overwrite the one with the same primary key."""
    key = [column.name for column in table.primary_key]
    changed = {name: value for name, value in values.items() if name not in key}
    connection.execute(_insert(connection, table).values(**values).on_conflict_do_update(index_elements=key, set_=changed))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _reopen(path: Path, busy_seconds: float) -> Database:
    return Database(path, busy_seconds=busy_seconds)


def _create_engine(path: Path, busy_seconds: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    alive = weakref.ref(engine)

    def forget_inherited() -> None:
        """SQLite forbids using or closing a connection in a forked child: the child makes its own."""
        if (inherited := alive()) is not None:
            inherited.dispose(close=False)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget_inherited)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own: _begin does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")


def _choose(connection: Connection, *, write: bool, durable: bool) -> None:
    connection.execution_options(stereo_spot_write=write, stereo_spot_durable=durable)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("stereo_spot_write", False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options['stereo_spot_durable'] else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
