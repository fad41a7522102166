"""The reconciler: asks `next_steps` for jobs of which nothing was heard. Lose every message, run it, and all jobs finish."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import NotFound, RetryableError, StereoSpotError
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Job, Stage
from stereo_spot_shared.pipeline import AWAITED

_UNDER_WAY = frozenset(status for status in AWAITED if not status.is_final)
_ENDED = frozenset(status for status in AWAITED if status.is_final)

_IDLE_QUEUE, _BUSY_QUEUE = 0.2, 8.0
_ENDED_EVERY = 20


@dataclass
class ReconcileReport:
    """What a round found and did, in words."""

    looked_at: int = 0
    moved: list[str] = field(default_factory=list)
    """One sentence for each job that was moved on."""
    broken: list[str] = field(default_factory=list)
    """One sentence for each job that could not be looked after; the others were."""


def reconcile(platform: Platform, *, patience: float = 1.0, job_ids: Iterable[str] | None = None, ended: bool = True) -> ReconcileReport:
    """Look after all jobs, or those of `job_ids`; with `ended` also after those that wait only to be swept.

    A message is taken for lost when nothing has been heard for its stage's `resend_seconds` times `patience`; sooner
    where the stage's queue is empty (then it can be nowhere), much later where a backlog still hides it. 0 sends all
    that is missing again at once.
    """
    report = ReconcileReport()
    patiences = _Patiences(platform, patience)
    for job in _jobs(platform, job_ids, ended, report):
        report.looked_at += 1
        try:
            after = advance(platform, job.job_id, patience=patiences.of(job))
        except StereoSpotError as error:
            # One job must not stop the others; a store that is away stops all, and the next round tries again.
            report.broken.append(f"job {job.job_id} ({job.status}): {error}")
            continue
        if after.version != job.version:
            report.moved.append(_moved(job, after))
    return report


def run_reconciler(platform: Platform, *, seconds: float, stop: threading.Event) -> None:
    """Reconcile every `seconds` until `stop` is set."""
    log = get_logger()
    turn = 0
    while not stop.is_set():
        try:
            # Those that ended are many and seldom need anything: most rounds leave them out.
            report = reconcile(platform, ended=turn % _ENDED_EVERY == 0)
        except StereoSpotError as error:
            log.warning("the jobs could not be looked after", error=str(error))
        else:
            for sentence in report.moved:
                log.info("reconciled", what=sentence)
            for sentence in report.broken:
                log.warning("not reconciled", what=sentence)
        turn += 1
        stop.wait(seconds)


def _jobs(platform: Platform, job_ids: Iterable[str] | None, ended: bool, report: ReconcileReport) -> Iterator[Job]:
    if job_ids is not None:
        for job_id in job_ids:
            try:
                yield platform.jobs.get(job_id)
            except NotFound as error:
                report.broken.append(str(error))
        return
    statuses = _UNDER_WAY | _ENDED if ended else _UNDER_WAY
    cursor = None
    while True:
        page = platform.jobs.list(statuses=statuses, cursor=cursor)
        report.broken += page.unreadable
        yield from (job for job in page.jobs if not (job.status.is_final and job.swept))
        if (cursor := page.cursor) is None:
            return


class _Patiences:
    """The patience with each stage's messages, by how full its queue is; every queue is asked once a round."""

    def __init__(self, platform: Platform, patience: float) -> None:
        self._platform, self._patience = platform, patience
        self._factors: dict[Stage, float] = {}

    def of(self, job: Job) -> float:
        stage = AWAITED.get(job.status)
        if stage is None or not self._patience:
            return self._patience
        if stage not in self._factors:
            self._factors[stage] = self._factor(stage)
        return self._patience * self._factors[stage]

    def _factor(self, stage: Stage) -> float:
        try:
            depth = self._platform.queues[stage].depth()
        except RetryableError:
            return 1.0
        if depth.waiting:
            return _BUSY_QUEUE
        return 1.0 if depth.in_flight else _IDLE_QUEUE


def _moved(before: Job, after: Job) -> str:
    if after.status is not before.status:
        return f"job {after.job_id}: {before.status} → {after.status}"
    return f"job {after.job_id} ({after.status}): its messages were sent again"
