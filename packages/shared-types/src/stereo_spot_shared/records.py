"""The record of a finished conversion: what estimates of time and cost are made from, and what `gather` collects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median

from stereo_spot_shared.base import SCHEMA_VERSION, Value
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Rational


class Machine(Value):
    """Where it ran, as far as speed is concerned."""

    system: str
    processor: str
    cores: int


class ConversionRecord(Value):
    """Written once when a job completes; kept when the job's objects are removed."""

    schema_version: int = SCHEMA_VERSION
    job_id: str
    name: str
    finished_at: datetime
    params: RenderParams
    depth: str
    source_width: int
    source_height: int
    source_bytes: int
    output_bytes: int
    frames: int
    context_frames: int
    """Frames rendered twice because a seam needs their neighbours."""
    duration: Rational
    segments: int
    workers: int
    """Distinct processes that rendered."""
    chunk_seconds: float
    render: StageSeconds
    """Busy seconds, summed over all segments."""
    reassemble_seconds: float
    total_seconds: float
    """From submission to completion."""
    machine: Machine

    @property
    def seconds_per_megapixel(self) -> float:
        """Worker seconds to render a million source pixels."""
        return self.render.wall / (self.frames * self.source_width * self.source_height / 1e6)


def estimate_render_seconds(
    records: Iterable[ConversionRecord], *, frames: int, width: int, height: int, params: RenderParams
) -> float | None:
    """Worker seconds that rendering will probably take, from the most similar records; None where there are none.

    The median over records of the same depth estimator and profile and the same quality, else over all of them.
    """
    usable = [record for record in records if record.frames and record.render.wall]
    alike = [record for record in usable if kind_of_work(record.params) == kind_of_work(params)]
    if not usable:
        return None
    rate = median(record.seconds_per_megapixel for record in alike or usable)
    return rate * frames * width * height / 1e6


def kind_of_work(params: RenderParams) -> tuple[str, str, str]:
    """What decides how long a picture takes."""
    return params.depth, params.depth_profile, params.quality
