"""What `EncoderProcess` tells its child to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stereo_inference.video_io.encoders import OutputFormat


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a segment in the existing file `part`; answered by codec and fingerprint. For the others see `SegmentEncoder`."""

    part: Path
    output: OutputFormat
    times: Sequence[int]
    end: int
    pts_offset: int
    threads: int
    pictures: int
    """How many pictures the shared memory holds."""


@dataclass(frozen=True, slots=True)
class Encode:
    """Encode a picture of the shared memory, which may be overwritten once this is answered: by the frames that left."""

    picture: int
    time: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Complete the segment; answered by the number of frames that left the encoder."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Let go of the segment, complete or not."""
