"""Several requests at once, for one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Place = TypeVar("Place")
Result = TypeVar("Result")

CONCURRENCY = 8


def each_of(action: Callable[[Place], Result], places: Sequence[Place]) -> list[Result]:
    """What `action` returns of each place, CONCURRENCY at a time, in order; the first failure ends the rest.

    Each call has threads of its own, so that a list of jobs does not wait behind a thousand parts of a film.
    """
    if not places:
        return []
    with ThreadPoolExecutor(min(CONCURRENCY, len(places)), thread_name_prefix="aws") as threads:
        futures = [threads.submit(action, place) for place in places]
        try:
            return [future.result() for future in futures]
        finally:
            threads.shutdown(cancel_futures=True)
