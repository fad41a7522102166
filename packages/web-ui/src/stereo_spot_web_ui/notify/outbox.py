"""Messages to others, handed over beside everything else: who does not take one now is asked again later.

What waits is kept in memory. A restart forgets it, as it does not tell of jobs that ended meanwhile.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_web_ui.background import look_now_and_then

LOOK_SECONDS = 1.0
PAUSES = (5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
"""Between a message's tries, in seconds; after the last it is given up."""
LONGEST_PAUSE = 24 * 3600.0
MOST_WAITING = 1000


class TryLater(Exception):
    """A message was not taken now; `after` so many seconds it may be, if the other side said so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


@dataclass(order=True)
class Waiting:
    """A message that is to be handed over when it is due."""

    due: float
    number: int
    what: str = field(compare=False)
    send: Callable[[], None] = field(compare=False)
    tries: int = field(compare=False, default=0)


class Outbox:
    """Messages of one kind, so that none waits for those of another. What hands one over raises TryLater, or an error of the tree, if it is
    to be called again."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def put(self, what: str, send: Callable[[], None]) -> None:
        """Have a message handed over as soon as may be. `what` says in the log what it is."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                get_logger().warning("too many messages wait: one is dropped", what=what)
                return
            heapq.heappush(self._waiting, Waiting(float("-inf"), next(self._numbers), what, send))

    def hand_over(self, now: float) -> None:
        """Try every message that is due at `now` once."""
        due: list[Waiting] = []
        with self._lock:
            while self._waiting and self._waiting[0].due <= now:
                due.append(heapq.heappop(self._waiting))
        for message in due:
            try:
                message.send()
            except (TryLater, StereoSpotError) as error:
                self._put_back(message, error, now)
            except Exception:  # noqa: BLE001  # a fault of the program: neither this message's neighbours nor later ones end by it
                get_logger().exception("a message is given up", what=message.what)

    def run(self, stop: threading.Event) -> None:
        """Hand over until `stop` is set."""
        look_now_and_then(lambda: self.hand_over(time.monotonic()), "for messages to hand over", seconds=LOOK_SECONDS, stop=stop)

    def _put_back(self, message: Waiting, error: Exception, now: float) -> None:
        if message.tries == len(PAUSES):
            get_logger().warning("a message is given up", what=message.what, tries=message.tries + 1, error=str(error))
            return
        asked = getattr(error, "after", None) or 0.0
        message.due = now + min(LONGEST_PAUSE, max(PAUSES[message.tries], asked))
        message.tries += 1
        get_logger().info("a message was not taken; it is tried again", what=message.what, error=str(error))
        with self._lock:
            heapq.heappush(self._waiting, message)


def seconds_asked_for(header: str | None, now: datetime) -> float | None:
    """What a Retry-After header asks for: seconds, or a date. None where there is none, or none that can be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())
