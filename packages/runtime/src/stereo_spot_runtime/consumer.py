"""The one receive loop, for all stages."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import structlog

from stereo_spot_runtime import retry
from stereo_spot_runtime.context import Signs, WorkContext
from stereo_spot_runtime.lease import Lease
from stereo_spot_runtime.logging import get_logger
from stereo_spot_runtime.telemetry import handling
from stereo_spot_runtime.updates import back_off, update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.errors import (
    Conflict,
    Interrupted,
    InvalidMessage,
    NotFound,
    RenderFailed,
    RetryableError,
    SourceUnreachable,
    UnknownSchema,
    Waiting,
)
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.interfaces.queue import Delivery
from stereo_spot_shared.jobs import Job, JobError, JobStatus, Stage
from stereo_spot_shared.messages import Message, SegmentReady
from stereo_spot_shared.pipeline import STAGES, StageSpec

Handler = Callable[[Any, WorkContext], None]
"""Does one message's work and returns, or raises one of the errors of `stereo_spot_shared.errors`.

It is given the message type of its stage. It must be idempotent: a message may come again at any time.
"""

_SETTLE_TRIES = 5


class QueueConsumer:
    """Receives the messages of one stage and has each handled, one at a time, until `stop` is set.

    Success acknowledges the message; `retry` decides about everything else. `on_hung` is called from another thread
    when a handler neither moves nor stops; it must end the process, since nothing else can end the handler.
    """

    def __init__(
        self,
        stage: Stage,
        handler: Handler,
        platform: Platform,
        *,
        worker: str,
        stop: threading.Event,
        on_hung: Callable[[QueueConsumer], None],
        wait_seconds: float = 1.0,
        grace_seconds: float = 10.0,
        report_seconds: float = 1.0,
        spec: StageSpec | None = None,
    ) -> None:
        self.stage = stage
        self._handler, self._platform, self._worker, self._stop = handler, platform, worker, stop
        self._on_hung, self._wait_seconds, self._grace_seconds = on_hung, wait_seconds, grace_seconds
        self._spec = spec or STAGES[stage]
        self._queue = platform.queues[stage]
        self._lease: Lease | None = None
        self._troubles = 0
        self._signs = Signs(report_seconds)
        self._log = get_logger()

    def run(self) -> None:
        """Receive and handle until `stop` is set. No error of the platform ends it."""
        failures = 0
        while not self._stop.is_set():
            try:
                deliveries = self._queue.receive(wait_seconds=self._wait_seconds)
                failures = 0
            except RetryableError as error:
                self._log.warning("nothing could be received", stage=self.stage.value, error=str(error))
                self._stop.wait(retry.backoff(0.5, failures, random.random()))  # noqa: S311  # not a secret
                failures += 1
                continue
            for delivery in deliveries:
                self.handle(delivery)

    def handle(self, delivery: Delivery) -> None:
        """Have one delivery handled and settled."""
        if self._stop.is_set():
            self._settle(delivery, retry.Release(0.0, counted=False, reason="the worker stops"))
            return
        try:
            message = self._spec.message.decode(delivery.body)
        except (InvalidMessage, UnknownSchema) as error:
            self._log.error("a message could not be read", stage=self.stage.value, error=str(error))
            self._settle(delivery, retry.decide_unreadable(error))
            return
        segment = {"segment_index": message.segment_index} if isinstance(message, SegmentReady) else {}
        with (
            structlog.contextvars.bound_contextvars(
                worker=self._worker, stage=self.stage.value, job_id=message.job_id, attempt=delivery.attempt, **segment
            ),
            handling(self.stage, message, delivery.attempt) as record,
        ):
            record.outcome = self._work(delivery, message)

    def release_held(self, *, counted: bool) -> None:
        """Hand back what is held at this moment, for a process that is about to end without its handler."""
        if (lease := self._lease) is not None and not lease.lost:
            self._settle(lease.delivery, retry.Release(0.0, counted=counted, reason="the process ends"))

    def _work(self, delivery: Delivery, message: Message) -> str:
        """Run the handler and settle the message; returns the outcome in one word."""
        lease = Lease(
            self._queue,
            delivery,
            self._spec,
            stop=self._stop,
            grace_seconds=self._grace_seconds,
            on_hung=lambda: self._on_hung(self),
        )
        context = WorkContext(
            self._platform, self._worker, delivery.attempt, message, lease, self._log, redelivered=delivery.redelivered, signs=self._signs
        )
        if (end := retry.exhausted(message, self._spec, attempt=delivery.attempt)) is not None:
            self._explain(context, end)
            return self._settle(delivery, end, message)
        failure: Exception | None = None
        self._lease = lease
        try:
            with lease:
                self._handler(message, context)
        except Exception as error:  # noqa: BLE001  # whatever a handler raises is decided about, and ends only its message
            failure = error
        finally:
            self._lease = None
        if lease.lost:
            # Neither acknowledged nor released: it is another's by now. What was finished is fenced by the store.
            return "lost"
        decision = self._decide(failure, delivery, message, lease)
        if not self._stop.is_set():
            self._explain(context, decision)
        return self._settle(delivery, decision, message)

    def _explain(self, context: WorkContext, decision: retry.Decision | None) -> None:
        """Let the last sign of life say why the work waits, or why it ended where no job can fail by it and say so itself."""
        match decision:
            case retry.Release(reason=reason):
                context.report(note=reason)
            case retry.Fail(error) if not any(JobStatus.FAILED in pipeline.ALLOWED[status] for status in self._spec.statuses):
                context.report(note=error.message)

    def _decide(self, failure: Exception | None, delivery: Delivery, message: Message, lease: Lease) -> retry.Decision | None:
        """None to acknowledge."""
        if failure is None or (isinstance(failure, NotFound) and self._is_gone(message.job_id)):
            self._troubles = 0
            return None
        if isinstance(failure, Interrupted):
            if self._stop.is_set():
                return retry.Release(0.0, counted=False, reason="the worker stops")
            if lease.stalled:
                failure = RenderFailed(f"no progress for {self._spec.stall_seconds} s")
        decision = retry.decide(
            failure,
            message,
            self._spec,
            attempt=delivery.attempt,
            troubles=self._troubles,
            jitter=random.random(),  # noqa: S311  # not a secret
        )
        if isinstance(failure, Waiting):
            return decision
        # Of one that nobody foresaw the traceback is wanted; ours say in a sentence what happened.
        foreseen = isinstance(failure, RetryableError | RenderFailed | SourceUnreachable) or isinstance(
            decision, retry.Fail | retry.DeadLetter
        )
        self._log.warning(
            "the work failed", code=retry.code_of(failure), error=retry.describe(failure), exc_info=None if foreseen else failure
        )
        self._troubles = self._troubles + 1 if isinstance(failure, RetryableError) else 0
        return decision

    def _is_gone(self, job_id: str) -> bool:
        try:
            self._platform.jobs.get(job_id)
        except NotFound:
            return True
        except RetryableError:
            return False
        return False

    def _settle(self, delivery: Delivery, decision: retry.Decision | None, message: Message | None = None) -> str:
        """Carry out `decision` (None: acknowledge); returns the outcome in one word.

        A queue or store that does not answer is asked a few times; after that the message comes again by itself when
        its visibility ends, and the store fences what was done.
        """
        for attempt in range(_SETTLE_TRIES):
            try:
                return self._carry_out(delivery, decision, message)
            except Conflict:
                self._log.warning("the receipt was lost: the message comes again")
                return "lost"
            except RetryableError as error:
                self._log.warning("the message could not be settled", error=str(error))
                back_off(attempt + 4)
        return "unsettled"

    def _carry_out(self, delivery: Delivery, decision: retry.Decision | None, message: Message | None) -> str:
        match decision:
            case None:
                self._queue.ack(delivery)
                return "done"
            case retry.Release(delay_seconds, counted, reason):
                self._queue.release(delivery, delay_seconds=delay_seconds, counted=counted)
                self._log.info("the message was handed back", delay_seconds=round(delay_seconds, 1), counted=counted, reason=reason)
                return "retried" if counted else "released"
            case retry.Fail(error):
                # First the job, then the message: a crash in between repeats this, it never loses the reason.
                if message is not None:
                    self._fail_job(message, error)
                self._queue.dead_letter(delivery, error.message)
                return "failed"
            case retry.DeadLetter(reason):
                self._queue.dead_letter(delivery, reason)
                return "dead"

    def _fail_job(self, message: Message, error: JobError) -> None:
        def change(job: Job) -> Job | None:
            """Only a job that still waits for this very work fails by it."""
            if job.status not in self._spec.statuses or JobStatus.FAILED not in pipeline.ALLOWED[job.status]:
                return None
            if isinstance(message, SegmentReady) and self._platform.completions.get(job.job_id, message.segment_index):
                return None
            return pipeline.fail(job, error)

        try:
            job = update_job(self._platform, message.job_id, change)
        except NotFound:
            return
        if job.error == error:
            self._log.error("the job failed", code=error.code, error=error.message, hint=error.hint)
