"""The receive loop on the real embedded platform, with handlers that do what handlers do wrong. Named after the faults."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import structlog

from stereo_spot_runtime import QueueConsumer, WorkContext, cancel_job, retry_job, update_job
from stereo_spot_runtime.context import Signs
from stereo_spot_shared import pipeline
from stereo_spot_shared.base import SCHEMA_VERSION
from stereo_spot_shared.errors import (
    Conflict,
    Interrupted,
    NoSpaceLeft,
    NotFound,
    QueueUnavailable,
    RenderFailed,
    StorageUnavailable,
    StoreUnavailable,
    UnsupportedMedia,
)
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import ChunkRequest, RenditionRequest, SegmentReady
from stereo_spot_shared.pipeline import STAGES

QUICK = dataclasses.replace(STAGES[Stage.RENDER], visibility_seconds=2, stall_seconds=60)


def hung(consumer: QueueConsumer) -> None:
    raise AssertionError("the handler was taken for hung")


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def consumer(platform: Platform, stop: threading.Event) -> Callable[..., QueueConsumer]:
    """`consumer(handler, stage=RENDER, **options)`."""

    def make(handler, stage: Stage = Stage.RENDER, **options) -> QueueConsumer:
        options = {"wait_seconds": 0.0, "grace_seconds": 30.0, "on_hung": hung, **options}
        return QueueConsumer(stage, handler, platform, worker="worker", stop=stop, **options)

    return make


def send(platform: Platform, job_id: str, index: int = 0) -> None:
    platform.queues[Stage.RENDER].send(SegmentReady(job_id=job_id, segment_index=index).encode())


def receive(platform: Platform, stage: Stage = Stage.RENDER, wait: float = 5.0):
    (delivery,) = platform.queues[stage].receive(wait_seconds=wait)
    return delivery


def depth(platform: Platform, stage: Stage = Stage.RENDER) -> tuple[int, int, int]:
    """Waiting, in flight, dead."""
    return dataclasses.astuple(platform.queues[stage].depth())


@pytest.fixture
def signs_at_once(monkeypatch) -> None:
    monkeypatch.setattr("stereo_spot_runtime.context._MOMENT_SECONDS", 0.0)


@pytest.mark.usefixtures("signs_at_once")
def test_success_is_acknowledged_and_says_what_was_done(platform, consumer, make_job) -> None:
    job, seen = make_job(), []

    def handler(message: SegmentReady, context: WorkContext) -> None:
        context.progress(0, 24)
        context.progress(24, 24)
        seen.append((message.segment_index, context.attempt, context.worker, structlog.contextvars.get_contextvars()))

    send(platform, job.job_id, 2)
    consumer(handler).handle(receive(platform))
    (index, attempt, worker, bound) = seen[0]
    assert (index, attempt, worker) == (2, 1, "worker")
    assert bound == {"worker": "worker", "stage": "render", "job_id": job.job_id, "attempt": 1, "segment_index": 2}
    assert structlog.contextvars.get_contextvars() == {}
    (activity,) = platform.activity.list(job.job_id)
    assert (activity.segment_index, activity.done, activity.total) == (2, 24, 24)
    assert depth(platform) == (0, 0, 0)


def test_work_that_is_over_within_a_moment_leaves_no_sign_and_longer_work_does(platform, consumer, make_job, monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("stereo_spot_runtime.context.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def handler(message: SegmentReady, context: WorkContext) -> None:
        for second in range(message.segment_index + 1):
            clock[0] += 0.9 if second else 0.0
            context.progress(second, 24)

    for index, signs in ((1, []), (2, [2])):
        job = make_job()
        send(platform, job.job_id, index)
        consumer(handler, report_seconds=3600).handle(receive(platform))
        assert [sign.done for sign in platform.activity.list(job.job_id)] == signs


def test_a_later_attempt_takes_back_at_once_what_an_earlier_one_said(platform, consumer, make_job) -> None:
    job = make_job()

    def handler(message: SegmentReady, context: WorkContext) -> None:
        if context.attempt == 1:
            raise RenderFailed("the segment is broken")
        context.progress(1, 24)

    send(platform, job.job_id)
    receiver = consumer(handler)
    for note in ("the segment is broken", None):
        receiver.handle(receive(platform, wait=30.0))
        (sign,) = platform.activity.list(job.job_id)
        assert note == sign.note or note in sign.note


@pytest.mark.usefixtures("signs_at_once")
def test_signs_of_life_are_left_once_an_interval_however_short_the_attempts_are(platform, consumer, make_job) -> None:
    first, second = make_job(), make_job()

    def handler(message: SegmentReady, context: WorkContext) -> None:
        context.progress(12, 24)
        context.progress(24, 24)
        context.progress(24, 24)

    seldom = consumer(handler, report_seconds=3600)
    reports = []
    platform.activity.report, real = lambda sign: (reports.append((sign.segment_index, sign.done)), real(sign)), platform.activity.report
    for index in range(3):
        send(platform, first.job_id, index)
        seldom.handle(receive(platform))
    assert reports == [(0, 12), (0, 24)], "whose half was told of is told of whole, once"
    send(platform, second.job_id, 7)
    seldom.handle(receive(platform))
    assert reports[2:] == [(7, 12), (7, 24)], "each job is heard of"


@pytest.mark.usefixtures("signs_at_once")
def test_each_of_several_jobs_in_turn_is_heard_of_once_an_interval(platform, consumer, make_job) -> None:
    jobs, clock = [make_job() for _ in range(2)], [0.0]
    signs = Signs(10.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stereo_spot_runtime.context.time", SimpleNamespace(monotonic=lambda: clock[0]))
        told = []
        for second in range(25):
            clock[0] = float(second)
            told += [(second, job) for job in jobs if signs.due(job.job_id)]
    assert told == [(second, job) for second in (0, 10, 20) for job in jobs]


def test_a_later_attempt_that_finds_all_done_takes_back_the_half_of_an_earlier_one(platform, consumer, make_job) -> None:
    job = make_job()

    def handler(message: SegmentReady, context: WorkContext) -> None:
        if context.attempt == 1:
            context.report(12, 24)
            raise RenderFailed("after a half")
        for _ in range(2):
            context.progress(24, 24)

    send(platform, job.job_id)
    consumer(handler).handle(receive(platform))
    platform.activity.report(platform.activity.list(job.job_id)[0].model_copy(update={"done": 12, "total": 24, "note": None}))
    consumer(handler).handle(receive(platform, wait=30.0))
    assert [sign.done for sign in platform.activity.list(job.job_id)] == [24]


class Recorder:
    """A handler that renders a segment once: what it finds complete it leaves as it is."""

    def __init__(self, platform: Platform, complete) -> None:
        self.platform, self.complete, self.rendered = platform, complete, []

    def __call__(self, message: SegmentReady, context: WorkContext) -> None:
        if self.platform.completions.get(message.job_id, message.segment_index) is None:
            self.rendered.append(message.segment_index)
            self.complete(message.job_id, message.segment_index, context.attempt_id)


def test_fault_02_a_message_delivered_twice_in_sequence_is_a_no_op(platform, consumer, make_job, complete) -> None:
    job, handler = make_job(), Recorder(platform, complete)
    send(platform, job.job_id)
    send(platform, job.job_id)
    for _ in range(2):
        consumer(handler).handle(receive(platform))
    assert handler.rendered == [0]
    assert depth(platform) == (0, 0, 0)


def test_fault_03_twice_at_once_has_one_winner(platform, consumer, make_job, complete) -> None:
    job, together, stood = make_job(), threading.Barrier(2), []

    def handler(message: SegmentReady, context: WorkContext) -> None:
        together.wait(30)
        stood.append(complete(message.job_id, message.segment_index, context.attempt_id).attempt_id)

    send(platform, job.job_id)
    send(platform, job.job_id)
    deliveries = platform.queues[Stage.RENDER].receive(max_messages=2)
    threads = [threading.Thread(target=consumer(handler).handle, args=(delivery,)) for delivery in deliveries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(stood)) == 1
    assert platform.completions.count(job.job_id) == 1
    assert depth(platform) == (0, 0, 0)


def test_fault_08_the_heartbeat_keeps_a_message_hidden_while_its_handler_lives(platform, consumer, make_job) -> None:
    job, others = make_job(), []
    queue = platform.queues[Stage.RENDER]

    def handler(message: SegmentReady, context: WorkContext) -> None:
        # From here on the message is hidden for two seconds only, unless somebody extends that.
        queue.extend(delivery, 2)
        others.extend(queue.receive(wait_seconds=3.5))

    send(platform, job.job_id)
    delivery = receive(platform)
    consumer(handler, spec=QUICK).handle(delivery)
    assert others == []
    assert depth(platform) == (0, 0, 0)


def test_fault_08_who_lost_the_receipt_stops_and_settles_nothing(platform, consumer, make_job) -> None:
    job, saw = make_job(), []
    queue = platform.queues[Stage.RENDER]

    def handler(message: SegmentReady, context: WorkContext) -> None:
        queue.extend(delivery, 0)
        saw.append(receive(platform))
        waiting = threading.Event()
        while not context.should_stop():
            waiting.wait(0.02)
        raise UnsupportedMedia("the other one has moved the file away")

    send(platform, job.job_id)
    delivery = receive(platform)
    consumer(handler, spec=QUICK).handle(delivery)
    assert depth(platform) == (0, 1, 0), "the other receiver has it"
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING, "and it decides about the job"
    with pytest.raises(Conflict):
        queue.ack(delivery)
    queue.ack(saw[0])


def test_fault_09_a_handler_that_lives_but_does_not_move_is_told_to_stop_and_counted(platform, consumer, make_job) -> None:
    job = make_job()

    def handler(message: SegmentReady, context: WorkContext) -> None:
        waiting = threading.Event()
        while not context.should_stop():
            waiting.wait(0.02)
        raise Interrupted("told to stop")

    send(platform, job.job_id)
    consumer(handler, spec=dataclasses.replace(QUICK, stall_seconds=0.3)).handle(receive(platform))
    assert receive(platform).attempt == 2
    (activity,) = platform.activity.list(job.job_id)
    assert "no progress" in (activity.note or "")


def test_fault_09_one_that_moves_is_left_in_peace(platform, consumer, make_job) -> None:
    job, told = make_job(), []

    def handler(message: SegmentReady, context: WorkContext) -> None:
        waiting = threading.Event()
        for frame in range(10):
            context.progress(frame, 10)
            waiting.wait(0.2)
        told.append(context.should_stop())

    send(platform, job.job_id)
    consumer(handler, spec=dataclasses.replace(QUICK, stall_seconds=1.5)).handle(receive(platform))
    assert told == [False]
    assert depth(platform) == (0, 0, 0)


def test_fault_09_one_that_does_not_even_stop_is_reported_once(platform, consumer, make_job) -> None:
    job, reported, ended = make_job(), [], threading.Event()

    def on_hung(consumer: QueueConsumer) -> None:
        reported.append(consumer.stage)
        consumer.release_held(counted=True)
        ended.set()

    send(platform, job.job_id)
    consumer(
        lambda message, context: ended.wait(30),
        spec=dataclasses.replace(QUICK, stall_seconds=0.2),
        grace_seconds=0.2,
        on_hung=on_hung,
    ).handle(receive(platform))
    assert reported == [Stage.RENDER]
    assert receive(platform).attempt == 2


def test_fault_10_a_poison_segment_ends_as_a_failed_job_that_names_it_and_can_be_retried(platform, consumer, make_job, complete) -> None:
    job, attempts = make_job(segments=3), []
    complete(job.job_id, 0)

    def poison(message: SegmentReady, context: WorkContext) -> None:
        attempts.append(context.attempt)
        raise RenderFailed("the decoder crashed", hint="look at the picture at 00:12")

    send(platform, job.job_id, 1)
    rendering = consumer(poison, spec=dataclasses.replace(QUICK, max_attempts=2))
    while platform.jobs.get(job.job_id).status is JobStatus.RENDERING:
        rendering.handle(receive(platform))
    failed = platform.jobs.get(job.job_id)
    assert attempts == [1, 2]
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.error.stage) == (JobStatus.FAILED, "render_failed", Stage.RENDER)
    assert (failed.error.segment_index, failed.error.hint) == (1, "look at the picture at 00:12")
    assert "the decoder crashed" in failed.error.message
    assert depth(platform) == (0, 0, 1)
    assert platform.completions.count(job.job_id) == 1
    retry_job(platform, job.job_id)
    deliveries = platform.queues[Stage.RENDER].receive(max_messages=10)
    assert {(SegmentReady.decode(d.body).segment_index, d.attempt) for d in deliveries} == {(1, 1), (2, 1)}


def test_fault_10_a_segment_that_kills_its_worker_ends_too(platform, consumer, make_job) -> None:
    job, called = make_job(), []
    queue = platform.queues[Stage.RENDER]
    send(platform, job.job_id)
    for _ in range(STAGES[Stage.RENDER].max_attempts):
        queue.extend(receive(platform), 0)  # the receiver dies: no word of it, but counted
    consumer(lambda message, context: called.append(message)).handle(receive(platform))
    failed = platform.jobs.get(job.job_id)
    assert called == []
    assert failed.error is not None
    assert (failed.error.code, failed.error.segment_index) == ("attempts_exhausted", 0)


def test_fault_10_a_duplicate_of_a_segment_that_is_complete_fails_nothing(platform, consumer, make_job, complete) -> None:
    job = make_job()

    def fails_late(message: SegmentReady, context: WorkContext) -> None:
        complete(job.job_id, 0, "another worker's")
        raise RenderFailed("the output is there already")

    send(platform, job.job_id)
    consumer(fails_late, spec=dataclasses.replace(QUICK, max_attempts=1)).handle(receive(platform))
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING


def test_fault_12_what_is_certain_fails_the_job_at_once(platform, consumer, make_job) -> None:
    job = make_job(JobStatus.QUEUED)

    def refuses(message: ChunkRequest, context: WorkContext) -> None:
        raise UnsupportedMedia("film.mp4 is a text", hint="choose a video")

    platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=job.job_id).encode())
    consumer(refuses, Stage.CHUNK).handle(receive(platform, Stage.CHUNK))
    failed = platform.jobs.get(job.job_id)
    assert failed.error is not None
    assert (failed.error.code, failed.error.hint) == ("unsupported_media", "choose a video")
    assert depth(platform, Stage.CHUNK) == (0, 0, 1)


def test_work_that_no_job_waits_for_fails_none_and_its_last_sign_of_life_says_why(platform, consumer, make_job) -> None:
    job = make_job(JobStatus.COMPLETED)

    def breaks(message: RenditionRequest, context: WorkContext) -> None:
        context.progress(5, 24)
        raise RenderFailed("the encoder crashed")

    queue = platform.queues[Stage.RENDITION]
    queue.send(RenditionRequest(job_id=job.job_id).encode())
    spec = dataclasses.replace(STAGES[Stage.RENDITION], max_attempts=2)
    for _ in range(2):
        consumer(breaks, Stage.RENDITION, spec=spec).handle(receive(platform, Stage.RENDITION))
    assert platform.jobs.get(job.job_id) == job
    (activity,) = platform.activity.list(job.job_id)
    assert (activity.stage, activity.note) == (
        Stage.RENDITION,
        "making the version for browsers failed (tried 2 times): the encoder crashed",
    )
    assert depth(platform, Stage.RENDITION) == (0, 0, 1)


def test_work_that_no_job_waits_for_and_that_kills_its_worker_says_so_too(platform, consumer, make_job) -> None:
    job = make_job(JobStatus.COMPLETED)
    queue = platform.queues[Stage.RENDITION]
    queue.send(RenditionRequest(job_id=job.job_id).encode())
    for _ in range(STAGES[Stage.RENDITION].max_attempts):
        queue.extend(receive(platform, Stage.RENDITION), 0)
    consumer(lambda message, context: None, Stage.RENDITION).handle(receive(platform, Stage.RENDITION))
    assert platform.jobs.get(job.job_id) == job
    (activity,) = platform.activity.list(job.job_id)
    assert "gave no result in 3 attempts" in (activity.note or "")
    assert depth(platform, Stage.RENDITION) == (0, 0, 1)


@pytest.mark.parametrize("error", [StorageUnavailable("503"), NoSpaceLeft("the disk is full")])
def test_fault_22_storage_that_is_away_is_waited_for_and_not_counted(platform, consumer, make_job, error, monkeypatch) -> None:
    """Fault 21 too: the job waits for space and says so."""
    monkeypatch.setattr("stereo_spot_runtime.retry.backoff", lambda base, failures, jitter: 0.01 * (failures + 1))
    job, attempts = make_job(), []

    def handler(message: SegmentReady, context: WorkContext) -> None:
        attempts.append(context.attempt)
        if len(attempts) <= 6:
            raise error

    rendering = consumer(handler)
    send(platform, job.job_id)
    rendering.handle(receive(platform))
    (activity,) = platform.activity.list(job.job_id)
    assert activity.note == str(error)
    for _ in range(6):
        rendering.handle(receive(platform))
    assert attempts == [1] * 7
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert depth(platform) == (0, 0, 0)


class Flaky:
    """The real thing behind it, with one operation that fails a number of times first."""

    def __init__(self, real, operation: str, error: Exception, times: int) -> None:
        self._real, self._operation, self._error, self.left = real, operation, error, times

    def __getattr__(self, name: str):
        if name == self._operation and self.left > 0:
            self.left -= 1
            raise self._error
        return getattr(self._real, name)


def test_fault_23_a_job_that_cannot_be_failed_yet_is_never_acknowledged_first(platform, consumer, make_job) -> None:
    job = make_job(JobStatus.QUEUED)
    throttled = dataclasses.replace(platform, jobs=Flaky(platform.jobs, "update", StoreUnavailable("busy"), 3))

    def refuses(message: ChunkRequest, context: WorkContext) -> None:
        raise UnsupportedMedia("it is a text")

    platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=job.job_id).encode())
    QueueConsumer(Stage.CHUNK, refuses, throttled, worker="w", stop=threading.Event(), on_hung=hung).handle(receive(platform, Stage.CHUNK))
    assert platform.jobs.get(job.job_id).status is JobStatus.FAILED
    assert depth(platform, Stage.CHUNK) == (0, 0, 1)

    again = make_job(JobStatus.QUEUED)
    away = dataclasses.replace(platform, jobs=Flaky(platform.jobs, "update", StoreUnavailable("busy"), 1000))
    platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=again.job_id).encode())
    QueueConsumer(Stage.CHUNK, refuses, away, worker="w", stop=threading.Event(), on_hung=hung).handle(receive(platform, Stage.CHUNK))
    assert depth(platform, Stage.CHUNK) == (0, 1, 1), "it comes again when its visibility ends"


def test_fault_23_an_acknowledgement_that_is_throttled_is_repeated(platform, consumer, make_job) -> None:
    queue = Flaky(platform.queues[Stage.RENDER], "ack", QueueUnavailable("busy"), 3)
    throttled = dataclasses.replace(platform, queues={**platform.queues, Stage.RENDER: queue})
    send(platform, make_job().job_id)
    QueueConsumer(Stage.RENDER, lambda *_: None, throttled, worker="w", stop=threading.Event(), on_hung=hung).handle(receive(platform))
    assert (queue.left, depth(platform)) == (0, (0, 0, 0))


def test_fault_23_a_queue_that_is_away_does_not_end_the_loop(platform, make_job, stop) -> None:
    queue = Flaky(platform.queues[Stage.RENDER], "receive", QueueUnavailable("away"), 2)
    flaky = dataclasses.replace(platform, queues={**platform.queues, Stage.RENDER: queue})
    send(platform, make_job().job_id)
    QueueConsumer(Stage.RENDER, lambda *_: stop.set(), flaky, worker="w", stop=stop, on_hung=hung).run()
    assert depth(platform) == (0, 0, 0)


def test_fault_25_a_late_failure_does_not_revive_a_cancelled_job(platform, consumer, make_job) -> None:
    job = make_job()

    def cancelled_meanwhile(message: SegmentReady, context: WorkContext) -> None:
        cancel_job(platform, job.job_id)
        raise UnsupportedMedia("its source was swept")

    send(platform, job.job_id)
    consumer(cancelled_meanwhile).handle(receive(platform))
    after = platform.jobs.get(job.job_id)
    assert (after.status, after.error) == (JobStatus.CANCELLED, None)


def test_a_message_of_another_stages_time_does_not_fail_the_job(platform, consumer, make_job) -> None:
    """A ChunkRequest that was repeated fails when every segment is cut already."""
    job = make_job(JobStatus.QUEUED)

    def overtaken(message: ChunkRequest, context: WorkContext) -> None:
        update_job(platform, job.job_id, lambda job: pipeline.enter(job, JobStatus.CHUNKING))
        update_job(platform, job.job_id, lambda job: pipeline.enter(job, JobStatus.RENDERING))
        raise UnsupportedMedia("its source is gone")

    platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=job.job_id).encode())
    consumer(overtaken, Stage.CHUNK).handle(receive(platform, Stage.CHUNK))
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING


def test_a_job_that_is_gone_is_acknowledged_and_an_object_that_is_missing_is_not(platform, consumer, make_job) -> None:
    def handler(message: SegmentReady, context: WorkContext) -> None:
        platform.jobs.get(message.job_id)
        raise NotFound("the segment's object is not there")

    send(platform, "longgone")
    consumer(handler).handle(receive(platform))
    assert depth(platform) == (0, 0, 0)
    send(platform, make_job().job_id)
    consumer(handler).handle(receive(platform))
    assert receive(platform).attempt == 2


def test_an_error_nobody_foresaw_is_counted_and_ends_only_its_message(platform, consumer, make_job) -> None:
    def handler(message: SegmentReady, context: WorkContext) -> None:
        raise ZeroDivisionError

    send(platform, make_job().job_id)
    consumer(handler).handle(receive(platform))
    assert receive(platform).attempt == 2


def test_fault_27_an_unknown_version_is_left_for_a_worker_that_knows_it(platform, consumer) -> None:
    queue = platform.queues[Stage.RENDER]
    body = json.dumps({"schema_version": SCHEMA_VERSION + 1, "job_id": "job00001", "new": True})
    queue.send(body)
    consumer(lambda *_: pytest.fail("it was handled")).handle(receive(platform))
    assert depth(platform) == (1, 0, 0)


def test_a_message_that_nobody_wrote_is_set_aside(platform, consumer) -> None:
    platform.queues[Stage.RENDER].send("{}")
    consumer(lambda *_: pytest.fail("it was handled")).handle(receive(platform))
    assert depth(platform) == (0, 0, 1)


def test_fault_28_what_is_held_when_the_worker_stops_goes_back_at_once_uncounted(platform, consumer, make_job, stop) -> None:
    job = make_job()

    def handler(message: SegmentReady, context: WorkContext) -> None:
        stop.set()
        assert context.should_stop()
        raise Interrupted("told to stop")

    send(platform, job.job_id)
    consumer(handler).handle(receive(platform))
    again = receive(platform, wait=0.5)
    assert again.attempt == 1
    consumer(lambda *_: pytest.fail("it was begun")).handle(again)
    assert receive(platform, wait=0.5).attempt == 1, "received in the very moment of stopping: not even begun"
