"""The table of stages: what is sent, through which queue, and how long anything may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import (
    ChunkRequest,
    IngestRequest,
    Message,
    ReassembleRequest,
    RenditionRequest,
    SegmentReady,
    SegmentRendered,
    SweepRequest,
)


@dataclass(frozen=True)
class StageSpec:
    """One row of the table. Times are in seconds."""

    message: type[Message]
    queue: str
    statuses: frozenset[JobStatus]
    """In these the stage has work to do; in any other its message is out of date and is acknowledged as it is."""
    visibility_seconds: int
    """How long a received message is hidden; a living handler extends it at a third of this."""
    max_attempts: int
    """Counted deliveries after which the job is failed (if it can still fail) and the message dead-lettered."""
    stall_seconds: int
    """A handler that lives but makes no progress for so long is stopped."""
    resend_seconds: int
    """When nothing has been heard of the stage for so long, its message is taken for lost and sent again."""


STAGES: Mapping[Stage, StageSpec] = MappingProxyType(
    {
        # More attempts than the others: it depends on a server that is not ours, and each goes on where the last one ended.
        Stage.INGEST: StageSpec(
            IngestRequest,
            "ingest",
            frozenset({JobStatus.INGESTING}),
            visibility_seconds=60,
            max_attempts=8,
            stall_seconds=300,
            resend_seconds=600,
        ),
        Stage.CHUNK: StageSpec(
            ChunkRequest,
            "chunk",
            frozenset({JobStatus.QUEUED, JobStatus.CHUNKING}),
            visibility_seconds=60,
            max_attempts=3,
            stall_seconds=300,
            resend_seconds=600,
        ),
        Stage.RENDER: StageSpec(
            SegmentReady,
            "render",
            frozenset({JobStatus.CHUNKING, JobStatus.RENDERING}),
            visibility_seconds=60,
            max_attempts=4,
            stall_seconds=300,
            resend_seconds=900,
        ),
        # What asynchronous backends answer. Nothing awaits it by itself: a lost answer is found when its SegmentReady is sent again.
        Stage.RENDERED: StageSpec(
            SegmentRendered,
            "rendered",
            frozenset({JobStatus.CHUNKING, JobStatus.RENDERING}),
            visibility_seconds=60,
            max_attempts=4,
            stall_seconds=300,
            resend_seconds=900,
        ),
        Stage.REASSEMBLE: StageSpec(
            ReassembleRequest,
            "reassemble",
            frozenset({JobStatus.REASSEMBLING}),
            visibility_seconds=60,
            max_attempts=3,
            stall_seconds=300,
            resend_seconds=600,
        ),
        Stage.SWEEP: StageSpec(
            SweepRequest,
            "sweep",
            frozenset({JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.DELETED}),
            visibility_seconds=60,
            max_attempts=10,
            stall_seconds=300,
            resend_seconds=600,
        ),
        # On demand only: no status awaits it, so the reconciler never sends its message. Who asked asks again.
        Stage.RENDITION: StageSpec(
            RenditionRequest,
            "rendition",
            frozenset({JobStatus.COMPLETED}),
            visibility_seconds=60,
            max_attempts=3,
            stall_seconds=300,
            resend_seconds=600,
        ),
    }
)

AWAITED: Mapping[JobStatus, Stage] = MappingProxyType(
    {
        JobStatus.INGESTING: Stage.INGEST,
        JobStatus.QUEUED: Stage.CHUNK,
        JobStatus.CHUNKING: Stage.CHUNK,
        JobStatus.RENDERING: Stage.RENDER,
        JobStatus.REASSEMBLING: Stage.REASSEMBLE,
        JobStatus.COMPLETED: Stage.SWEEP,
        JobStatus.CANCELLED: Stage.SWEEP,
        JobStatus.DELETED: Stage.SWEEP,
    }
)
"""The stage that moves a job of this status on; where there is none, a person acts next."""
