"""A whole platform in a few dictionaries, against everything that may happen to it.

Workers are generators that stop before every read and write of something durable, so hypothesis may interleave them at
will, deliver any message twice or late, lose it, and crash any worker between any two steps; meanwhile people cancel,
delete and retry, sources vanish, segments turn out to be poison, and the clock jumps. At the end every message is lost,
every worker dies, and the reconciler with fresh workers must bring every job to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.jobs import Job, JobError, JobResult, JobStatus, Plan, Source, Stage
from stereo_spot_shared.keys import source_key
from stereo_spot_shared.messages import Message, SegmentReady
from stereo_spot_shared.pipeline import (
    ALLOWED,
    AWAITED,
    STAGES,
    Completions,
    Move,
    Objects,
    Send,
    cancel,
    delete,
    fail,
    next_steps,
    note_cut,
    retry,
    start_chunking,
    start_rendering,
)
from stereo_spot_shared.rendering import RenderParams

Steps = Generator[None, None, None]
"""A worker: it stops at each `yield`, and may never be resumed."""

_LATE = {JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.DELETED}


@dataclass
class World:
    """Everything durable, and the clock."""

    segments: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    completions: dict[tuple[str, int], str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    results: dict[str, JobResult] = field(default_factory=dict)
    heard: dict[tuple[str, Stage], datetime] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    poison: set[tuple[str, int]] = field(default_factory=set)
    now: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    published: list[str] = field(default_factory=list)
    announced: set[tuple[str, int]] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=count)

    def update(self, job: Job) -> None:
        """The store's compare-and-set, with every promise about a job's row checked."""
        old = self.jobs[job.job_id]
        if old.version != job.version:
            raise Conflict("somebody else was first")
        assert job.status is old.status or job.status in ALLOWED[old.status], f"{old.status} → {job.status}"
        assert old.plan is None or job.plan == old.plan
        assert job.sent <= job.cut <= (job.plan.segment_count if job.plan else 0)
        assert job.cut >= old.cut
        if job.status is JobStatus.REASSEMBLING is not old.status:
            assert self.count(job.job_id) == self.segments[job.job_id]
        if job.status is JobStatus.COMPLETED is not old.status:
            assert job.result == self.results[job.job_id]
        if job.status is JobStatus.FAILED:
            assert job.error is not None
        self.jobs[job.job_id] = job.evolve(version=job.version + 1, updated_at=job.updated_at)

    def count(self, job_id: str) -> int:
        return sum(1 for job, _ in self.completions if job == job_id)

    def send(self, message: Message) -> None:
        if isinstance(message, SegmentReady):
            assert message.segment_index < self.jobs[message.job_id].cut
            segment = (message.job_id, message.segment_index)
            assert message.again or segment not in self.announced, "a segment is new once"
            self.announced.add(segment)
        self.messages[next(self.numbers)] = message

    def advance(self, job_id: str, patience: float | None = None) -> Steps:
        now = self.now
        while True:
            yield
            job = self.jobs[job_id]
            heard_at = self.heard.get((job_id, AWAITED[job.status])) if job.status in AWAITED else None
            yield
            missing = tuple(i for i in range(self.segments[job_id]) if (job_id, i) not in self.completions)
            completions = Completions(self.count(job_id), missing if patience is not None and job.plan else None)
            objects = Objects(self.sources.get(job_id), self.results.get(job_id) if job.status is JobStatus.REASSEMBLING else None)
            steps = next_steps(job, completions, objects, now=now, heard_at=heard_at, patience=patience)
            if not steps:
                return
            try:
                for step in steps:
                    yield
                    match step:
                        case Move(moved):
                            self.update(moved)
                        case Send(message):
                            self.send(message)
            except Conflict:
                continue

    def change(self, job_id: str, change: Callable[[Job], Job | None]) -> Steps:
        """What `update_job` does; a Conflict of the change itself is the answer to whoever asked for it."""
        while True:
            yield
            try:
                changed = change(self.jobs[job_id])
            except Conflict:
                return
            yield
            if changed is None:
                return
            try:
                self.update(changed)
                return
            except Conflict:
                continue


class Failed(Exception):
    """An attempt at a poison segment."""


def ingest(world: World, job_id: str) -> Steps:
    if world.jobs[job_id].source.etag is None:
        yield
        world.sources.setdefault(job_id, "etag")  # put if absent
        yield
        if world.jobs[job_id].status in {JobStatus.CANCELLED, JobStatus.DELETED}:
            world.sources.pop(job_id, None)
            return
        here = {"etag": "etag"}
        yield from world.change(
            job_id,
            lambda job: job.evolve(source=job.source.model_copy(update=here)) if job.status is JobStatus.INGESTING else None,
        )
    yield from world.advance(job_id)


def chunk(world: World, job_id: str) -> Steps:
    segments = world.segments[job_id]
    statuses = STAGES[Stage.CHUNK].statuses
    yield from world.change(job_id, lambda job: start_chunking(job, now=world.now) if job.status is JobStatus.QUEUED else None)
    plan = Plan(plan_id="plan", segment_count=segments, frame_count=segments, duration=Fraction(segments))
    yield from world.change(job_id, lambda job: job.evolve(plan=plan) if job.status in statuses and job.plan is None else None)
    for index in range(segments):
        if world.jobs[job_id].status is not JobStatus.CHUNKING:
            return
        yield from world.change(job_id, lambda job, n=index + 1: note_cut(job, n) if job.status is JobStatus.CHUNKING else None)
        yield from world.advance(job_id)
    yield from world.change(job_id, lambda job: start_rendering(job, now=world.now) if job.status is JobStatus.CHUNKING else None)
    yield from world.advance(job_id)


def render(world: World, job_id: str, index: int, last_attempt: bool) -> Steps:
    segment = (job_id, index)
    if segment not in world.completions:
        if segment in world.poison:
            yield
            if not last_attempt:
                raise Failed
            error = JobError(code="render_failed", message="poison", stage=Stage.RENDER, segment_index=index)
            wanted = STAGES[Stage.RENDER].statuses
            yield from world.change(
                job_id, lambda job: fail(job, error) if job.status in wanted and segment not in world.completions else None
            )
            return
        # Begun in the same breath as the look above: from here on it may be rendered beside another, never after one.
        yield
        attempt = f"attempt{next(world.numbers)}"
        standing = world.completions.setdefault(segment, attempt)
        yield
        if world.jobs[job_id].status in _LATE:
            if standing == attempt:
                world.completions.pop(segment, None)
            return
    yield from world.advance(job_id)


def reassemble(world: World, job_id: str) -> Steps:
    if job_id not in world.results:
        job = world.jobs[job_id]
        assert world.count(job_id) == world.segments[job_id] or job.status is not JobStatus.REASSEMBLING
        yield
        attempt = f"attempt{next(world.numbers)}"
        result = JobResult(output_key=attempt, etag="e", bytes=1, frames=world.segments[job_id], width=2, height=2, depth="basic")
        if world.results.setdefault(job_id, result) is result:
            world.published.append(job_id)
        yield
        if world.jobs[job_id].status in {JobStatus.CANCELLED, JobStatus.DELETED}:
            world.results.pop(job_id, None)
            return
    yield from world.advance(job_id)


def sweep(world: World, job_id: str) -> Steps:
    status = world.jobs[job_id].status
    yield
    for index in range(world.segments[job_id]):
        world.completions.pop((job_id, index), None)
    yield
    world.sources.pop(job_id, None)
    if status is not JobStatus.COMPLETED:
        world.results.pop(job_id, None)
    yield from world.change(job_id, lambda job: job.evolve(swept=True) if job.status is status else None)
    yield from world.advance(job_id)


def work(world: World, number: int, message: Message) -> Steps:
    """One delivery of a message, to its acknowledgement."""
    world.attempts[number] = attempt = world.attempts.get(number, 0) + 1
    job_id, spec = message.job_id, STAGES[message.stage]
    yield
    if world.jobs[job_id].status in spec.statuses:
        if isinstance(message, SegmentReady):
            yield from render(world, job_id, message.segment_index, attempt >= spec.max_attempts)
        else:
            yield from {Stage.INGEST: ingest, Stage.CHUNK: chunk, Stage.REASSEMBLE: reassemble, Stage.SWEEP: sweep}[message.stage](
                world, job_id
            )
    yield
    world.messages.pop(number, None)


def run(worker: Steps) -> None:
    """To its end, without a fault."""
    try:
        for _ in worker:
            pass
    except Failed:
        pass


JOB_IDS = ("job00001", "job00002")


class PipelineMachine(RuleBasedStateMachine):
    """See the module text."""

    @initialize(segments=st.lists(st.integers(1, 4), min_size=1, max_size=2), data=st.data())
    def submit(self, segments: list[int], data: st.DataObject) -> None:
        self.world = World()
        self.workers: list[tuple[Message | None, Steps]] = []
        self.stood: dict[tuple[str, int], str] = {}
        for job_id, n in zip(JOB_IDS, segments, strict=False):
            source = Source(key=source_key(job_id), name="a.mp4", etag="etag", size=1)
            status = data.draw(st.sampled_from([JobStatus.QUEUED, JobStatus.INGESTING]))
            if status is JobStatus.INGESTING:
                source = Source(key=source_key(job_id), name="a.mp4", url="https://a.example/a.mp4")
            else:
                self.world.sources[job_id] = "etag"
            self.world.segments[job_id] = n
            self.world.jobs[job_id] = Job(
                job_id=job_id, source=source, params=RenderParams(), status=status, start_when_uploaded=status is JobStatus.INGESTING
            )
            self.start(None, self.world.advance(job_id))

    def start(self, message: Message | None, worker: Steps) -> None:
        self.workers.append((message, worker))

    def job_id(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.world.jobs)))

    @precondition(lambda self: self.world.messages and len(self.workers) < 6)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any message, whether or not somebody works on it already: late, out of order, twice at once."""
        number = data.draw(st.sampled_from(sorted(self.world.messages)))
        message = self.world.messages[number]
        self.start(message, work(self.world, number, message))

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), steps=st.integers(1, 40))
    def step(self, data: st.DataObject, steps: int) -> None:
        place = data.draw(st.integers(0, len(self.workers) - 1))
        message, worker = self.workers[place]
        if message is not None:
            self.world.heard[message.job_id, message.stage] = self.world.now
        for _ in range(steps):
            try:
                next(worker)
            except (StopIteration, Failed):
                del self.workers[place]
                return

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        del self.workers[data.draw(st.integers(0, len(self.workers) - 1))]

    @precondition(lambda self: self.world.messages)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        del self.world.messages[data.draw(st.sampled_from(sorted(self.world.messages)))]

    @precondition(lambda self: self.world.messages)
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        message = self.world.messages[data.draw(st.sampled_from(sorted(self.world.messages)))]
        self.world.messages[next(self.world.numbers)] = message

    @rule(data=st.data(), act=st.sampled_from([cancel, delete, retry, retry, retry]))
    def person(self, data: st.DataObject, act: Callable[[Job], Job]) -> None:
        job_id = self.job_id(data)

        def steps() -> Steps:
            yield from self.world.change(job_id, act)
            yield from self.world.advance(job_id, 0 if act is retry else None)

        self.start(None, steps())

    @rule(data=st.data(), patience=st.sampled_from([0, 0.2, 1.0, 8.0]))
    def reconcile(self, data: st.DataObject, patience: float) -> None:
        self.start(None, self.world.advance(self.job_id(data), patience))

    @rule(minutes=st.sampled_from([-20_000, -60, -10, 1, 10, 60, 600]))
    def clock(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule(data=st.data(), index=st.integers(0, 3), poisoned=st.booleans())
    def poison(self, data: st.DataObject, index: int, poisoned: bool) -> None:
        segment = (self.job_id(data), index)
        if poisoned:
            self.world.poison.add(segment)
        else:
            self.world.poison.discard(segment)

    @rule(data=st.data(), replaced=st.booleans())
    def spoil_source(self, data: st.DataObject, replaced: bool) -> None:
        job_id = self.job_id(data)
        if replaced and job_id in self.world.sources:
            self.world.sources[job_id] = "another"
        else:
            self.world.sources.pop(job_id, None)

    @invariant()
    def a_completion_that_stands_is_not_replaced(self) -> None:
        """Until the job has ended: then it may be swept."""
        world = self.world
        for segment, attempt in self.stood.items():
            if world.jobs[segment[0]].status not in _LATE:
                assert world.completions.get(segment) == attempt
        self.stood = dict(world.completions)

    @invariant()
    def one_result_is_published(self) -> None:
        assert len(self.world.published) == len(set(self.world.published))

    def teardown(self) -> None:
        """Lose every message and every worker: the reconciler brings all jobs to an end."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.messages.clear()
        self.workers.clear()
        for _ in range(20):
            world.now += timedelta(hours=3)
            for job_id in world.jobs:
                run(world.advance(job_id, 1.0))
            while world.messages:
                number, message = min(world.messages.items())
                run(work(world, number, message))
            self.a_completion_that_stands_is_not_replaced()
            self.one_result_is_published()
            if all(job.status is JobStatus.FAILED or (job.status.is_final and job.swept) for job in world.jobs.values()):
                break
        for job_id, job in world.jobs.items():
            assert job.status.is_final, f"{job_id} is stuck as {job.status}"
            if job.status is JobStatus.FAILED:
                assert job.error is not None
                continue
            assert job.swept
            assert world.count(job_id) == 0
            assert job_id not in world.sources
            assert (job_id in world.results) == (job.status is JobStatus.COMPLETED)


PipelineMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestPipeline = PipelineMachine.TestCase
