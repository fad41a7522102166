"""One request and one result for every inference backend (a child process, HTTP, SageMaker)."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from pydantic import Field

from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.base import SCHEMA_VERSION, Value
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Rational, Ticks


class RenderRequest(Value):
    """Render one segment. Self-contained: whoever answers it needs no store, no queue and no manifest."""

    schema_version: int = SCHEMA_VERSION
    job_id: str
    attempt_id: str
    """Unique to this attempt; names the output object and makes a repeated request recognisable."""
    input_uri: str
    """`file://` or the storage's own scheme: the segment object that chunking wrote."""
    output_uri: str
    """Where the encoded segment goes (NUT). It appears whole or not at all."""
    video: VideoStream
    pts_offset: int
    last_duration: int
    segment: SegmentSpec
    params: RenderParams


class StageSeconds(Value):
    """Busy seconds of each stage of rendering (they overlap: their sum may exceed the wall time)."""

    decode: float = 0.0
    depth: float = 0.0
    warp: float = 0.0
    encode: float = 0.0
    wall: float = 0.0


class RenderProgress(Value):
    """Frames of the core that left the encoder so far."""

    frames: int = Field(ge=0)


class RenderResult(Value):
    """What one finished segment is: all that completion and reassembly need to trust it."""

    frames: int = Field(ge=0)
    lost: Ticks = Ticks()
    """Times of the core that the source's damage left undecodable: no picture exists for them."""
    context: int = Field(default=0, ge=0)
    """Frames that were decoded and rendered only as context."""
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    codec: str
    fingerprint: str
    """SHA-256 over codec, pixel format, size and extradata: segments with equal fingerprints concatenate."""
    sample_aspect_ratio: Rational = Fraction(1)
    depth: str
    """The estimator that was used (`auto` resolved)."""
    bytes: int = Field(ge=0)
    seconds: StageSeconds = StageSeconds()


class RenderState(StrEnum):
    """Where a request that an inference server has taken is."""

    WAITING = "waiting"
    """Behind others."""
    RENDERING = "rendering"
    DONE = "done"
    """`result` says what was made."""
    FAILED = "failed"
    """`problem` says why."""


class RenderStatus(Value):
    """What an inference server says of a request that it has taken."""

    attempt_id: str
    state: RenderState
    frames: int = Field(default=0, ge=0)
    """Of the core, so far."""
    total: int = Field(default=0, ge=0)
    result: RenderResult | None = None
    problem: Problem | None = None


class MomentsTask(Value):
    """Look at `count` places of `source`; the pictures, at most `width` wide, go into `folder`."""

    source: Path
    params: RenderParams
    folder: Path
    count: int = Field(default=3, ge=1, le=8)
    width: int = Field(default=640, ge=64, le=1920)
    models: Path | None = None
    """The folder of depth models; a child process knows no settings."""


class Moment(Value):
    """One place of a video: when it is shown, about, in seconds, and the names of its pictures (JPEG)."""

    seconds: float
    picture: str
    depth: str
    left: str
    right: str


class Moments(Value):
    """A few places of a video, the estimator that was used (`auto` resolved), and what of the video decides how long it takes."""

    depth: str
    width: int
    height: int
    frames: int | None
    """About; None where the video does not say how long it is."""
    moments: tuple[Moment, ...]
