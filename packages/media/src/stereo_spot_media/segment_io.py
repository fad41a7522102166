"""Reading rendered segments: what the validation of a completion and the joining of segments both need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from av import VideoCodecContext
from stereo_spot_shared.timing import Ticks


@dataclass(frozen=True)
class RenderedInfo:
    """What a rendered segment file really holds; `times` are ticks of the source, without the container offset."""

    times: Ticks
    codec: str
    width: int
    height: int
    fingerprint: str
    bytes: int


def encoder_fingerprint(codec_context: VideoCodecContext) -> str:
    """SHA-256 (hex) over codec, pixel format, size and extradata: streams with equal fingerprints concatenate."""
    raise NotImplementedError


def inspect_rendered(path: Path, *, time_base: object, pts_offset: int) -> RenderedInfo:
    """Demux a rendered segment (no decoding) and return what it holds."""
    raise NotImplementedError
