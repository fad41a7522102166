"""What is said of a job, as the API writes it and the pages show it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stereo_spot_shared.base import Value
from stereo_spot_shared.ingest import LONGEST_URL
from stereo_spot_shared.jobs import JobError, JobStatus, LeftOut, Stage
from stereo_spot_shared.rendering import RenderParams

JobId = Annotated[str, Field(pattern=r"^[0-9a-z]{8,40}$", examples=["01kb2y8m3nq5w0c7v4j9t6r2xh"])]


class Progress(Value):
    """How far a job is."""

    fraction: float = Field(ge=0, le=1)
    """Over all stages."""
    frames_done: int
    frames_total: int | None = None
    frames_per_second: float | None = None
    """By this job's own frames, lately; None until there is something to measure."""
    seconds_left: float | None = None
    waiting: str | None = None
    """Why nothing moves, where that is known."""


class SourceView(Value):
    """The video that is converted."""

    name: str
    bytes: int | None
    received: int | None
    """Bytes that have been uploaded so far; None where that is not known any more."""
    url: str | None = None
    """Where it is fetched from, without what may be secret in it; None where it was uploaded."""
    is_here: bool
    """Whether all of it is in storage now: then it can be previewed, started, and converted again."""


class SegmentState(StrEnum):
    """What is going on with a segment."""

    WAITING = "waiting"
    """Not cut yet, or cut and not begun."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SegmentView(Value):
    """One unit of rendering."""

    index: int
    state: SegmentState
    fraction: float = 0.0
    worker: str | None = None
    attempt: int | None = None
    frames: int | None = None
    seconds: float | None = None


class Event(Value):
    """Something that happened to a job."""

    at: datetime
    kind: str
    """A status that the job entered, or `segment`."""
    segment_index: int | None = None
    worker: str | None = None
    seconds: float | None = None


class OutputView(Value):
    """A finished file."""

    name: str
    bytes: int
    etag: str
    """What the ETag of its addresses says (without quotes): a download that broke goes on only in the same content."""
    url: str
    """Where a browser plays it, in parts (Range)."""
    download_url: str
    player_url: str
    """The whole address for another program, which needs no sign-in; valid for long, for this file only."""


class ResultView(Value):
    """What came of a job."""

    files: tuple[OutputView, ...]
    width: int
    height: int
    frames: int
    seconds: float
    depth: str
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    playlist_url: str


class Work(Value):
    """Where a finished job's time went, in seconds."""

    chunk: float
    """Planning and cutting."""
    render: float
    """Sum over all segments of the wall time that a worker spent on each."""
    reassemble: float


class CostView(Value):
    """What a job cost, by the rates of the settings; what is not known yet is left out."""

    currency: str
    rendering: float
    """Of the segments that are finished."""
    handing_out: float | None = None
    """Of each time that the result is fetched."""


class JobView(Value):
    """A job, as lists show it."""

    id: JobId
    status: JobStatus
    version: int
    source: SourceView
    params: RenderParams
    start_when_uploaded: bool
    progress: Progress
    error: JobError | None = None
    result: ResultView | None = None
    cost: CostView | None = None
    poster_url: str
    url: str
    """Of its page."""
    upload_url: str | None = None
    """Where its source goes (tus 1.0), while it is awaited."""
    created_at: datetime
    updated_at: datetime


class JobDetail(JobView):
    """A job, with what its segments do and what happened."""

    segments: tuple[SegmentView, ...] = ()
    events: tuple[Event, ...] = ()
    stage: Stage | None = None
    """That moves it on now."""
    work: Work | None = None
    """Of a completed job."""
    lost: tuple[int, ...] = ()
    """Presentation times (ticks of the source's time base) of frames that damage left undecodable."""


class JobListView(Value):
    """A page of jobs, newest first."""

    jobs: tuple[JobView, ...]
    cursor: str | None = None
    """Continues the list; None at its end."""
    unreadable: tuple[str, ...] = ()


class NewJob(Value):
    """A video that is going to be uploaded."""

    name: str = Field(min_length=1, max_length=255, examples=["holiday.mp4"])
    bytes: int = Field(ge=1, examples=[734003200])
    params: RenderParams = RenderParams()
    start: bool = False
    """Whether to set it going as soon as it is here; otherwise that waits for `start`."""


class ImportedJob(Value):
    """A video that lies in the import folder of the server."""

    path: str = Field(min_length=1, max_length=4096, examples=["films/holiday.mp4"])
    """Relative to that folder."""
    params: RenderParams = RenderParams()
    start: bool = False


class UrlJob(Value):
    """A video that the server is to fetch."""

    url: str = Field(min_length=1, max_length=LONGEST_URL, examples=["https://films.example/holiday.mp4"])
    """Of the file itself; without a user name or a password."""
    params: RenderParams = RenderParams()
    start: bool = False
    """Whether to set it going as soon as it is here; otherwise that waits for `start`."""


class Options(Value):
    """How a job's result is to look."""

    params: RenderParams


class Duplicate(Value):
    """The same source once more."""

    params: RenderParams | None = None
    """None: as before."""
    start: bool = False
