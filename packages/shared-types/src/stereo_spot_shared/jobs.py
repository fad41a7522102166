"""A job: one video on its way to stereo, and everything that the store knows of it."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from stereo_spot_shared.base import SCHEMA_VERSION, Value, utc_now
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.ingest import same_video
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Rational, Ticks


class Stage(StrEnum):
    """A kind of work that a worker does; each has its own queue (`pipeline.STAGES`)."""

    INGEST = "ingest"
    CHUNK = "chunk"
    RENDER = "render"
    REASSEMBLE = "reassemble"
    SWEEP = "sweep"
    RENDITION = "rendition"
    RENDERED = "rendered"


class JobStatus(StrEnum):
    """Where a job is; each status says what it means and who sets it (the moves are `pipeline.ALLOWED`)."""

    CREATED = "created"
    """The job is known, its source is not there yet. Set by whoever submits."""
    UPLOADING = "uploading"
    """The source is on its way into object storage. Set by whoever submits."""
    INGESTING = "ingesting"
    """The source is fetched from its URL, or it is here and the job waits for a word to start. Set by whoever submits, and by retry."""
    QUEUED = "queued"
    """The source is there and pinned by its etag; no worker has begun. Set by whoever submits, by retry, and by the ingest stage."""
    CHUNKING = "chunking"
    """A media worker plans and cuts; segments that are cut are rendered meanwhile. Set by the chunk stage."""
    RENDERING = "rendering"
    """Every segment is cut; video workers render. Set by the chunk stage."""
    REASSEMBLING = "reassembling"
    """Every segment is rendered; a media worker joins them. Set by whoever completes the last segment."""
    COMPLETED = "completed"
    """The verified output is published. Set by the reassemble stage."""
    FAILED = "failed"
    """It cannot go on; `error` says why and what to do. Finished segments are kept for a retry. Set by any stage."""
    CANCELLED = "cancelled"
    """A person stopped it; what it held is swept. Set by a person."""
    DELETED = "deleted"
    """A person removed it; everything it held is swept and only this row remains. Set by a person."""

    @property
    def is_final(self) -> bool:
        """Whether the pipeline does nothing more for the result (sweeping aside)."""
        return self in _FINAL


_FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DELETED})


class JobError(Value):
    """Why a job failed, in words for the person who owns it."""

    code: str
    message: str
    stage: Stage | None = None
    segment_index: int | None = None
    hint: str | None = None


class Source(Value):
    """The source object. `etag` is pinned when the upload ends: a replaced file is noticed, never mixed in."""

    key: str
    name: str
    """The file's name as its owner knows it: shown, and never used as a path."""
    etag: str | None = None
    size: int | None = None
    url: str | None = Field(default=None, repr=False)
    """Where it is fetched from. Its query may let anybody fetch, so that is shown nowhere, and forgotten once it is of no more use."""
    validator: str | None = None
    """What the URL's server calls the content that is being fetched: only more of the same is added to it."""

    def forget_query(self) -> Self:
        """This source, with its URL as it may be kept: nobody can fetch with it, and it still tells one video from another."""
        return self if self.url is None else self.model_copy(update={"url": same_video(self.url)})


class Plan(Value):
    """The totals of the manifest, small enough to live on the job."""

    plan_id: str
    """SHA-256 of the manifest: completions are for this plan and no other."""
    segment_count: int = Field(ge=1)
    frame_count: int = Field(ge=1)
    duration: Rational
    """Seconds."""
    chunk_seconds: float = 0.0
    """What planning and cutting took."""


class LeftOut(Value):
    """A track of the source that the output does not hold, and why."""

    track: str
    reason: str


class OutputFile(Value):
    """A finished video in storage."""

    key: str
    etag: str
    bytes: int


class Passage(Value):
    """When a job entered a status."""

    status: JobStatus
    at: datetime


class SubtitleFile(Value):
    """A text subtitle track of the source as WebVTT in storage, in the clock of the output."""

    key: str
    language: str | None = None
    title: str | None = None


class JobResult(Value):
    """What was published."""

    output_key: str
    etag: str
    bytes: int
    right: OutputFile | None = None
    """The right view, where each view has a file of its own; the other fields are then about the left one."""
    frames: int
    width: int
    height: int
    depth: str
    left_out: tuple[LeftOut, ...] = ()
    lost: Ticks = Ticks()
    """Times of frames that the source's damage left undecodable (ticks of its time base)."""
    warnings: tuple[str, ...] = ()
    subtitles: tuple[SubtitleFile, ...] = ()
    """The subtitles that are words, for players that cannot read them out of the output (browsers)."""
    render: StageSeconds = StageSeconds()
    """Sums over all segments."""
    render_cost: float | None = None
    """What all segments cost together, by the rates of the machines that rendered them; None where one of those had none."""
    reassemble_seconds: float = 0.0

    @property
    def files(self) -> tuple[OutputFile, ...]:
        """Every finished video: the result, or the left and the right view."""
        first = OutputFile(key=self.output_key, etag=self.etag, bytes=self.bytes)
        return (first,) if self.right is None else (first, self.right)


HISTORY = 40


class Job(Value):
    """One conversion. `version` is raised by every update; an update names the version that it has seen."""

    schema_version: int = SCHEMA_VERSION
    job_id: str = Field(pattern=r"^[0-9a-z]{8,40}$")
    version: int = 0
    status: JobStatus = JobStatus.CREATED
    source: Source
    params: RenderParams
    start_when_uploaded: bool = False
    """Whether a person has said "go" while the source is still on its way; whoever takes in its last byte sets the job going."""
    keep_source: bool = False
    """Whether the source stays in storage when the job is completed, to be converted again with other parameters."""
    plan: Plan | None = None
    cut: int = 0
    """Segments [0, cut) have been cut and stored."""
    sent: int = 0
    """Segments [0, sent) have been announced to the video workers."""
    announced: int = 0
    """Segments [0, announced) had been announced before `sent` was taken back: something of them may be stored already."""
    hinted_at: datetime | None = None
    """When the message that moves the job on was last sent; None: not since the status changed."""
    swept: bool = False
    """Whether what a finished job does not keep has been removed."""
    result: JobResult | None = None
    error: JobError | None = None
    history: tuple[Passage, ...] = ()
    """The statuses that it has entered since it was created, at most HISTORY of them, the latest last."""
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)

    def evolve(self, **changes: Any) -> Self:
        """This job with `changes`, validated, and `updated_at` set to now unless given; the store raises the version."""
        changes.setdefault("updated_at", utc_now())
        return type(self).model_validate({**dict(self), **changes})


class SegmentCompletion(Value):
    """A finished segment. The first one recorded for a segment stands; it is never rendered again."""

    schema_version: int = SCHEMA_VERSION
    job_id: str
    segment_index: int = Field(ge=0)
    plan_id: str
    attempt_id: str
    object_key: str
    etag: str
    bytes: int
    frames: int
    lost: Ticks = Ticks()
    context: int = 0
    width: int
    height: int
    fingerprint: str
    sample_aspect_ratio: Rational
    depth: str
    seconds: StageSeconds = StageSeconds()
    cost: float | None = None
    """What it cost, by the rate of the machine that rendered it, in the currency of whoever set that; None where none was set."""
    worker: str
    completed_at: datetime = Field(default_factory=utc_now)


class Activity(Value):
    """The latest sign of life of a piece of work. A hint for people and for the reconciler; losing it harms nothing."""

    job_id: str
    stage: Stage
    segment_index: int | None = None
    worker: str
    attempt: int = 1
    done: int = 0
    """Frames so far; bytes, where a source is fetched."""
    total: int = 0
    """0: not known."""
    note: str | None = None
    """In words, why the work waits, where it does (no space left, the backend is away), or why it ended where no job fails by it."""
    at: datetime = Field(default_factory=utc_now)


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_job_id() -> str:
    """A fresh id of 26 characters that sorts by time of creation (Crockford base 32: 48 bits of ms, 80 random)."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5))


def new_attempt_id() -> str:
    """A fresh name for one attempt at one piece of work."""
    return secrets.token_hex(8)
