"""Which encoder makes a segment, and with which options: a table by quality and bit depth, and what else follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from stereo_inference.layouts import SIDE_BY_SIDE, TOP_BOTTOM
from stereo_inference.picture import PixelFormat
from stereo_spot_shared.manifest import Colour, ContentLight, MasteringDisplay
from stereo_spot_shared.rendering import FramePacking, Quality


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """All that decides the encoded stream, and so whether segments can be joined: the same for all of a job's segments."""

    width: int
    height: int
    format: PixelFormat
    layout: FramePacking
    quality: Quality
    rate: Fraction
    time_base: Fraction
    aspect: Fraction
    colour: Colour
    right_first: bool = False
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None

    @property
    def picture_bytes(self) -> int:
        """Bytes of one raw picture."""
        return self.format.picture_bytes(self.width, self.height)


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """A line of `ENCODERS`: FFmpeg's name of the encoder, what decides quality and speed (FFmpeg's options and the encoder's
    own parameters), and the pictures of lookahead and the B-frames that it is to use where memory allows."""

    codec: str
    options: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    lookahead: int = 0
    bframes: int = 0


ENCODERS = {
    (Quality.DRAFT, 8): EncoderSettings("libx264", {"preset": "ultrafast", "crf": "26"}),
    (Quality.BALANCED, 8): EncoderSettings("libx264", {"preset": "veryfast", "crf": "20"}, lookahead=10, bframes=3),
    (Quality.HIGH, 8): EncoderSettings("libx264", {"preset": "medium", "crf": "17"}, lookahead=10, bframes=3),
    (Quality.LOSSLESS, 8): EncoderSettings("libx264", {"preset": "veryfast", "qp": "0"}),
    (Quality.DRAFT, 10): EncoderSettings("libx265", {"preset": "ultrafast", "crf": "28"}),
    (Quality.BALANCED, 10): EncoderSettings("libx265", {"preset": "superfast", "crf": "22"}, lookahead=10, bframes=3),
    (Quality.HIGH, 10): EncoderSettings(
        "libx265", {"preset": "fast", "crf": "18"}, {"ref": "2", "weightp": "0", "ctu": "32"}, lookahead=10, bframes=3
    ),
    (Quality.LOSSLESS, 10): EncoderSettings("libx264", {"preset": "veryfast", "qp": "0"}),
}
"""Encoder by quality and bit depth (see `encoder_of`). 8-bit H.264 plays everywhere; 10-bit H.265 is what HDR displays expect. The
parameters of its preset "fast" that are changed keep it within its memory at 1080p."""


@dataclass(frozen=True, slots=True)
class EncoderMemory:
    """What an encoder takes, in raw pictures: always, and for each picture of lookahead and each B-frame."""

    least: float
    each: float


MEMORY = {"libx264": EncoderMemory(16, 2.5), "libx265": EncoderMemory(25, 5)}
"""Measured at 3840x1080 as resident bytes of a process that only encodes: x264 in 8 bit takes 97 MiB with neither and 300 with
10 pictures of lookahead and 3 B-frames; x265 in 10 bit 295 MiB with neither, 520 with 3 and 1."""

MORE_CHROMA = 1.4
"""How much more than by its bytes a picture in 4:2:2 or 4:4:4 takes (measured, as above)."""

LARGEST_WITHIN = 3840 * 1080
"""Samples of a picture of 1080p with both views at full size."""

MEMORY_BYTES = 300 * 1024 * 1024
"""What an encoder may take for it, and for anything smaller."""

MEMORY_PICTURES = 25
"""What it may take for anything larger, in raw pictures: no encoder of the table takes less."""


FRAME_PACKING = dict.fromkeys(SIDE_BY_SIDE, "3") | dict.fromkeys(TOP_BOTTOM, "4") | {FramePacking.ROWS: "2"}
"""frame_packing_arrangement_type of the SEI message of H.264 (ITU-T H.264, D.2.26), where there is one for the layout."""


def encoder_of(output: OutputFormat) -> EncoderSettings:
    """The line of the table for an output.

    In 4:2:2 and 4:4:4 that of 8 bit for 10 bit too: the profiles of H.265 for them are decoded by hardly more displays than those of
    H.264, and x265 would take 430 to 540 MB at 1080p.
    """
    return ENCODERS[output.quality, output.format.bits if is_420(output) else 8]


def is_420(output: OutputFormat) -> bool:
    """Whether chroma has half the width and half the height."""
    return output.format.sub_x == output.format.sub_y == 1


def options(settings: EncoderSettings, output: OutputFormat, threads: int) -> dict[str, str]:
    """The encoder's options: the table's, and what follows from the layout, HDR metadata and memory."""
    params = settings.params | memory_options(settings, output)
    if settings.codec == "libx265":
        # Its info SEI and thread pool would make headers depend on the machine, and then segments would not join.
        params |= {"info": "0", "repeat-headers": "0", "open-gop": "0", "pools": str(threads), "log-level": "none"}
        params["frame-threads"] = "1"  # threads share a picture's rows; several pictures at once would take memory each
        if output.mastering_display is not None:
            params["master-display"] = mastering_display(output.mastering_display)
        if output.content_light is not None:
            params["max-cll"] = f"{output.content_light.max_content},{output.content_light.max_average}"
        return settings.options | {"x265-params": joined(params)}
    if output.layout in FRAME_PACKING and not output.right_first:  # x264 always says that the left view is the first
        params["frame-packing"] = FRAME_PACKING[output.layout]
    params["sync-lookahead"] = "0"  # a thread of its own would hold more pictures
    if output.mastering_display is not None:
        params["mastering-display"] = mastering_display(output.mastering_display)
    if output.content_light is not None:
        params["cll"] = f"{output.content_light.max_content},{output.content_light.max_average}"
    return settings.options | {"x264-params": joined(params)}


def memory_options(settings: EncoderSettings, output: OutputFormat) -> dict[str, str]:
    """Lookahead and B-frames: what the table wants, as far as memory goes.

    The numbers follow from the size of a picture alone, since all segments of a job must be encoded alike.
    """
    memory = MEMORY[settings.codec]
    allowed = MEMORY_BYTES / (output.picture_bytes * (1 if is_420(output) else MORE_CHROMA))
    if output.width * output.height > LARGEST_WITHIN:
        allowed = max(allowed, MEMORY_PICTURES)
    held = max(0, int((allowed - memory.least) / memory.each))
    bframes = min(settings.bframes, (held + 1) // 4)
    params = {"rc-lookahead": str(min(settings.lookahead, held - bframes)), "bframes": str(bframes)}
    if output.format.sub_x or allowed >= memory.least:
        return params
    return params | {
        "subme": "0",
        "ref": "1",
        "weightp": "0",
    }  # 4:4:4 in 10 bit: planes between whole pixels, for each channel, are too much


def shared_pictures(output: OutputFormat, threads: int) -> int:
    """Pictures shared with the encoder's process: of two, one is rendered while the other is encoded; with one thread, and where a
    1080p picture is as large as in 10-bit 4:4:4, there is one."""
    large = output.picture_bytes > 20_000_000 and output.width * output.height <= LARGEST_WITHIN
    return 1 if threads == 1 or large else 2


def joined(params: dict[str, str]) -> str:
    """As both encoders read a list of parameters."""
    return ":".join(f"{name}={value}" for name, value in params.items())


def mastering_display(display: MasteringDisplay) -> str:
    """As both encoders read it: chromaticities in 1/50000, luminances in 1/10000 cd/m2."""

    def point(xy: tuple[Fraction, Fraction]) -> str:
        return "({},{})".format(*(round(value * 50_000) for value in xy))

    luminance = f"({round(display.max_luminance * 10_000)},{round(display.min_luminance * 10_000)})"
    return f"G{point(display.green)}B{point(display.blue)}R{point(display.red)}WP{point(display.white)}L{luminance}"
