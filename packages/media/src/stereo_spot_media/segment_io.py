"""Reading rendered segments: what the validation of a completion and the joining of segments both need.

A rendered segment is a NUT file with one video stream, or two where each view has its own, whose times are source ticks plus the manifest's
`pts_offset`. NUT keeps a time base of its own, so ticks are converted exactly, or refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av import Packet, VideoCodecContext, VideoStream
from av.container import InputContainer

from stereo_spot_media.hostile import MediaLimits, open_media
from stereo_spot_shared.errors import UnsupportedMedia, VerificationFailed
from stereo_spot_shared.timing import Ticks

MOST_VIEWS = 2

OWN_LIMITS = MediaLimits(max_bytes=1 << 62, max_pixels=1 << 40, max_side=1 << 20, max_seconds=1 << 40)
"""For files that we made: their source was within the limits, and packed pictures are larger, late ones later."""


@dataclass(frozen=True)
class RenderedInfo:
    """What a rendered segment file really holds."""

    times: Ticks
    """Presentation times in ticks of the source, without the container offset."""
    codec: str
    width: int
    height: int
    sample_aspect_ratio: Fraction
    fingerprint: str
    views: int
    """Video streams: they are alike, and show the same times."""
    bytes: int
    """Size of the file."""


def inspect_rendered(path: Path, *, time_base: Fraction, pts_offset: int) -> RenderedInfo:
    """Demux the rendered segment at `path` (no decoding) and say what it holds.

    `time_base` and `pts_offset` are the manifest's. Raises VerificationFailed where the file is not a rendered
    segment: unreadable, empty, not beginning with a keyframe, or with times that are not whole ticks.
    """
    first, *others = [inspect_view(path, view, time_base, pts_offset) for view in range(views_in(path))]
    for other in others:
        if (other.times, other.fingerprint, other.sample_aspect_ratio) != (first.times, first.fingerprint, first.sample_aspect_ratio):
            raise VerificationFailed(f"The views of the rendered segment {path.name} are not alike.")
    return first


def views_in(path: Path) -> int:
    """How many video streams the rendered segment holds."""
    with open_rendered(path) as (container, _):
        return len(container.streams.video)


def inspect_view(path: Path, view: int, time_base: Fraction, pts_offset: int) -> RenderedInfo:
    """The same for one of its video streams."""
    with open_rendered(path, view) as (container, stream):
        times = sorted(pts for pts, _ in rendered_packets(container, stream, time_base, pts_offset))
        if not times:
            raise VerificationFailed(f"The rendered segment {path.name} holds no frame.")
        context = stream.codec_context
        return RenderedInfo(
            times=Ticks.of(times),
            codec=context.codec.canonical_name,
            width=context.width,
            height=context.height,
            sample_aspect_ratio=pixel_aspect(stream),
            fingerprint=encoder_fingerprint(context),
            views=len(container.streams.video),
            bytes=path.stat().st_size,
        )


def encoder_fingerprint(context: VideoCodecContext) -> str:
    """SHA-256 (hex) over codec, pixel format, size and extradata: streams with equal fingerprints concatenate.

    The same for the encoder's context and for the decoder's context of the file that was written from it.
    """
    # "yuvj…" is an old way to say full range, which the extradata says anyway; encoder and decoder differ in it.
    pixel_format = (context.pix_fmt or "").replace("yuvj", "yuv")
    digest = hashlib.sha256(f"{context.codec.canonical_name} {pixel_format} {context.width}x{context.height}\n".encode())
    digest.update(context.extradata or b"")
    return digest.hexdigest()


class open_rendered:  # noqa: N801 - used as a function in `with`
    """Open a rendered segment for the length of a `with` block: (container, the video stream of the view with that number).

    Everything that is wrong with the file becomes VerificationFailed: it is our own product, not somebody's media.
    """

    def __init__(self, path: Path, view: int = 0) -> None:
        self._path = path
        self._view = view
        self._opened = open_media(path, OWN_LIMITS)

    def __enter__(self) -> tuple[InputContainer, VideoStream]:
        try:
            container = self._opened.__enter__()
        except UnsupportedMedia as error:
            raise self._failure(error) from error
        videos = container.streams.video
        if len(container.streams) != len(videos) or not self._view < len(videos) <= MOST_VIEWS:
            self._opened.__exit__(None, None, None)
            raise VerificationFailed(f"The rendered segment {self._path.name} does not hold the video streams that it should.")
        return container, videos[self._view]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._opened.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except UnsupportedMedia as translated:
            raise self._failure(translated) from translated

    def _failure(self, error: UnsupportedMedia) -> VerificationFailed:
        return VerificationFailed(f"The rendered segment {self._path.name} cannot be read: {error.message}")


def rendered_packets(
    container: InputContainer, stream: VideoStream, time_base: Fraction, pts_offset: int
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Packets in decoding order, each with its presentation time in source ticks without the offset."""
    own = stream.time_base
    if own is None:
        raise VerificationFailed("The rendered segment states no time base.")
    ratio = own / time_base
    numerator, denominator = ratio.numerator, ratio.denominator
    first = True
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.pts is None or packet.is_corrupt:
            raise VerificationFailed("The rendered segment is damaged: a packet is incomplete or has no time.")
        if first and not packet.is_keyframe:
            raise VerificationFailed("The rendered segment does not begin with a keyframe.")
        first = False
        ticks, rest = divmod(packet.pts * numerator, denominator)
        if rest:
            raise VerificationFailed(
                f"The rendered segment has a time ({packet.pts} x {own} s) that is no whole number of ticks of {time_base} s."
            )
        yield ticks - pts_offset, packet


def pixel_aspect(stream: VideoStream) -> Fraction:
    """The sample aspect ratio of the stream; 1 where nothing is stated."""
    return stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
