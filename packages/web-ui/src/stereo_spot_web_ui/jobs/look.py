"""Looking at a job: its row, its finished segments and its signs of life, put together as a view."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from stereo_spot_runtime.paging import all_completions
from stereo_spot_shared.api.jobs import (
    Event,
    JobDetail,
    JobView,
    OutputView,
    Progress,
    ResultView,
    SegmentState,
    SegmentView,
    SourceView,
    Work,
)
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.ingest import shown_url
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Activity, Job, JobStatus, OutputFile, SegmentCompletion, Stage
from stereo_spot_shared.naming import output_name, view_names
from stereo_spot_shared.pipeline import AWAITED
from stereo_spot_shared.progress import RateMeter, job_progress
from stereo_spot_web_ui.jobs.cost import cost_of
from stereo_spot_web_ui.security.links import Links
from stereo_spot_web_ui.settings import WebSettings

AWAITS_SOURCE = frozenset({JobStatus.CREATED, JobStatus.UPLOADING, JobStatus.INGESTING})
"""In these a job's source is not here, or it is here and nobody has started the job."""
RENDERS = frozenset({JobStatus.CHUNKING, JobStatus.RENDERING})
REMEMBERED = 200
SETTLING_SECONDS = 4.0
"""For so long after the first look the rate comes from what the stores know, not from what was watched."""


@dataclass
class Memory:
    """What is kept of a job from look to look, so that the stores are asked for what has changed only."""

    meter: RateMeter = field(default_factory=RateMeter)
    began: float = field(default_factory=time.monotonic)
    counted: int = -1
    completions: tuple[SegmentCompletion, ...] = ()


class Looker:
    """Makes views. Safe to use from many threads."""

    def __init__(self, platform: Platform, settings: WebSettings, links: Links) -> None:
        self._platform, self._settings, self._links = platform, settings, links
        self._memories: OrderedDict[str, Memory] = OrderedDict()
        self._lock = threading.Lock()

    def view(self, job: Job) -> JobView:
        """The job as lists show it."""
        return self._view(job, self._activities(job))

    def detail(self, job: Job) -> JobDetail:
        """The job with its segments and what happened."""
        completions, activities = self._completions(job), self._activities(job)
        return JobDetail(
            **dict(self._view(job, activities)),
            segments=tuple(segments_of(job, completions, activities)),
            events=tuple(events_of(job, completions)),
            stage=AWAITED.get(job.status) if not job.status.is_final and not waits_for_a_person(job) else None,
            work=work_of(job),
            lost=tuple(job.result.lost.times()) if job.result is not None else (),
        )

    def _view(self, job: Job, activities: Sequence[Activity]) -> JobView:
        awaited = job.status in AWAITS_SOURCE and job.source.url is None and job.source.etag is None
        return JobView(
            id=job.job_id,
            status=job.status,
            version=job.version,
            source=self._source(job, activities),
            params=job.params,
            start_when_uploaded=job.start_when_uploaded,
            progress=self._progress(job, activities),
            error=job.error,
            result=self._result(job),
            cost=cost_of(job, self._completions(job), self._settings),
            poster_url=f"/jobs/{job.job_id}/poster.jpg",
            url=f"/jobs/{job.job_id}",
            upload_url=f"/api/v1/uploads/{job.job_id}" if awaited else None,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )

    def _source(self, job: Job, activities: Sequence[Activity]) -> SourceView:
        received = job.source.size if job.source.etag else None
        is_here = False
        if job.status in AWAITS_SOURCE and job.source.etag is None:
            try:
                received = self._platform.uploads.stat(job.source.key).offset
            except NotFound:
                # What has no length is put together on the worker's disk, of which only a sign of life tells.
                received = max((sign.done for sign in activities if sign.stage is Stage.INGEST), default=0)
        elif job.status is not JobStatus.DELETED and not (job.swept and not job.keep_source):
            is_here = job.source.etag is not None
        url = None if job.source.url is None else shown_url(job.source.url)
        return SourceView(name=job.source.name, bytes=job.source.size, received=received, url=url, is_here=is_here)

    def _activities(self, job: Job) -> Sequence[Activity]:
        nobody = job.status.is_final or (job.status in AWAITS_SOURCE and job.status not in AWAITED) or waits_for_a_person(job)
        return () if nobody else self._platform.activity.list(job.job_id)

    def _progress(self, job: Job, activities: Sequence[Activity]) -> Progress:
        completions = self._completions(job)
        found = job_progress(job, completed_frames=sum(one.frames for one in completions), activities=activities)
        rate = left = None
        if job.status in RENDERS and found.frames_total is not None:
            rate = self._rate(job, found.frames_done, completions)
            left = (found.frames_total - found.frames_done) / rate if rate else None
        notes = [activity.note for activity in activities]
        return Progress(
            fraction=found.fraction,
            frames_done=found.frames_done,
            frames_total=found.frames_total,
            frames_per_second=rate,
            seconds_left=left,
            waiting=notes[0] if notes and all(notes) else None,
        )

    def _rate(self, job: Job, frames: int, completions: Sequence[SegmentCompletion]) -> float | None:
        """Frames a second: as watched, or until that says something, finished segments by the time since the job began."""
        memory, now = self._memory(job.job_id), time.monotonic()
        with self._lock:
            memory.meter.add(now, frames)
            watched = memory.meter.frames_per_second
        if watched is not None and now - memory.began > SETTLING_SECONDS:
            return watched
        began = next((passage.at for passage in reversed(job.history) if passage.status is JobStatus.CHUNKING), None)
        finished = [one for one in completions if began is not None and one.completed_at >= began]
        passed = (utc_now() - began).total_seconds() if began else 0.0
        return sum(one.frames for one in finished) / passed if finished and passed > 0 else None

    def _completions(self, job: Job) -> tuple[SegmentCompletion, ...]:
        if job.plan is None or job.swept or job.status in AWAITS_SOURCE:
            return ()
        memory, count = self._memory(job.job_id), self._platform.completions.count(job.job_id)
        if count != memory.counted:
            memory.completions = tuple(all_completions(self._platform.completions, job.job_id))
            memory.counted = count
        return memory.completions

    def _memory(self, job_id: str) -> Memory:
        with self._lock:
            memory = self._memories.setdefault(job_id, Memory())
            self._memories.move_to_end(job_id)
            while len(self._memories) > REMEMBERED:
                self._memories.popitem(last=False)
            return memory

    def _result(self, job: Job) -> ResultView | None:
        if job.result is None or job.plan is None or job.status is not JobStatus.COMPLETED:
            return None
        result = job.result
        return ResultView(
            files=tuple(self._output(job, name, file) for name, file in zip(file_names(job), result.files, strict=False)),
            width=result.width,
            height=result.height,
            frames=result.frames,
            seconds=float(job.plan.duration),
            depth=result.depth,
            left_out=result.left_out,
            warnings=result.warnings,
            playlist_url=f"/jobs/{job.job_id}/playlist.m3u",
        )

    def _output(self, job: Job, name: str, file: OutputFile) -> OutputView:
        view = "right" if job.result is not None and file == job.result.right else "video"
        place = f"/jobs/{job.job_id}/{view}/{quote(name)}"
        return OutputView(
            name=name,
            bytes=file.bytes,
            etag=file.etag,
            url=place,
            download_url=f"{place}?download=1",
            player_url=self._links.for_player(place),
        )


def waits_for_a_person(job: Job) -> bool:
    """Whether a job's source was fetched and nobody has started it."""
    return job.status is JobStatus.INGESTING and job.source.etag is not None


def file_names(job: Job) -> tuple[str, ...]:
    """What the finished files are called: by their layout, as players know it."""
    stem = job.source.name.rpartition(".")[0] or job.source.name
    name = output_name(stem, job.params)
    return view_names(name) if job.result is not None and job.result.right is not None else (name,)


def segments_of(job: Job, completions: Sequence[SegmentCompletion], activities: Sequence[Activity]) -> list[SegmentView]:
    """Every segment of a job, in order."""
    if job.plan is None:
        return []
    all_done = job.status in {JobStatus.COMPLETED, JobStatus.REASSEMBLING}
    views = [
        SegmentView(index=index, state=SegmentState.DONE if all_done else SegmentState.WAITING, fraction=float(all_done))
        for index in range(job.plan.segment_count)
    ]
    for activity in activities:
        if activity.stage is Stage.RENDER and activity.segment_index is not None and activity.segment_index < len(views):
            views[activity.segment_index] = SegmentView(
                index=activity.segment_index,
                state=SegmentState.RUNNING,
                fraction=activity.done / activity.total if activity.total else 0.0,
                worker=activity.worker,
                attempt=activity.attempt,
            )
    for one in completions:
        if one.segment_index < len(views):
            views[one.segment_index] = SegmentView(
                index=one.segment_index,
                state=SegmentState.DONE,
                fraction=1.0,
                worker=one.worker,
                frames=one.frames,
                seconds=round(one.seconds.wall, 2),
            )
    failed = job.error.segment_index if job.error and job.status is JobStatus.FAILED else None
    if failed is not None and failed < len(views):
        views[failed] = views[failed].model_copy(update={"state": SegmentState.FAILED})
    return views


def work_of(job: Job) -> Work | None:
    """Where a finished job's time went."""
    if job.plan is None or job.result is None:
        return None
    return Work(
        chunk=round(job.plan.chunk_seconds, 3),
        render=round(job.result.render.wall, 3),
        reassemble=round(job.result.reassemble_seconds, 3),
    )


def events_of(job: Job, completions: Sequence[SegmentCompletion]) -> list[Event]:
    """What happened, the latest first."""
    events = [Event(at=job.created_at, kind=JobStatus.CREATED.value)]
    events += [Event(at=passage.at, kind=passage.status.value) for passage in job.history]
    events += [
        Event(at=one.completed_at, kind="segment", segment_index=one.segment_index, worker=one.worker, seconds=round(one.seconds.wall, 2))
        for one in completions
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)
