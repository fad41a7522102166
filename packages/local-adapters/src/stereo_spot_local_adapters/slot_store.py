"""Who holds which slots, in one table."""

from __future__ import annotations

import time

from sqlalchemy import bindparam, delete, func, select, update

from stereo_spot_local_adapters.engine import Database, insert_if_absent
from stereo_spot_local_adapters.tables import slots
from stereo_spot_shared.errors import Conflict, NotFound, StoreUnavailable

_MINE = (slots.c.pool == bindparam("which"), slots.c.holder == bindparam("whose"))

_ENDED = delete(slots).where(slots.c.pool == bindparam("which"), slots.c.until_ms <= bindparam("now"))
_HELD = select(func.count()).select_from(slots).where(slots.c.pool == bindparam("which"))
_EXTEND = update(slots).where(*_MINE, slots.c.until_ms > bindparam("now")).values(until_ms=bindparam("until"))
_FREE = delete(slots).where(*_MINE)


class SqlSlotStore:
    """`SlotStore` on the database. Slots end by themselves, so they need no fsync."""

    def __init__(self, database: Database) -> None:
        self._transactions = database.transactions(StoreUnavailable, durable=False)

    def take(self, pool: str, holder: str, *, limit: int, seconds: float) -> bool:
        now = _now_ms()
        with self._transactions.write() as connection:
            connection.execute(_ENDED, {"which": pool, "now": now})
            row = {"pool": pool, "holder": holder, "until_ms": now + int(seconds * 1000)}
            held = connection.execute(_HELD, {"which": pool}).scalar_one()
            if not insert_if_absent(connection, slots, row):
                raise Conflict(f"{holder} holds a slot of {pool} already")
            if held >= limit:
                connection.execute(_FREE, {"which": pool, "whose": holder})
            return held < limit

    def extend(self, pool: str, holder: str, seconds: float) -> None:
        now = _now_ms()
        changes = {"which": pool, "whose": holder, "now": now, "until": now + int(seconds * 1000)}
        with self._transactions.write() as connection:
            if connection.execute(_EXTEND, changes).rowcount == 0:
                raise NotFound(f"{holder} holds no slot of {pool} any more")

    def free(self, pool: str, holder: str) -> None:
        with self._transactions.write() as connection:
            connection.execute(_FREE, {"which": pool, "whose": holder})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
