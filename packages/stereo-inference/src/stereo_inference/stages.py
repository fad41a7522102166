"""Stages that overlap: each iterator of a chain in a thread of its own, with few items in between."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
"""How soon a waiting stage notices that it is to end."""


class Stopped(Exception):
    """Another stage failed or the work was given up: this one ends too. Never seen outside this module's threads."""


class Measured(Generic[T]):
    """An iterator that knows how long its consumer has waited for it (seconds)."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        start = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self.seconds += time.perf_counter() - start


class Stages:
    """A chain of stages for the length of a `with` block.

    `run` starts a stage on what the one before yields. With `overlap` each runs in its own thread, or in its consumer's if it is to, at
    most `ahead` items before its consumer (one that works in bursts needs several); without, all run in the caller's thread, one after
    another, and nothing is threaded. What a stage raises is raised where its items are consumed. Leaving the block ends all threads.
    """

    def __init__(self, *, overlap: bool) -> None:
        self._overlap = overlap
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._totals: dict[str, Measured[object]] = {}
        self._waits: dict[str, Measured[object]] = {}
        self._sources: dict[str, str | None] = {}
        self._last: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def run(self, name: str, items: Iterable[T], *, ahead: int = 1, own_thread: bool = True) -> Iterator[T]:
        """Start the stage `name`, which is the iterator `items` (over the stage started before it)."""
        inner: Measured[T] = Measured(items)
        outer = Measured(self._threaded(name, inner, ahead)) if self._overlap and own_thread else inner
        self._totals[name] = inner  # type: ignore[assignment]
        self._waits[name] = outer  # type: ignore[assignment]
        self._sources[name] = self._last
        self._last = name
        return outer

    @property
    def names(self) -> tuple[str, ...]:
        """The stages that were started, in that order."""
        return tuple(self._totals)

    def busy_seconds(self, name: str) -> float:
        """Seconds that the stage has worked, its waiting for the stage before left out."""
        source = self._sources[name]
        return max(0.0, self._totals[name].seconds - (self._waits[source].seconds if source else 0.0))

    def waited_seconds(self) -> float:
        """Seconds that the consumer of the last stage has waited for it."""
        return self._waits[self._last].seconds if self._last else 0.0

    def _threaded(self, name: str, items: Iterator[T], ahead: int) -> Iterator[T]:
        handed: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(ahead)

        def hand(ended: bool, item: T | BaseException | None) -> None:
            while not self._stop.is_set():
                try:
                    return handed.put((ended, item), timeout=POLL_SECONDS)
                except queue.Full:
                    continue
            raise Stopped

        def work() -> None:
            try:
                try:
                    for item in items:
                        hand(False, item)
                        del item  # a picture: not to be kept while the next is awaited
                    hand(True, None)
                except Stopped:
                    raise
                except BaseException as error:  # noqa: BLE001 - it is raised again in the consumer's thread
                    hand(True, error)
            except Stopped:
                pass

        thread = threading.Thread(target=work, name=f"render-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._received(handed)

    def _received(self, handed: queue.Queue[tuple[bool, T | BaseException | None]]) -> Iterator[T]:
        while True:
            try:
                ended, item = handed.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._stop.is_set():
                    raise Stopped from None
                continue
            if not ended:
                yield item  # type: ignore[misc]
                del item
            elif isinstance(item, BaseException):
                raise item
            else:
                return
