"""A queue: rows of one table, taken in order of the time from which they are visible.

A message is *waiting* (nobody holds it), *in flight* (hidden until `visible_ms`, with the receipt of its delivery and
the process that received it) or *dead* (set aside with a reason). Beyond what `Queue` promises:

- Whoever waited longest comes first; a message that is handed back goes behind the others.
- A message whose receiver's process is dead comes back at once instead of when its visibility timeout ends: after a
  power cut or a SIGKILL nobody waits.
- A clock that is set forward ends time limits early: a message may be delivered a second time while the first receiver
  still works, whose receipt is then stale. A clock that is set back would hide messages; that is noticed
  within a second of idleness, and every row keeps the time that it had left. Nothing is lost either way.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Delete, Update, and_, bindparam, case, delete, func, insert, select, update

from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.processes import ProcessIdentity, is_dead, this_process
from stereo_spot_local_adapters.tables import messages
from stereo_spot_shared.errors import Conflict, QueueUnavailable
from stereo_spot_shared.interfaces import Delivery, QueueDepth

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2
"""Seconds between looks at an empty queue: a look is one indexed read, so an idle worker costs nothing that counts."""
_CARE_EVERY = 1.0
"""Seconds between looks for dead receivers and a clock that was set back, while nothing is visible."""
_CLOCK_SLACK_MS = 1000
"""Processes read the clock at different moments of one transaction: only what is this far in the future was set back."""

_OF_QUEUE = messages.c.queue == bindparam("name")
_VISIBLE = and_(_OF_QUEUE, messages.c.visible_ms <= bindparam("now_ms"))
_HELD = and_(messages.c.receipt.is_not(None), messages.c.visible_ms > bindparam("now_ms"))
_THIS_DELIVERY = and_(messages.c.id == bindparam("row"), _OF_QUEUE, messages.c.receipt == bindparam("held"))
_NOBODYS = {"receipt": None, "receiver": None}

_SEND = insert(messages)

_ANY_VISIBLE = select(messages.c.id).where(_VISIBLE).limit(1)
"""Whether there is something to take; takes no lock."""

_OLDEST_VISIBLE = (
    select(messages.c.id, messages.c.body, messages.c.attempts)
    .where(_VISIBLE)
    .order_by(messages.c.visible_ms, messages.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
"""What a receiver takes. Two receivers never get the same rows: the transaction is alone (SQLite), or skips locked rows."""

_HAND_OUT = (
    update(messages)
    .where(messages.c.id == bindparam("row"))
    .values(
        receipt=bindparam("new_receipt"),
        receiver=bindparam("by"),
        attempts=messages.c.attempts + 1,
        visible_ms=bindparam("until_ms"),
        since_ms=bindparam("now_ms"),
    )
)

_ACK = delete(messages).where(_THIS_DELIVERY)

_EXTEND = update(messages).where(_THIS_DELIVERY).values(visible_ms=bindparam("until_ms"), since_ms=bindparam("now_ms"))

_RELEASE = (
    update(messages)
    .where(_THIS_DELIVERY)
    .values(
        **_NOBODYS,
        attempts=messages.c.attempts - bindparam("uncounted"),
        visible_ms=bindparam("until_ms"),
        since_ms=bindparam("now_ms"),
    )
)

_DEAD_LETTER = (
    update(messages).where(_THIS_DELIVERY).values(**_NOBODYS, visible_ms=None, since_ms=bindparam("now_ms"), reason=bindparam("why"))
)

_OLDEST_DEAD = select(messages.c.id).where(_OF_QUEUE, messages.c.visible_ms.is_(None)).order_by(messages.c.id).limit(bindparam("most"))
_REDRIVE = (
    update(messages)
    .where(messages.c.id.in_(_OLDEST_DEAD))
    .values(visible_ms=bindparam("now_ms"), since_ms=bindparam("now_ms"), attempts=0, reason=None)
)

_DEPTH = select(
    func.count(messages.c.visible_ms),
    func.sum(case((_HELD, 1), else_=0)),
    func.count(),
).where(_OF_QUEUE)

_RECEIVERS = select(messages.c.receiver).where(_OF_QUEUE, _HELD, messages.c.receiver.is_not(None)).distinct()
"""Every process that holds a message."""

_FREE_RECEIVER = (
    update(messages)
    .where(_OF_QUEUE, messages.c.receiver == bindparam("gone"))
    .values(**_NOBODYS, visible_ms=bindparam("now_ms"), since_ms=bindparam("now_ms"))
)
"""Makes visible what a process held. That delivery stays counted: a message that kills its receivers must end as poison."""

_FROM_THE_FUTURE = and_(_OF_QUEUE, messages.c.visible_ms > bindparam("now_ms"), messages.c.since_ms > bindparam("now_ms") + _CLOCK_SLACK_MS)
_ANY_FROM_THE_FUTURE = select(messages.c.id).where(_FROM_THE_FUTURE).limit(1)
_CATCH_UP = (
    update(messages)
    .where(_FROM_THE_FUTURE)
    .values(visible_ms=messages.c.visible_ms - messages.c.since_ms + bindparam("now_ms"), since_ms=bindparam("now_ms"))
)
"""After the clock was set back: every row keeps the time that it had left."""


class SqlQueue:
    """`Queue` on the database: the queue called `name`, with its visibility timeout in seconds.

    `clock` gives seconds since the epoch; all processes of one database share the machine's.
    """

    def __init__(self, database: Database, name: str, *, visibility_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._transactions = database.transactions(QueueUnavailable, durable=False)
        self._name = name
        self._visibility_seconds = visibility_seconds
        self._clock = clock
        self._next_care = float("-inf")

    def send(self, body: str, *, delay_seconds: float = 0.0) -> None:
        self._send([body], delay_seconds)

    def send_batch(self, bodies: Sequence[str]) -> None:
        if bodies:
            self._send(bodies, 0.0)

    def receive(self, *, max_messages: int = 1, wait_seconds: float = 0.0) -> list[Delivery]:
        give_up = time.monotonic() + wait_seconds
        pause = _SHORTEST_PAUSE
        while True:
            if (self._any_visible() or self._take_care()) and (taken := self._take(max_messages)):
                return taken
            left = give_up - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def ack(self, delivery: Delivery) -> None:
        self._end(_ACK, delivery)

    def extend(self, delivery: Delivery, seconds: float) -> None:
        self._end(_EXTEND, delivery, **self._hidden_for(seconds))

    def release(self, delivery: Delivery, *, delay_seconds: float = 0.0, counted: bool = True) -> None:
        self._end(_RELEASE, delivery, uncounted=0 if counted else 1, **self._hidden_for(delay_seconds))

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        self._end(_DEAD_LETTER, delivery, why=reason, now_ms=self._now_ms())

    def depth(self) -> QueueDepth:
        with self._transactions.read() as connection:
            alive, held, rows = connection.execute(_DEPTH, self._now()).one()
        return QueueDepth(waiting=alive - (held or 0), in_flight=held or 0, dead=rows - alive)

    def redrive(self, *, limit: int = 100) -> int:
        with self._transactions.write() as connection:
            return connection.execute(_REDRIVE, {**self._now(), "most": limit}).rowcount

    def _send(self, bodies: Sequence[str], delay_seconds: float) -> None:
        with self._transactions.write() as connection:
            times = self._hidden_for(delay_seconds)
            row = {"queue": self._name, "visible_ms": times["until_ms"], "since_ms": times["now_ms"], "attempts": 0}
            connection.execute(_SEND, [{**row, "body": body} for body in bodies])

    def _any_visible(self) -> bool:
        with self._transactions.read() as connection:
            return connection.execute(_ANY_VISIBLE, self._now()).first() is not None

    def _take(self, most: int) -> list[Delivery]:
        with self._transactions.write() as connection:
            times = self._hidden_for(self._visibility_seconds)  # now that the lock was got: the wait for it does not count
            rows = connection.execute(_OLDEST_VISIBLE, {"name": self._name, "now_ms": times["now_ms"], "most": most}).all()
            if not rows:
                return []  # others were faster
            receiver = str(this_process())
            hand_out = [{"row": row.id, "new_receipt": secrets.token_hex(12), "by": receiver, **times} for row in rows]
            connection.execute(_HAND_OUT, hand_out)
        return [
            Delivery(message_id=str(row.id), body=row.body, receipt=given["new_receipt"], attempt=row.attempts + 1)
            for row, given in zip(rows, hand_out, strict=True)
        ]

    def _end(self, statement: Update | Delete, delivery: Delivery, **values: Any) -> None:
        """Carry out what a receiver decided about its delivery, if it is still that receiver's."""
        this_delivery = {"name": self._name, "row": int(delivery.message_id), "held": delivery.receipt}
        with self._transactions.write() as connection:
            if connection.execute(statement, {**this_delivery, **values}).rowcount == 0:
                raise Conflict(f"message {delivery.message_id} of queue {self._name} is no longer held by this delivery")

    def _hidden_for(self, seconds: float) -> dict[str, int]:
        now_ms = self._now_ms()
        return {"now_ms": now_ms, "until_ms": now_ms + round(seconds * 1000)}

    def _take_care(self) -> bool:
        """At most once a second: free what dead processes hold, and mend times after a clock was set back."""
        if time.monotonic() < self._next_care:
            return False
        self._next_care = time.monotonic() + _CARE_EVERY
        now = self._now()
        with self._transactions.read() as connection:
            set_back = connection.execute(_ANY_FROM_THE_FUTURE, now).first() is not None
            receivers = connection.execute(_RECEIVERS, now).scalars().all()
        gone = [receiver for receiver in receivers if is_dead(ProcessIdentity.parse(receiver))]
        if not set_back and not gone:
            return False
        with self._transactions.write() as connection:
            now = self._now()
            if set_back:
                connection.execute(_CATCH_UP, now)
            if gone:
                connection.execute(_FREE_RECEIVER, [{**now, "gone": receiver} for receiver in gone])
        return True

    def _now(self) -> dict[str, Any]:
        return {"name": self._name, "now_ms": self._now_ms()}

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)
