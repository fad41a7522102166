"""How a person wants the result to look: the render parameters of a job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from stereo_spot_shared.base import Value
from stereo_spot_shared.timing import Rational


class FramePacking(StrEnum):
    """What one picture of the result holds. The values are the names that the command line and the API use."""

    FULL_SBS = "full-sbs"
    """Side by side, left view left, each at full size: twice as wide."""
    HALF_SBS = "half-sbs"
    """Side by side, each view squeezed to half its width: the size of the source."""
    FULL_TB = "full-tb"
    """Left view above the right one, each at full size: twice as high."""
    HALF_TB = "half-tb"
    """Left view above the right one, each squeezed to half its height."""
    CROSS_EYED = "cross-eyed"
    """Side by side at full size, the right view left: to be looked at without any glasses, with the eyes crossed."""
    ROWS = "rows"
    """Rows of the left and the right view in turn, as displays with polarising glasses want them; the size of the source."""
    VR180 = "vr180"
    """For headsets: each view a half dome (equirectangular, 180 degrees) in which the picture hangs as a flat screen; side by side."""
    ANAGLYPH = "anaglyph"
    """Red-cyan glasses, by Dubois' least-squares matrices; the size of the source, as all anaglyphs."""
    ANAGLYPH_GREEN_MAGENTA = "anaglyph-green-magenta"
    """Green-magenta glasses, by Dubois' matrices."""
    ANAGLYPH_AMBER_BLUE = "anaglyph-amber-blue"
    """Amber-blue glasses, by Dubois' matrices."""
    ANAGLYPH_GREY = "anaglyph-grey"
    """Red-cyan glasses, without colours: the least ghosting."""
    ANAGLYPH_COLOUR = "anaglyph-colour"
    """Red-cyan glasses, red from the left view, green and blue from the right one: bright colours that compete between the eyes."""
    ANAGLYPH_HALF_COLOUR = "anaglyph-half-colour"
    """Red-cyan glasses, the left view without its colours: less competition."""
    SEPARATE = "separate"
    """Two videos, one of each view."""
    RGBD = "rgbd"
    """The picture, and beside it its depth in grey (white is near): for players and displays that make the views themselves."""
    DEPTH = "depth"
    """The depth alone, in grey."""


PLAIN = frozenset({FramePacking.RGBD, FramePacking.DEPTH})
"""Layouts without views of two eyes."""


def views_of(params: RenderParams) -> int:
    """How many videos a job makes: two where each view has a file of its own."""
    return 2 if params.layout is FramePacking.SEPARATE else 1


class Quality(StrEnum):
    """What the encoder aims at; the table that maps it to codec, preset and rate is in stereo-inference."""

    DRAFT = "draft"
    BALANCED = "balanced"
    HIGH = "high"
    LOSSLESS = "lossless"


class Codec(StrEnum):
    """The codec of the finished video."""

    AUTO = "auto"
    """H.264, which plays everywhere; H.265 for 10 bit and for pictures larger than H.264 decoders take."""
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


class Encoder(StrEnum):
    """What encodes. Every worker of a job must have it: segments of different encoders cannot be joined."""

    SOFTWARE = "software"
    """x264, x265 or SVT-AV1: everywhere, and the best picture for its size."""
    NVENC = "nvenc"
    """NVIDIA graphics."""
    VIDEOTOOLBOX = "videotoolbox"
    """Apple."""
    QSV = "qsv"
    """Intel graphics (Quick Sync Video)."""


class Eye(StrEnum):
    """One of the two eyes, and the view that it sees."""

    LEFT = "left"
    RIGHT = "right"


class DepthProfile(StrEnum):
    """How much work depth is worth; the table of what each means is in `temporal`."""

    FAST = "fast"
    BALANCED = "balanced"
    QUALITY = "quality"


class Engine(StrEnum):
    """What makes two views of a picture."""

    OWN = "own"
    """StereoSpot's own renderer."""
    IW3 = "iw3"
    """nunif's iw3, an installation of its own: its depth and its views, frame by frame."""


class Iw3Options(Value):
    """What iw3 is asked for, in its own words."""

    method: str = Field(default="row_flow", pattern=r"^[a-z0-9_]{1,32}$")
    depth_model: str = Field(default="Any_V2_S", pattern=r"^[A-Za-z0-9_]{1,32}$")


class Container(StrEnum):
    """The container of the finished video."""

    MP4 = "mp4"
    MOV = "mov"
    MKV = "mkv"


class RenderParams(Value):
    """Everything that decides what the pixels of a job look like; pinned on the job when it is created.

    `max_disparity` is the full range of disparity in percent of the frame's width, `convergence` the relative
    depth (0 far, 1 near) that lies on the screen, or "auto": see the architecture page, *Rendering*.
    `foreground_scale` gives near things more of the disparity (above 0) or far ones (below). `screen_cm` is the width of
    the screen that the result is to be comfortable on (`comfort`). `floating_window` hides, at the left and right
    border, the part of one view by which what stands before the screen would be cut off there. `keep_eye` names the view
    that is the source, bit for bit, while the other takes all of the disparity; without it each takes half. `eye_swap` puts
    each view where the layout has the other one (and the marking of the file says so).
    """

    layout: FramePacking = FramePacking.FULL_SBS
    depth: str = Field(default="auto", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    depth_model: str | None = Field(default=None, max_length=4096)
    """Where the workers find the model of one's own that `depth` "own-model" means: an ONNX file, or a folder of transformers. A path of
    their own machines, as the one below."""
    depth_file: str | None = Field(default=None, max_length=4096)
    """Where the workers find depth that was brought along: a depth video or a folder. A path of their own machines, so it is
    never to be taken from strangers."""
    depth_profile: DepthProfile = DepthProfile.BALANCED
    engine: Engine = Engine.OWN
    iw3: Iw3Options = Iw3Options()
    max_disparity: float = Field(default=2.0, ge=0.0, le=10.0)
    convergence: Annotated[float, Field(ge=0.0, le=1.0)] | Literal["auto"] = 0.5
    foreground_scale: float = Field(default=0.0, ge=-3.0, le=3.0)
    screen_cm: float | None = Field(default=None, ge=1.0, le=10_000.0)
    floating_window: bool = False
    autocrop: bool = False
    """Whether black bars are found and left out of depth and warp."""
    keep_eye: Eye | None = None
    eye_swap: bool = False
    quality: Quality = Quality.BALANCED
    codec: Codec = Codec.AUTO
    encoder: Encoder = Encoder.SOFTWARE
    container: Container = Container.MP4
    segment_seconds: float = Field(default=20.0, ge=0.5, le=600.0)
    start: Rational | None = Field(default=None, ge=0)
    end: Rational | None = Field(default=None, gt=0)
    """Seconds from the first frame: the frames that are shown from `start` on and before `end` are wanted, all by default."""

    @property
    def leaves_depth_open(self) -> bool:
        """Whether the workers choose the estimator, by what they have. The first finished segment then settles it for the whole job."""
        return self.depth == AUTO and self.depth_file is None and self.engine is Engine.OWN

    def is_met_by(self, settled: RenderParams) -> bool:
        """Whether a job of the parameters `settled` is what these ask for: the same, or with the depth that these leave open settled."""
        return settled == (self.model_copy(update={"depth": settled.depth}) if self.leaves_depth_open else self)

    @property
    def follows_shots(self) -> bool:
        """Whether rendering a frame needs to know what its shot has shown so far."""
        return self.convergence == AUTO or self.floating_window

    @property
    def right_first(self) -> bool:
        """Whether the right view stands where a layout has the left one."""
        return self.eye_swap or self.layout is FramePacking.CROSS_EYED

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.depth == OWN_MODEL) != (self.depth_model is not None):
            raise ValueError(f"a model of one's own is asked for by the depth {OWN_MODEL} and its path, both of them")
        if self.engine is Engine.IW3 and (reason := self._beyond_iw3()):
            raise ValueError(f"the engine iw3 knows no {reason}; leave that out, or leave the engine to {Engine.OWN}")
        if self.layout in PLAIN and (self.keep_eye or self.eye_swap or self.floating_window):
            raise ValueError(f"the layout {self.layout} has no views of two eyes that could be kept, swapped or masked")
        if self.keep_eye and self.floating_window:
            raise ValueError("a view that is kept as it is cannot be masked by a floating window; choose one of the two")
        if self.eye_swap and self.layout is FramePacking.SEPARATE:
            raise ValueError("each view has a file of its own, named after it; there is nothing to swap")
        if self.eye_swap and self.layout is FramePacking.CROSS_EYED:
            raise ValueError("cross-eyed with its eyes swapped is full-sbs; ask for that layout instead")
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError("the end must lie behind the start")
        if self.encoder is not Encoder.SOFTWARE and self.quality is Quality.LOSSLESS:
            raise ValueError(f"{self.encoder} does not encode losslessly; leave the encoder to software, or choose the quality high")
        if self.encoder is Encoder.VIDEOTOOLBOX and self.codec is Codec.AV1:
            raise ValueError("videotoolbox does not encode AV1; choose hevc, or the encoder software")
        return self

    def _beyond_iw3(self) -> str | None:
        """What these parameters ask for and iw3 does not do, if anything."""
        wanted = {
            f"layout {self.layout}": self.layout in PLAIN,
            "depth but its own": self.depth != AUTO or self.depth_file is not None,
            "automatic convergence": self.convergence == AUTO,
            "view that is kept": self.keep_eye is not None,
            "floating window": self.floating_window,
            "black bars": self.autocrop,
        }
        return next((what for what, asked in wanted.items() if asked), None)


AUTO: Final = "auto"
"""For the convergence: found by the renderer, from what each shot shows."""

OWN_MODEL: Final = "own-model"
"""The depth estimator of whoever brings a model along (`RenderParams.depth_model`)."""

BASIC: Final = "basic"
"""The depth estimator that is always there; its depth has the same meaning in every picture."""
