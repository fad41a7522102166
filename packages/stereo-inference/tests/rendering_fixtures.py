"""Segments for tests: a source planned and cut as the pipeline does it, rendered, and read back."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.render import render_segment
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.planning import make_manifest
from stereo_spot_media.scene import Scene
from stereo_spot_shared.inference import RenderRequest, RenderResult
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.rendering import RenderParams

SMALL = Scene(width=128, height=72, rate=Fraction(24))


@dataclass(frozen=True)
class Cut:
    """A source's manifest and its segment objects."""

    manifest: Manifest
    params: RenderParams
    segments: tuple[Path, ...]

    def request(self, index: int = 0, *, output: Path | None = None, **changed: Any) -> RenderRequest:
        """What asks for segment `index`; `changed` replaces fields of the request."""
        source = self.segments[index]
        fields: dict[str, Any] = {
            "job_id": "job",
            "attempt_id": f"attempt-{index}",
            "input_uri": source.as_uri(),
            "output_uri": (output or source.with_suffix(".rendered")).as_uri(),
            "video": self.manifest.video,
            "pts_offset": self.manifest.pts_offset,
            "last_duration": self.manifest.last_duration,
            "segment": self.manifest.segments[index],
            "params": self.params,
        }
        return RenderRequest(**fields | changed)

    def render(self, index: int = 0, *, output: Path | None = None, **options: Any) -> tuple[RenderResult, Path]:
        """Render segment `index`; returns the result and the file."""
        target = output or self.segments[index].with_suffix(".rendered")
        request = options.pop("request", None) or self.request(index)
        estimator = options.pop("estimator", None) or BasicDepth()
        result = render_segment(
            request, source=self.segments[index], output=target, estimator=estimator, encoder=shared_encoder(), **options
        )
        return result, target


@functools.cache
def shared_encoder() -> EncoderProcess:
    """The process that encodes for all tests."""
    process = EncoderProcess()
    atexit.register(process.close)
    return process


def cut(folder: Path, source: Path | Clip, *, segment_seconds: float = 600.0, **params: Any) -> Cut:
    """Plan and cut a source (a clip is written first); 600 seconds leave it in one segment."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Clip):
        source = write_clip(folder / "source.mkv", source) if source.codec == "ffv1" else write_clip(folder / "source.mp4", source)
    asked = RenderParams(segment_seconds=segment_seconds, **{"quality": "draft", "depth": "basic", **params})
    manifest = make_manifest(source, "etag", asked)
    return Cut(manifest, asked, tuple(segment.path for segment in cut_segments(source, manifest, folder)))


def decoded(path: Path, manifest: Manifest) -> Iterator[tuple[int, av.VideoFrame]]:
    """Every frame of a rendered segment with its time in source ticks."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            ticks = frame.pts * stream.time_base / manifest.video.time_base
            assert ticks.denominator == 1
            yield int(ticks) - manifest.pts_offset, frame


def times_of(path: Path, manifest: Manifest) -> list[int]:
    """The times of a rendered segment's frames as they decode."""
    return [time for time, _ in decoded(path, manifest)]


def luma(frame: av.VideoFrame) -> NDArray[Any]:
    """The luma plane of a frame, copied."""
    kind = np.uint8 if max(c.bits for c in frame.format.components) == 8 else np.uint16
    plane = frame.planes[0]
    return np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : frame.width].copy()
