"""One attempt at a job: what planning, cutting and joining share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from stereo_spot_media.sandbox import ChildLimits, run_in_child
from stereo_spot_runtime.context import WorkContext
from stereo_spot_shared.base import Value
from stereo_spot_shared.jobs import Job, Stage
from stereo_spot_shared.pipeline import STAGES

T = TypeVar("T")


class Attempt:
    """Runs a job's media work in child processes, for as long as the job stays in the status it has now."""

    def __init__(self, context: WorkContext, job: Job, stage: Stage, *, earlier_seconds: float = 0.0) -> None:
        self.context = context
        self.job = job
        self._stage = stage
        self.watch = context.watch({job.status})
        self._started = time.monotonic() - earlier_seconds

    @property
    def seconds(self) -> float:
        """What the stage took so far, earlier attempts included as far as they are known."""
        return time.monotonic() - self._started

    def in_child(
        self,
        function: str,
        task: Value,
        *,
        returns: type[T],
        on_progress: Callable[[Any], None],
        should_stop: Callable[[], bool] = lambda: False,
        limits: ChildLimits | None = None,
    ) -> T:
        """Run a function of `media_worker.tasks` on hostile media; see `sandbox.run_in_child`.

        Interrupted when the worker is to stop, when the job is no longer wanted, or when `should_stop` says so.
        """
        return run_in_child(
            function,
            task,
            returns=returns,
            limits=limits,
            on_progress=on_progress,
            should_stop=lambda: self.context.should_stop() or self.watch.given_up() or should_stop(),
            stall_seconds=STAGES[self._stage].stall_seconds,
        )
