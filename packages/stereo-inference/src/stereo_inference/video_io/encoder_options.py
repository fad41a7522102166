"""The options of an encoder: those of its line in the table, and what follows from layout, HDR metadata and memory.

They follow from the output alone, and never from the machine: all segments of a job must be encoded alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stereo_inference.layouts import SIDE_BY_SIDE, TOP_BOTTOM
from stereo_inference.video_io.encoders import EncoderSettings, OutputFormat
from stereo_spot_shared.manifest import MasteringDisplay
from stereo_spot_shared.rendering import FramePacking

FRAME_PACKING = dict.fromkeys(SIDE_BY_SIDE, "3") | dict.fromkeys(TOP_BOTTOM, "4") | {FramePacking.ROWS: "2"}
"""frame_packing_arrangement_type of the SEI message of H.264 (ITU-T H.264, D.2.26), where there is one for the layout."""


def options(settings: EncoderSettings, output: OutputFormat, threads: int) -> dict[str, str]:
    """All of an encoder's options."""
    match settings.name:
        case "libx264":
            return settings.options | {"x264-params": joined(settings.params | memory_options(settings, output) | of_x264(output))}
        case "libx265":
            return settings.options | {"x265-params": joined(settings.params | memory_options(settings, output) | of_x265(output, threads))}
        case "libsvtav1":
            return settings.options | {"svtav1-params": joined(settings.params | of_svt_av1(output))}
        case _:
            return settings.options | {"bf": str(settings.bframes)} | OF_HARDWARE.get(settings.name.split("_")[1], {})


OF_HARDWARE = {"nvenc": {"tune": "hq", "forced-idr": "1", "strict_gop": "1"}, "qsv": {"forced_idr": "1", "async_depth": "4"}}
"""Options of all codecs of a kind of hardware: pictures that are asked to be keyframes are such that decoding can begin there."""


def of_x264(output: OutputFormat) -> dict[str, str]:
    """What follows for x264."""
    params = {"sync-lookahead": "0"}  # a thread of its own would hold more pictures
    if output.layout in FRAME_PACKING and not output.right_first:  # x264 always says that the left view is the first
        params["frame-packing"] = FRAME_PACKING[output.layout]
    if output.mastering_display is not None:
        params["mastering-display"] = mastering_display(output.mastering_display)
    if output.content_light is not None:
        params["cll"] = f"{output.content_light.max_content},{output.content_light.max_average}"
    return params


def of_x265(output: OutputFormat, threads: int) -> dict[str, str]:
    """What follows for x265."""
    # Its info SEI and thread pool would make headers depend on the machine, and then segments would not join.
    params = {"info": "0", "repeat-headers": "0", "open-gop": "0", "pools": str(threads), "log-level": "none"}
    params["frame-threads"] = "1"  # threads share a picture's rows; several pictures at once would take memory each
    if output.mastering_display is not None:
        params["master-display"] = mastering_display(output.mastering_display)
    if output.content_light is not None:
        params["max-cll"] = f"{output.content_light.max_content},{output.content_light.max_average}"
    return params


def of_svt_av1(output: OutputFormat) -> dict[str, str]:
    """What follows for SVT-AV1."""
    params = {"lp": "1"}  # more threads take more pictures each, and gain little at these presets
    if (display := output.mastering_display) is not None:
        points = {"G": display.green, "B": display.blue, "R": display.red, "WP": display.white}
        light = f"L({float(display.max_luminance):.4f},{float(display.min_luminance):.4f})"
        params["mastering-display"] = "".join(f"{name}({float(x):.5f},{float(y):.5f})" for name, (x, y) in points.items()) + light
    if output.content_light is not None:
        params["content-light"] = f"{output.content_light.max_content},{output.content_light.max_average}"
    return params


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


def memory_options(settings: EncoderSettings, output: OutputFormat) -> dict[str, str]:
    """Lookahead and B-frames: what the table wants, as far as memory goes.

    The numbers follow from the size of a picture alone, since all segments of a job must be encoded alike.
    """
    memory = MEMORY[settings.name]
    allowed = MEMORY_BYTES / (output.picture_bytes * (1 if output.is_420 else MORE_CHROMA))
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
