"""The picture of the finished video: encoded segments, one after the other, as one stream with exact times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from av import Packet
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from stereo_spot_media.marking import Marks, marked_template
from stereo_spot_media.segment_io import encoder_fingerprint, open_rendered, pixel_aspect, rendered_packets
from stereo_spot_media.timestamps import Times, extrapolation_step, reorder_depth, strictly_increasing
from stereo_spot_shared.errors import MissingSource, VerificationFailed
from stereo_spot_shared.manifest import Manifest, SegmentSpec
from stereo_spot_shared.timing import Ticks

Lost = Mapping[int, Ticks]
"""Times that the source's damage left without a picture (`RenderResult.lost`), by segment index."""

MAX_TIMESCALE = 0x7FFFFFFF


@dataclass(frozen=True)
class Encoding:
    """How the segments are encoded, read off the first of them."""

    codec: str
    width: int
    height: int
    sample_aspect_ratio: Fraction
    fingerprint: str
    view: int
    """Which of a segment's videos it is."""
    reorder: int
    """Pictures that a decoder holds back: an upper bound for the whole video, since all segments share it."""


def kept_times(spec: SegmentSpec, lost: Lost) -> list[int]:
    """The presentation times of a segment's core for which a picture exists, in order."""
    missing = Counter(lost.get(spec.index, Ticks()).times())
    kept = []
    for time in spec.core.times():
        if missing[time]:
            missing[time] -= 1
        else:
            kept.append(time)
    if missing.total():
        raise VerificationFailed(f"Segment {spec.index} reports frames lost that the manifest does not give to it.")
    return kept


def all_kept_times(manifest: Manifest, lost: Lost) -> Times:
    """The presentation times of the finished video, in order, in ticks of the source's time base (int64)."""
    parts = [np.array(kept_times(spec, lost), dtype=np.int64) for spec in manifest.segments]
    times = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if times.size == 0:
        raise VerificationFailed("No picture of this video could be decoded.", hint="The source is damaged; use another copy.")
    return times


def timescale(manifest: Manifest) -> int:
    """Ticks per second in which every time of the video, shifted as the manifest says, is a whole number."""
    ticks = lcm(manifest.video.time_base.denominator, manifest.start_shift.denominator)
    if ticks > MAX_TIMESCALE:
        raise VerificationFailed(f"The video's clock of {ticks} ticks a second is too fine for MP4 and MOV.", hint="Use MKV.")
    return ticks


def add_picture(output: OutputContainer, path: Path, manifest: Manifest, marks: Marks, view: int) -> tuple[VideoStream, Encoding]:
    """Add the video stream to `output`, made after the first rendered segment at `path`.

    In Matroska it carries `marks`; other containers are marked when they are finished.
    """
    with open_rendered(path, view) as (container, template):
        context = template.codec_context
        times: list[int] = []
        packet: Any = Packet()  # generic in PyAV's stubs only
        for pts, packet in rendered_packets(container, template, manifest.video.time_base, manifest.pts_offset):  # noqa: B007
            times.append(pts)
        encoding = Encoding(
            codec=context.codec.canonical_name,
            width=context.width,
            height=context.height,
            sample_aspect_ratio=pixel_aspect(template),
            fingerprint=encoder_fingerprint(context),
            view=view,
            reorder=max(context.reorder_depth, reorder_depth(times)),
        )
        if output.format.name == "matroska":
            with marked_template(template, packet, marks, path.parent) as marked:
                stream = output.add_stream_from_template(marked, opaque=True)
            stream.codec_context.extradata = context.extradata
        else:
            stream = output.add_stream_from_template(template, opaque=True)
    if encoding.codec == "hevc" and output.format.name != "matroska":
        stream.codec_context.codec_tag = "hvc1"  # Apple's players refuse the other tag, hev1
    stream.disposition = Disposition.default
    return stream, encoding


@dataclass(frozen=True)
class PictureClock:
    """Source ticks to ticks of the output stream: exact where the output's time base allows it, else nearest."""

    numerator: int
    denominator: int
    addend: int

    @classmethod
    def of(cls, manifest: Manifest, target: Fraction) -> PictureClock:
        ratio, shift = manifest.video.time_base / target, manifest.start_shift / target
        denominator = lcm(ratio.denominator, shift.denominator)
        return cls(
            ratio.numerator * (denominator // ratio.denominator),
            denominator,
            shift.numerator * (denominator // shift.denominator),
        )

    @property
    def exact(self) -> bool:
        return self.denominator == 1

    def __call__(self, ticks: int) -> int:
        return (2 * (ticks * self.numerator + self.addend) + self.denominator) // (2 * self.denominator)


def picture_packets(
    paths: Iterable[tuple[SegmentSpec, Path]],
    manifest: Manifest,
    lost: Lost,
    encoding: Encoding,
    stream: VideoStream,
) -> Iterator[tuple[float, Packet[VideoStream]]]:
    """Packets of all segments in decoding order, ready to be muxed into `stream`: (decoding time in seconds, packet).

    Decoding times are made anew over the whole video, durations are the distance to the next picture shown. A
    segment's file is closed before the next one is asked for. Raises VerificationFailed where a segment is missing,
    unreadable, encoded otherwise, or does not hold exactly its frames.
    """
    shown = all_kept_times(manifest, lost)
    counts = [len(kept_times(spec, lost)) for spec in manifest.segments]
    starts = np.cumsum([0, *counts[:-1]], dtype=np.int64)
    dts = decoding_times(shown, starts, encoding.reorder, manifest.video.time_base)
    ends = np.append(shown[1:], shown[-1] + manifest.last_duration)
    target = stream.time_base or Fraction(1, 1000)
    clock, seconds = PictureClock.of(manifest, target), float(target)
    position = 0
    for spec, path in paths:
        kept = kept_times(spec, lost)
        for ticks, packet in checked_packets(path, spec, kept, manifest, encoding):
            decoded = int(dts[position])
            if decoded > ticks:
                raise VerificationFailed(f"Segment {spec.index} reorders its pictures further than its encoder states.")
            following = int(ends[np.searchsorted(shown, ticks, side="right") - 1])
            position += 1
            packet.pts, packet.dts = clock(ticks), clock(decoded)
            packet.duration = clock(following) - packet.pts
            packet.time_base, packet.stream = target, stream
            yield packet.dts * seconds, packet


def checked_packets(
    path: Path, spec: SegmentSpec, kept: Sequence[int], manifest: Manifest, encoding: Encoding
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Packets of one rendered segment, which is checked to be the one that `spec` plans while they pass."""
    if not kept:
        return
    got = []
    try:
        with open_rendered(path, encoding.view) as (container, stream):
            if encoder_fingerprint(stream.codec_context) != encoding.fingerprint:
                raise VerificationFailed(
                    f"Segment {spec.index} was encoded with other settings than the first one; they do not fit together.",
                    hint="Retry the job: its segments must be rendered by the same version with the same parameters.",
                )
            for ticks, packet in rendered_packets(container, stream, manifest.video.time_base, manifest.pts_offset):
                got.append(ticks)
                if len(got) > len(kept) or not kept[0] <= ticks <= kept[-1]:
                    raise VerificationFailed(wrong_frames(spec, kept, got))
                yield ticks, packet
    except MissingSource as error:
        raise VerificationFailed(f"Segment {spec.index} is missing: there is no file {path.name}.") from error
    if sorted(got) != list(kept):
        raise VerificationFailed(wrong_frames(spec, kept, got))


def wrong_frames(spec: SegmentSpec, kept: Sequence[int], got: Sequence[int]) -> str:
    """The sentence for a segment that does not hold what is planned."""
    if len(got) != len(kept):
        held = f"more than {len(kept)}" if len(got) > len(kept) else str(len(got))
        if not any(not kept[0] <= ticks <= kept[-1] for ticks in got):
            return f"Segment {spec.index} holds {held} frames; the manifest plans {len(kept)}."
    return f"Segment {spec.index} holds frames at other times than the manifest plans ({kept[0]} to {kept[-1]} ticks)."


def decoding_times(shown: Times, starts: Times, depth: int, time_base: Fraction) -> Times:
    """Decoding times of all packets of the video, as an array of int64 that strictly increases.

    `dts[i] = shown[i - depth]` (see `timestamps.regenerate_dts`), but after a long gap not so early: a segment begins
    with a closed group of pictures at `starts`, so nothing from there on is shown before `shown[start]`, and its
    first packets may be decoded shortly before that. FFmpeg's MP4 demuxer drops pictures near the end of a video
    otherwise, since it takes the distance to the next decoding time for the time that a keyframe is shown.
    """
    step = extrapolation_step(shown, time_base)
    head = shown[0] - step * np.arange(depth, 0, -1, dtype=np.int64)
    dts = np.concatenate([head, shown])[: shown.size]
    for place in range(depth):
        at = starts[starts + place < shown.size]
        dts[at + place] = np.maximum(dts[at + place], shown[at] - (depth - place) * step)
    return strictly_increasing(np.maximum.accumulate(dts))
