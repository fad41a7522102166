"""What joining is tried on: manifests made straight from a source's packets, and stand-in rendered segments.

Joining never looks at pixels, so the segments are grey pictures encoded at exactly the times that the plan wants;
that way these tests need neither chunking nor rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from stereo_spot_media.carriage import carriage
from stereo_spot_media.timestamps import regenerate_dts
from stereo_spot_shared.manifest import Manifest, SegmentSpec, Track, TrackKind, VideoStream
from stereo_spot_shared.rendering import Container
from stereo_spot_shared.timing import Ticks

X264 = ("libx264", {"preset": "ultrafast", "bf": "2", "x264-params": "keyint=50:b-adapt=0"})
X265 = ("libx265", {"preset": "ultrafast", "x265-params": "info=0:log-level=none:bframes=3:keyint=50"})
OFFSET = 100_000


def plan(
    times: Sequence[int],
    time_base: Fraction,
    lengths: Sequence[int],
    *,
    tracks: Sequence[Track] = (),
    last_duration: int | None = None,
    start_shift: Fraction = Fraction(0),
    has_chapters: bool = False,
    index: int = 0,
) -> Manifest:
    """A manifest of `times` (ticks) with segments of so many frames each; the last takes what remains."""
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    borders = [start for start in starts if start < len(times)] + [len(times)]
    segments = tuple(
        SegmentSpec(index=number, first_frame=first, core=Ticks.of(list(times[first:end])), packets=(first, end))
        for number, (first, end) in enumerate(pairwise(borders))
    )
    step = times[-1] - times[-2] if len(times) > 1 else max(1, int(Fraction(1, 25) / time_base))
    return Manifest(
        source_etag="etag",
        source_format="mov",
        video=VideoStream(
            index=index,
            codec="h264",
            width=64,
            height=48,
            pixel_format="yuv420p",
            bit_depth=8,
            time_base=time_base,
            average_rate=Fraction(25),
            sample_aspect_ratio=Fraction(1),
        ),
        segment_container="nut",
        pts_offset=OFFSET,
        start_shift=start_shift,
        frames=Ticks.of(list(times)),
        last_duration=step if last_duration is None else last_duration,
        segments=segments,
        tracks=tuple(tracks),
        has_chapters=has_chapters,
    )


def plan_of(source: Path, seconds: float, container: Container) -> Manifest:
    """The manifest of a real file: its largest picture's packet times, cut every `seconds`, and all its tracks."""
    with av.open(str(source), metadata_errors="replace") as opened:
        video = max(opened.streams.video, key=lambda stream: stream.width * stream.height)
        times = sorted(packet.pts for packet in opened.demux(video) if packet.size and packet.pts is not None and not packet.is_discard)
        kinds = {"audio": TrackKind.AUDIO, "subtitle": TrackKind.SUBTITLE, "attachment": TrackKind.ATTACHMENT}
        tracks = []
        for stream in opened.streams:
            if stream.index != video.index:
                kind = kinds.get(stream.type, TrackKind.VIDEO if stream.type == "video" else TrackKind.DATA)
                name = stream.codec_context.name if getattr(stream, "codec_context", None) else "none"
                left_out = carriage(container, kind, name).left_out
                tracks.append(Track(index=stream.index, kind=kind, codec=name, left_out=left_out))
        begins = [stream.start_time * stream.time_base for stream in opened.streams if stream.start_time is not None]
        shift = -min(begins) if opened.format.name.startswith("mpeg") else Fraction(0)
        ticks = max(1, int(Fraction(seconds) / video.time_base))
        lengths: list[int] = []
        border = times[0]
        for time in times:
            if not lengths or time >= border:
                lengths.append(0)
                border = time + ticks
            lengths[-1] += 1
        return plan(
            times,
            video.time_base,
            lengths,
            tracks=tracks,
            start_shift=shift,
            has_chapters=bool(opened.chapters()),
            index=video.index,
        )


def render(
    folder: Path,
    manifest: Manifest,
    encoder: tuple[str, dict[str, str]] = X264,
    *,
    size: tuple[int, int] = (128, 48),
    aspect: Fraction = Fraction(1),
    skip: frozenset[int] = frozenset(),
) -> list[Path]:
    """Encode a stand-in for every segment: grey pictures at the planned times, without those in `skip`."""
    paths = []
    for spec in manifest.segments:
        times = [time for time in spec.core.times() if time not in skip]
        paths.append(encode(folder / f"{spec.index}.nut", times, manifest.video.time_base, encoder, size, aspect))
    return paths


def encode(
    path: Path,
    times: Sequence[int],
    time_base: Fraction,
    encoder: tuple[str, dict[str, str]] = X264,
    size: tuple[int, int] = (128, 48),
    aspect: Fraction = Fraction(1),
) -> Path:
    """Write a rendered segment as the renderer does: NUT, source time base, times plus the offset."""
    codec, options = encoder
    with av.open(str(path), "w", format="nut") as output:
        stream = output.add_stream(codec, rate=25, options={"threads": "1", **options})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        stream.time_base = time_base
        stream.codec_context.sample_aspect_ratio = aspect
        packets = []
        for number in range(len(times)):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 5 % 256]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        # The encoder counts frames, since it refuses the duplicate times that sources have.
        shown = [times[packet.pts] for packet in packets]
        for packet, pts, dts in zip(packets, shown, regenerate_dts(shown, time_base=time_base), strict=True):
            packet.pts, packet.dts, packet.time_base = pts + OFFSET, dts + OFFSET, time_base
            output.mux(packet)
    return path
