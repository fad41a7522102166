"""What a conversion of a video would do, said before it is done."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from stereo_inference.layouts import packed_size
from stereo_inference.picture import PIXEL_FORMATS
from stereo_spot_cli.estimates import Size, output_bytes, render_seconds, weight
from stereo_spot_cli.inspection import frames_of, segments_of
from stereo_spot_cli.tables import facts_table
from stereo_spot_cli.words import count, duration, size
from stereo_spot_cli.workers import choose_workers
from stereo_spot_media.carriage import carriage, metadata_left_out
from stereo_spot_media.probe import SourceInfo
from stereo_spot_shared.base import Value
from stereo_spot_shared.jobs import LeftOut
from stereo_spot_shared.manifest import Track, VideoStream
from stereo_spot_shared.records import ConversionRecord
from stereo_spot_shared.rendering import Container, FramePacking, RenderParams

SIDEWAYS = (90, 270)


class Prospect(Value):
    """The outlook. Estimates are None where nothing is known that they could be made from."""

    layout: FramePacking
    container: Container
    width: int
    height: int
    """About: odd sizes are padded as the chroma of the source needs it."""
    frames: int | None
    carried: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    workers: int
    seconds: float | None
    """From the records of earlier conversions on this platform."""
    bytes: int | None


def prospect(info: SourceInfo, layout: FramePacking, container: Container, records: Sequence[ConversionRecord]) -> Prospect:
    """What a conversion with default parameters, but this layout and container, would do on this machine."""
    params = RenderParams(layout=layout, container=container)
    width, height = upright(info.video)
    video = Size(info.bytes, width, height, frames_of(info))
    packed_width, packed_height = packed_size(layout, width, height, PIXEL_FORMATS["yuv420p"])
    fates = [(track_name(track), carriage(container, track.kind, track.codec)) for track in info.tracks]
    workers = choose_workers(None, segments=segments_of(info, params), pixels=weight(video, params))
    made = output_bytes(records, video, params)
    return Prospect(
        layout=layout,
        container=container,
        width=packed_width,
        height=packed_height,
        frames=video.frames,
        carried=tuple(name for name, fate in fates if fate.left_out is None),
        left_out=(
            *(LeftOut(track=name, reason=fate.left_out) for name, fate in fates if fate.left_out is not None),
            *metadata_left_out(info.video),
        ),
        workers=workers,
        seconds=render_seconds(records, video, params, frames=video.frames, workers=workers),
        bytes=None if made is None else round(made),
    )


def prospect_table(name: str, info: SourceInfo, outlook: Prospect) -> Table:
    """The file and the outlook, for a person."""
    video = info.video
    facts = [
        ("file", f"{name} ({size(info.bytes)}, {info.format})"),
        ("title", info.title or "-"),
        ("length", duration(float(info.seconds)) if info.seconds else "not stated"),
        ("picture", describe(video)),
        *(("track", track_name(track)) for track in info.tracks),
        *([("chapters", str(info.chapters))] if info.chapters else []),
        ("", ""),
        ("becomes", f"{outlook.layout.value}, {outlook.width}×{outlook.height}, .{outlook.container.value}"),
        ("frames", f"about {outlook.frames:,}" if outlook.frames else "not known before it is scanned"),
        *(("carried over", track) for track in outlook.carried),
        *(("left out", f"{item.track}: {item.reason}") for item in outlook.left_out),
        ("size", f"about {size(outlook.bytes)}" if outlook.bytes else "not known"),
        ("time", expected_time(outlook)),
    ]
    return facts_table(facts)


def describe(video: VideoStream) -> str:
    """`1920×1080, h264, 8 bit yuv420p, 23.976 fps, interlaced, turned by 90°`."""
    parts = [
        f"{video.width}×{video.height}",
        video.codec,
        f"{video.bit_depth} bit {video.pixel_format}",
        f"{float(video.average_rate):.5g} fps",
    ]
    if video.interlaced:
        parts.append("interlaced (is deinterlaced, one for one)")
    if video.rotation:
        parts.append(f"to be turned by {video.rotation}°")
    if video.sample_aspect_ratio != 1:
        parts.append(f"pixels {video.sample_aspect_ratio.numerator}:{video.sample_aspect_ratio.denominator}")
    if video.mastering_display or video.content_light or video.colour.transfer in (16, 18):
        parts.append(" and ".join(["HDR", *video.dynamic_metadata]))
    return ", ".join(parts)


def expected_time(outlook: Prospect) -> str:
    """How long it will take, if earlier conversions tell."""
    if outlook.seconds is None:
        return "not known: nothing was converted here before"
    return f"about {duration(outlook.seconds)} with {count(outlook.workers, 'worker')}"


def track_name(track: Track) -> str:
    """`audio 1 (aac, eng, Commentary)`."""
    details = ", ".join(detail for detail in (track.codec, track.language, track.title) if detail)
    return f"{track.kind.value} {track.index} ({details})"


def upright(video: VideoStream) -> tuple[int, int]:
    """Width and height once the picture is turned."""
    return (video.height, video.width) if video.rotation in SIDEWAYS else (video.width, video.height)
