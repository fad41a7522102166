"""A real worker process with a toy pipeline: a segment is one byte of the source, rendering it makes it a capital.

Started as a program by the tests: `toy_worker.py LEDGER STALL_SECONDS MAX_ATTEMPTS`. The source says what is to go
wrong: `die=POINT` sends SIGKILL to the process at that point, once for each job; `hang` makes rendering ignore everything,
`slow` makes it last until it is told to stop.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo_spot_runtime import WorkContext, advance, run_worker, update_job
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, Interrupted
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Plan, SegmentCompletion, Stage
from stereo_spot_shared.messages import ChunkRequest, ReassembleRequest, SegmentReady, SweepRequest
from stereo_spot_shared.pipeline import STAGES, note_cut, start_chunking, start_rendering

LEDGER = Path(sys.argv[1])
"""Every rendering and every death leaves a line here."""


def note(line: str) -> None:
    with LEDGER.open("a") as ledger:
        ledger.write(line + "\n")


def point(context: WorkContext, job_id: str, name: str) -> None:
    """Die here, if the job's source says so and nobody has died of it yet."""
    if _wishes[job_id] != f"die={name}":
        return
    try:
        LEDGER.with_name(f"died-{job_id}").touch(exist_ok=False)
    except FileExistsError:
        return
    note(f"die {job_id} {name}")
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def see(platform: Platform, job_id: str) -> Job:
    job = platform.jobs.get(job_id)
    _wishes[job_id] = job.source.name
    return job


_wishes: dict[str, str] = {}


def wanted(job: Job, stage: Stage) -> bool:
    return job.status in STAGES[stage].statuses


def advance_or_die(context: WorkContext, job_id: str, name: str, **known: Any) -> Job:
    """`advance`, with a point between the move and the message."""
    queues = {stage: DyingQueue(queue, context, job_id, name) for stage, queue in context.platform.queues.items()}
    return advance(dataclasses.replace(context.platform, queues=queues), job_id, **known)


class DyingQueue:
    def __init__(self, queue, context: WorkContext, job_id: str, name: str) -> None:
        self._queue, self._context, self._job_id, self._name = queue, context, job_id, name

    def send_batch(self, bodies: list[str]) -> None:
        point(self._context, self._job_id, f"{self._name}-before-send")
        self._queue.send_batch(bodies)


def chunk(message: ChunkRequest, context: WorkContext) -> None:
    platform, job_id = context.platform, message.job_id
    job = see(platform, job_id)
    if not wanted(job, Stage.CHUNK):
        return
    point(context, job_id, "chunk-start")
    job = update_job(platform, job_id, lambda job: start_chunking(job, now=utc_now()) if job.status is JobStatus.QUEUED else None, seen=job)
    source = platform.storage.read_range(job.source.key)
    plan = Plan(plan_id="plan", segment_count=len(source), frame_count=len(source), duration=Fraction(1))
    job = update_job(
        platform, job_id, lambda job: job.evolve(plan=plan) if wanted(job, Stage.CHUNK) and job.plan is None else None, seen=job
    )
    point(context, job_id, "chunk-planned")
    for index, letter in enumerate(source):
        platform.storage.put_bytes(bytes([letter]), keys.segment_key(job_id, index, "nut"))
        point(context, job_id, f"chunk-stored-{index}")
        if index == 0:  # as the real one: the first at once, then those of every second
            job = advance_or_die(
                context, job_id, "chunk-0", seen=job, change=lambda job: note_cut(job, 1) if job.status is JobStatus.CHUNKING else None
            )
        context.progress(index + 1, len(source))
    advance_or_die(context, job_id, "chunk-end", seen=job, change=lambda job: all_cut(job, len(source)))


def all_cut(job: Job, count: int) -> Job | None:
    return start_rendering(note_cut(job, count), now=utc_now()) if job.status is JobStatus.CHUNKING else None


def render(message: SegmentReady, context: WorkContext) -> None:
    platform, job_id, index = context.platform, message.job_id, message.segment_index
    # In this order: a job that is still wanted after a look that found no completion was not swept before that look.
    standing = platform.completions.get(job_id, index) if context.redelivered or message.again else None
    job = see(platform, job_id)
    if not wanted(job, Stage.RENDER):
        return
    if standing is None:
        note(f"render {job_id} {index}")
        misbehave(job.source.name, context)
        point(context, job_id, f"render-start-{index}")
        letter = platform.storage.read_range(keys.segment_key(job_id, index, "nut"))
        key = keys.rendered_key(job_id, index, context.attempt_id)
        stored = platform.storage.put_bytes(letter.upper(), key)
        point(context, job_id, f"render-stored-{index}")
        completion = SegmentCompletion(
            job_id=job_id, segment_index=index, plan_id="plan", attempt_id=context.attempt_id, object_key=key, etag=stored.etag,
            bytes=1, frames=1, width=2, height=2, fingerprint="f", sample_aspect_ratio=Fraction(1), depth="toy", worker=context.worker,
        )  # fmt: skip
        if platform.completions.put(completion) == completion:
            note(f"complete {job_id} {index}")
        point(context, job_id, f"render-complete-{index}")
    advance_or_die(context, job_id, f"render-{index}")
    point(context, job_id, f"render-advanced-{index}")


def misbehave(how: str, context: WorkContext) -> None:
    if how == "hang":
        LEDGER.with_name("hanging").touch()
        time.sleep(600)
    if how == "slow":
        LEDGER.with_name("working").touch()
        while not context.should_stop():
            context.progress(0, 1)
            time.sleep(0.02)
        raise Interrupted("told to stop")


def reassemble(message: ReassembleRequest, context: WorkContext) -> None:
    platform, job_id = context.platform, message.job_id
    job = see(platform, job_id)
    if not wanted(job, Stage.REASSEMBLE):
        return
    point(context, job_id, "reassemble-start")
    page = platform.completions.query_by_job(job_id)
    output = b"".join(platform.storage.read_range(completion.object_key) for completion in page.completions)
    key = keys.output_key(job_id, context.attempt_id, "mp4")
    stored = platform.storage.put_bytes(output, key)
    point(context, job_id, "reassemble-stored")
    result = JobResult(output_key=key, etag=stored.etag, bytes=len(output), frames=len(output), width=2, height=2, depth="toy")
    try:
        platform.storage.put_bytes(result.to_json(), keys.result_key(job_id), if_absent=True)
        note(f"publish {job_id}")
    except Conflict:
        platform.storage.delete(key)
        result = None
    point(context, job_id, "reassemble-published")
    advance_or_die(context, job_id, "reassemble", seen=job, published=result)


def sweep(message: SweepRequest, context: WorkContext) -> None:
    platform, job_id = context.platform, message.job_id
    job = see(platform, job_id)
    if not wanted(job, Stage.SWEEP) or job.swept:
        return
    point(context, job_id, "sweep-start")
    platform.storage.delete(*(found.key for found in platform.storage.list(keys.segments_prefix(job_id)).objects))
    point(context, job_id, "sweep-deleted")
    platform.completions.delete_by_job(job_id)
    update_job(platform, job_id, lambda now: now.evolve(swept=True) if now.status is job.status else None, seen=job)


HANDLERS: dict[Stage, object] = {Stage.CHUNK: chunk, Stage.RENDER: render, Stage.REASSEMBLE: reassemble, Stage.SWEEP: sweep}

if __name__ == "__main__":
    limits = {"stall_seconds": float(sys.argv[2]), "max_attempts": int(sys.argv[3])}
    stages = {stage: dataclasses.replace(spec, **limits) for stage, spec in STAGES.items()}
    raise SystemExit(run_worker("toy", HANDLERS, stages=stages))
