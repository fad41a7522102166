"""The manifest: what chunking found in the source, and all that later stages must agree on.

It is written once per job by the chunk stage (`keys.manifest_key`), is the same however often chunking is
repeated, and is small enough to be read whole: times are run-length coded (`timing.Ticks`).
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

from pydantic import Field

from stereo_spot_shared.base import SCHEMA_VERSION, Value
from stereo_spot_shared.timing import Rational, Ticks


class TrackKind(StrEnum):
    """What a track other than the converted picture holds."""

    AUDIO = "audio"
    SUBTITLE = "subtitle"
    ATTACHMENT = "attachment"
    DATA = "data"
    VIDEO = "video"


class Colour(Value):
    """Colour signalling as ITU-T H.273 code points (2 = unspecified); `full_range` None means not stated."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool | None = None


class MasteringDisplay(Value):
    """SMPTE ST 2086: chromaticities (x, y) of red, green, blue and white; luminances in cd/m2."""

    red: tuple[Rational, Rational]
    green: tuple[Rational, Rational]
    blue: tuple[Rational, Rational]
    white: tuple[Rational, Rational]
    min_luminance: Rational
    max_luminance: Rational


class ContentLight(Value):
    """CTA-861.3: maximum content and frame-average light level in cd/m2."""

    max_content: int
    max_average: int


class Region(Value):
    """A part of a picture, in pixels."""

    left: int = Field(ge=0)
    top: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class VideoStream(Value):
    """The picture that is converted, as the source stores it (before it is turned upright)."""

    index: int
    codec: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    pixel_format: str
    bit_depth: int
    time_base: Rational
    average_rate: Rational
    sample_aspect_ratio: Rational
    rotation: int = 0
    """Degrees clockwise that turn the stored picture upright: 0, 90, 180 or 270."""
    interlaced: bool = False
    colour: Colour = Colour()
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    active: Region | None = None
    """The part of the upright picture that is rendered; around it are black bars, which stay as they are. None: all of it."""
    dynamic_metadata: tuple[str, ...] = ()
    """Names of metadata that changes from scene to scene (Dolby Vision, HDR10+): it is left out, the static part is kept."""


class Track(Value):
    """Another stream of the source: carried to the output, or left out with the reason."""

    index: int
    kind: TrackKind
    codec: str
    language: str | None = None
    title: str | None = None
    left_out: str | None = None
    """Why the output container cannot carry it; None when it is carried."""


class SegmentSpec(Value):
    """One unit of rendering.

    The *core* are the frames that this segment adds to the output; it stands at frame numbers
    `[first_frame, first_frame + len(core))` of the whole video. `before` and `after` are the context frames
    around it that the renderer sees but does not output. `packets` is the half-open range of the video's packets,
    in decoding order, that the segment's object holds; it starts at a random-access point.
    All times are ticks of the source's time base, without the container offset.
    """

    index: int = Field(ge=0)
    first_frame: int = Field(ge=0)
    before: Ticks = Ticks()
    core: Ticks
    after: Ticks = Ticks()
    packets: tuple[int, int]


class Manifest(Value):
    """The plan of one job's video. See the module text."""

    schema_version: int = SCHEMA_VERSION
    source_etag: str
    source_format: str
    """Name of the demuxer (FFmpeg's)."""
    video: VideoStream
    segment_container: str
    """FFmpeg name of the muxer of segment objects: `nut`, or `mov` for codecs that NUT cannot carry."""
    pts_offset: int
    """Ticks added to every time inside segment objects, source and rendered, so that none is negative."""
    start_shift: Rational
    """Seconds added to every time of every track in the output (0 unless the source's clock has no origin: MPEG-TS)."""
    frames: Ticks
    """Every presentation time of the result, in order, context and segments aside."""
    excerpt: bool = False
    """Whether that is a part of the video only: its other tracks are then cut to it, and the first frame stands at 0."""
    last_duration: int
    """Ticks that the last frame is shown."""
    segments: tuple[SegmentSpec, ...]
    tracks: tuple[Track, ...] = ()
    has_chapters: bool = False
    damaged: tuple[str, ...] = ()
    """Sentences about what the scan found broken in the source (bad packets and where)."""

    @property
    def frame_count(self) -> int:
        return len(self.frames)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last."""
        return (sum(step * count for step, count in self.frames.runs) + self.last_duration) * self.video.time_base

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """When the result begins and ends, in seconds of its own clock."""
        begin = (self.frames.start or 0) * self.video.time_base + self.start_shift
        return begin, begin + self.duration
