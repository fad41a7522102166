"""Holding a received message: a watcher beside the handler keeps it hidden, and sees when the handler does not move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import Conflict, StereoSpotError
from stereo_spot_shared.interfaces.queue import Delivery, Queue
from stereo_spot_shared.pipeline import StageSpec


class Lease:
    """A message held while its handler runs; a context manager, left before the message is settled.

    A thread extends the visibility timeout at a third of it. The handler is to stop (`should_stop`) when the process
    stops, when it made no progress for the stage's `stall_seconds`, or when the receipt was lost: then somebody else
    has the message, and what this one finishes must be fenced by the store. A handler that does not stop within
    `grace_seconds` is beyond help: `on_hung` is called, once.
    """

    def __init__(
        self,
        queue: Queue,
        delivery: Delivery,
        spec: StageSpec,
        *,
        stop: threading.Event,
        grace_seconds: float,
        on_hung: Callable[[], None],
    ) -> None:
        self.delivery = delivery
        self.lost = False
        self.stalled = False
        self._queue, self._spec, self._stop = queue, spec, stop
        self._grace_seconds, self._on_hung = grace_seconds, on_hung
        self._log = get_logger()
        self._ended = threading.Event()
        self._extended = self._moved = time.monotonic()
        self._told_to_stop: float | None = None
        self._watcher = threading.Thread(target=self._watch, name=f"lease-{delivery.message_id}", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._watcher.join()

    def moved(self) -> None:
        """The handler made progress."""
        self._moved = time.monotonic()

    def should_stop(self) -> bool:
        """Whether the handler is to give up."""
        return self.lost or self.stalled or self._stop.is_set()

    def _watch(self) -> None:
        pause = min(1.0, self._spec.visibility_seconds / 10, self._spec.stall_seconds / 10, self._grace_seconds / 10)
        while not self._ended.wait(pause):
            now = time.monotonic()
            if not self.lost and now - self._extended >= self._spec.visibility_seconds / 3:
                self._extend(now)
            if not self.stalled and now - self._moved > self._spec.stall_seconds:
                self.stalled = True
                self._log.warning("no progress: the work is given up", seconds=self._spec.stall_seconds)
            if self.should_stop() and self._is_hung(now):
                self._on_hung()
                return

    def _extend(self, now: float) -> None:
        try:
            self._queue.extend(self.delivery, self._spec.visibility_seconds)
            self._extended = now
        except Conflict:
            self.lost = True
            self._log.warning("the receipt was lost: somebody else has the message")
        except StereoSpotError as error:
            # Tried again at the next tick. Once the timeout is over, the message may be with somebody else.
            self.lost = now - self._extended > self._spec.visibility_seconds
            self._log.warning("the message could not be kept hidden", error=str(error), lost=self.lost)

    def _is_hung(self, now: float) -> bool:
        if self._told_to_stop is None:
            self._told_to_stop = now
        return now - self._told_to_stop > self._grace_seconds
