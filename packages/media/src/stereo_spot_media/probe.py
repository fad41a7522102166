"""What a source is: the picture to convert, its colour and orientation, and the tracks beside it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideoStream
from pydantic import Field

from stereo_spot_media.hostile import DEFAULT_LIMITS, VIDEO_DECODERS, MediaLimits, open_media, picture_size
from stereo_spot_media.packets import read_packets
from stereo_spot_media.pictures import dolby_vision_test
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Colour, ContentLight, MasteringDisplay, Track, TrackKind, VideoStream
from stereo_spot_shared.timing import Rational

NOT_THE_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
PLACES = 3
"""Places of the video at which pictures are decoded to see whether it is interlaced."""
PICTURES_PER_PLACE = 3
PACKETS_PER_PLACE = 400
"""Packets that are tried at most for the pictures of one place (a recording may begin in the middle of a GOP)."""
UNSPECIFIED = 2
DOLBY_VISION = "Dolby Vision"
DYNAMIC = {
    DOLBY_VISION: (SideDataType.DOVI_RPU_BUFFER, SideDataType.DOVI_METADATA),
    "HDR10+": (SideDataType.DYNAMIC_HDR_PLUS,),
    "HDR Vivid": (SideDataType.DYNAMIC_HDR_VIVID,),
}
"""Metadata of single scenes, by the side data that decoders make of it."""
KINDS = {
    "audio": TrackKind.AUDIO,
    "subtitle": TrackKind.SUBTITLE,
    "attachment": TrackKind.ATTACHMENT,
    "video": TrackKind.VIDEO,
}


class SourceInfo(Value):
    """What `probe` found out. `seconds` is what the container says, where it does."""

    format: str
    """FFmpeg's name of the demuxer."""
    bytes: int = Field(gt=0)
    seconds: Rational | None = None
    title: str | None = None
    video: VideoStream
    tracks: tuple[Track, ...] = ()
    """Every other stream."""
    chapters: int = 0


def probe(path: str | Path, limits: MediaLimits = DEFAULT_LIMITS) -> SourceInfo:
    """Look at a video file: its headers, and a few decoded pictures at a few places.

    Raises UnsupportedMedia (not a video, no picture that decodes, beyond a limit) and MissingSource.
    """
    with open_media(path, limits) as container:
        chosen = choose_video(container, Path(path).name)
        pictures = list(sample_pictures(container, chosen))
        if not pictures:
            raise UnsupportedMedia(
                f"No picture of {Path(path).name} could be decoded (codec {chosen.codec_context.name}).",
                hint="The file may be damaged or encrypted.",
            )
        video = describe_video(chosen, pictures, limits, Path(path).name)
        if DOLBY_VISION not in video.dynamic_metadata and carries_dolby_vision(container, chosen):
            video = video.model_copy(update={"dynamic_metadata": (DOLBY_VISION, *video.dynamic_metadata)})
        return SourceInfo(
            format=container.format.name,
            bytes=Path(path).stat().st_size,
            seconds=Fraction(container.duration, av.time_base) if container.duration else None,
            title=container.metadata.get("title"),
            video=video,
            tracks=tuple(describe_track(stream) for stream in container.streams if stream.index != chosen.index),
            chapters=len(container.chapters()),
        )


def choose_video(container: InputContainer, name: str) -> AvVideoStream:
    """The film among a file's video streams: the largest picture that is no cover art; the first of equals."""
    films = [stream for stream in container.streams.video if not stream.disposition & NOT_THE_FILM]
    readable = [stream for stream in films if all(picture_size(stream)) and stream.codec_context.name in VIDEO_DECODERS]
    if not films:
        raise UnsupportedMedia(
            f"{name} holds no video{', only sound' if container.streams.audio else ''}.", hint="Give a file with a picture."
        )
    if not readable:
        raise UnsupportedMedia(
            f"The picture of {name} is coded as {codec_name(films[0])}, which is not supported.",
            hint="Convert it to H.264 with another tool first.",
        )
    return max(readable, key=lambda stream: (prod(picture_size(stream)), bool(stream.disposition & Disposition.default), -stream.index))


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of the codec (not of the decoder that happens to be used), or "unknown"."""
    try:
        return stream.codec_context.codec.canonical_name
    except (AttributeError, av.FFmpegError):
        return "unknown"


def sample_pictures(container: InputContainer, stream: AvVideoStream) -> Iterator[VideoFrame]:
    """A few decoded pictures from each of a few places, the first of them from the start."""
    yield from decode_some(container, stream)
    length = container.duration or 0
    for place in range(1, PLACES) if length else ():
        try:
            container.seek((container.start_time or 0) + length * place // PLACES)
        except av.FFmpegError:
            return
        stream.codec_context.flush_buffers()
        yield from decode_some(container, stream)


def decode_some(container: InputContainer, stream: AvVideoStream) -> Iterator[VideoFrame]:
    """The next few pictures that decode."""
    found = 0
    for count, packet in enumerate(read_packets(container, [stream])):
        for frame in decode_leniently(packet):
            found += 1
            yield frame
        if found >= PICTURES_PER_PLACE or count >= PACKETS_PER_PLACE:
            return
    for frame in drain(stream):
        yield frame


def decode_leniently(packet: Any) -> list[VideoFrame]:
    """The pictures that a packet completes; none where it is damaged."""
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []


def drain(stream: AvVideoStream) -> list[VideoFrame]:
    """The pictures that the decoder still holds at the end."""
    try:
        return stream.codec_context.decode(None)
    except av.FFmpegError:
        return []


def describe_video(stream: AvVideoStream, pictures: list[VideoFrame], limits: MediaLimits, name: str) -> VideoStream:
    """The chosen stream in the words of the manifest; pictures tell what headers leave out."""
    first = pictures[0]
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    if rate > limits.max_frame_rate:
        raise UnsupportedMedia(
            f"{name} says that it has {float(rate):,.0f} pictures a second; the limit is {limits.max_frame_rate:,}.",
            hint="Its times are damaged, or it is no film.",
        )
    if first.width * first.height > limits.max_pixels:
        raise UnsupportedMedia(f"{name} has pictures of {first.width}x{first.height}; the limit is {limits.max_pixels:,} pixels.")
    assert stream.time_base is not None  # noqa: S101 - every demuxed stream has one
    return VideoStream(
        index=stream.index,
        codec=codec_name(stream),
        width=first.width,
        height=first.height,
        pixel_format=first.format.name,
        bit_depth=max(component.bits for component in first.format.components),
        time_base=stream.time_base,
        average_rate=rate,
        sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
        rotation=round(-first.rotation / 90) * 90 % 360,  # FFmpeg counts counter-clockwise
        interlaced=any(picture.interlaced_frame for picture in pictures),
        colour=describe_colour(stream, first),
        mastering_display=mastering_display(first),
        content_light=content_light(first),
        dynamic_metadata=tuple(name for name, kinds in DYNAMIC.items() if any(side_data(p, kind) for p in pictures for kind in kinds)),
    )


def carries_dolby_vision(container: InputContainer, stream: AvVideoStream) -> bool:
    """Whether the first packets say so: FFmpeg's decoder makes side data only of what it understands itself."""
    try:
        container.seek(container.start_time or 0)
    except av.FFmpegError:
        return False
    test = dolby_vision_test(stream)
    first = islice((packet for packet in read_packets(container, [stream]) if packet.size), PICTURES_PER_PLACE)
    return any(test(memoryview(packet)) for packet in first)


def describe_colour(stream: AvVideoStream, picture: VideoFrame) -> Colour:
    """Colour signalling of the picture, or of the container where the picture says nothing."""
    context = stream.codec_context

    def stated(of_picture: int, of_stream: int) -> int:
        return int(of_picture) if of_picture not in (0, UNSPECIFIED) else int(of_stream) or UNSPECIFIED

    colour_range = int(picture.color_range) or int(context.color_range)
    full = True if picture.format.name.startswith("yuvj") else {1: False, 2: True}.get(colour_range)
    return Colour(
        primaries=stated(picture.color_primaries, context.color_primaries),
        transfer=stated(picture.color_trc, context.color_trc),
        matrix=stated(picture.colorspace, context.colorspace),
        full_range=full,
    )


def mastering_display(picture: VideoFrame) -> MasteringDisplay | None:
    """SMPTE ST 2086 metadata, from FFmpeg's AVMasteringDisplayMetadata (ten rationals and two flags)."""
    data = side_data(picture, SideDataType.MASTERING_DISPLAY_METADATA)
    if data is None or len(data) < 88:
        return None
    numbers = struct.unpack("=22i", data[:88])
    has_primaries, has_luminance = numbers[20:]
    if not (has_primaries and has_luminance) or 0 in numbers[1:20:2]:
        return None
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y, low, high = (
        Fraction(numerator, denominator) for numerator, denominator in zip(numbers[0:20:2], numbers[1:20:2], strict=True)
    )
    return MasteringDisplay(
        red=(red_x, red_y), green=(green_x, green_y), blue=(blue_x, blue_y), white=(white_x, white_y), min_luminance=low, max_luminance=high
    )


def content_light(picture: VideoFrame) -> ContentLight | None:
    """CTA-861.3 light levels, from FFmpeg's AVContentLightMetadata (two unsigned integers)."""
    data = side_data(picture, SideDataType.CONTENT_LIGHT_LEVEL)
    if data is None or len(data) < 8:
        return None
    most, average = struct.unpack("=2I", data[:8])
    return ContentLight(max_content=most, max_average=average) if most else None


def side_data(picture: VideoFrame, kind: SideDataType) -> bytes | None:
    """The bytes of a picture's side data of that kind."""
    found: Any = picture.side_data  # PyAV's stubs know of one kind only
    try:
        return bytes(found[kind])
    except KeyError:
        return None


def describe_track(stream: Stream) -> Track:
    """Another stream in the words of the manifest."""
    return Track(
        index=stream.index,
        kind=KINDS.get(stream.type, TrackKind.DATA),
        codec=codec_name(stream),
        language=stream.language or None,
        title=stream.metadata.get("title"),
    )
