"""Every table of the database. Plain SQLAlchemy Core: what only SQLite knows is in `engine.py`.

Values are stored whole as JSON in `body`; a column of its own is what a query looks for or what fences a write.
Times are integers (the unit is in the name), since floats of seconds cannot be compared exactly.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

DATABASE_VERSION = 3
"""Version of this layout; raised with a migration in `engine.py`. A newer database is refused."""

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_us", BigInteger, nullable=False),  # set once: a page's cursor is a place in this order
    Column("name", Text, nullable=False, server_default=""),  # of the source, casefolded: what is searched
    Column("body", Text, nullable=False),
    Index("jobs_by_time", "created_us", "job_id"),
    Index("jobs_by_status", "status", "created_us", "job_id"),
)

segment_completions = Table(
    "segment_completions",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("segment_index", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)

activity = Table(
    "activity",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("stage", String(20), primary_key=True),
    Column("segment_index", Integer, primary_key=True),  # -1: the work is not about one segment (a key holds no NULL)
    Column("body", Text, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("pool", String(64), primary_key=True),
    Column("holder", String(128), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("queue", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("visible_ms", BigInteger),  # from when on it may be received; NULL: never, it is a dead letter
    Column("since_ms", BigInteger, nullable=False),  # when visible_ms was set: tells a clock that was turned back
    Column("attempts", Integer, nullable=False),
    Column("receipt", String(32)),  # of the delivery under way; NULL: nobody holds it
    Column("receiver", String(255)),  # the process that holds it (processes.ProcessIdentity)
    Column("reason", Text),  # why it is a dead letter
    Index("messages_by_time", "queue", "visible_ms", "id"),
    sqlite_autoincrement=True,  # an id names one message for ever, in logs too
)
