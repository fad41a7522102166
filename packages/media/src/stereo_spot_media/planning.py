"""The manifest of a source: probe, scan, plan. The same for the same file, however often it is made."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

from stereo_spot_media.bars import find_bars
from stereo_spot_media.carriage import carriage
from stereo_spot_media.cutting import segment_container
from stereo_spot_media.hostile import DEFAULT_LIMITS, MediaLimits
from stereo_spot_media.planner import plan_segments
from stereo_spot_media.probe import SourceInfo, probe
from stereo_spot_media.scan import PacketTable, read_table, settle
from stereo_spot_media.timestamps import container_offset
from stereo_spot_shared.errors import Interrupted, UnsupportedMedia
from stereo_spot_shared.manifest import Manifest, Track, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.temporal import context_frames
from stereo_spot_shared.timing import Ticks

CLOCKS_WITHOUT_ORIGIN = frozenset({"mpegts", "mpeg"})
"""Formats whose times start anywhere (MPEG-TS, MPEG-PS): shifted so that the earliest track starts at 0."""


def make_manifest(
    path: Path,
    etag: str,
    params: RenderParams,
    limits: MediaLimits = DEFAULT_LIMITS,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
    keep: Path | None = None,
) -> Manifest:
    """Plan the conversion of the video file at `path`.

    `on_progress` hears the bytes read so far, now and then. `keep` names a file for the packet table, which saves
    `cutting.cut_segments` a pass over the source. Raises UnsupportedMedia and MissingSource with the reason.
    """
    info, table = probe_and_scan(path, limits, on_progress)
    if keep is not None:
        table.save(keep)
    if params.autocrop:
        info = info.model_copy(update={"video": without_bars(path, info.video, limits)})
    return manifest_of(info, table, etag, params)


def without_bars(path: Path, video: VideoStream, limits: MediaLimits = DEFAULT_LIMITS) -> VideoStream:
    """The video with the part of it that its black bars leave."""
    return video.model_copy(update={"active": find_bars(path, video, limits)})


def probe_and_scan(path: Path, limits: MediaLimits, on_progress: Callable[[int], None]) -> tuple[SourceInfo, PacketTable]:
    """`probe` and `scan` side by side: one decodes a few pictures while the other reads; what `probe` raises comes first."""
    refused = threading.Event()

    def read_on(done: int) -> None:
        if refused.is_set():
            raise Interrupted("The file was refused.")
        on_progress(done)

    with ThreadPoolExecutor(1, thread_name_prefix="scan") as beside:
        reading = beside.submit(read_table, path, limits, read_on)
        try:
            info = probe(path, limits)
        except BaseException:
            refused.set()
            raise
        return info, settle(path, info.video, reading.result(), limits)


def manifest_of(info: SourceInfo, table: PacketTable, etag: str, params: RenderParams) -> Manifest:
    """Put together what is known of a source."""
    shown = sorted(table.pts[table.shown].tolist())
    clock = info.video.time_base
    wanted = wanted_frames(shown, clock, params)
    excerpt = len(wanted) < len(shown)
    return Manifest(
        source_etag=etag,
        source_format=info.format,
        video=info.video,
        segment_container=segment_container(info.video.codec),
        pts_offset=container_offset(int(table.pts.min()), clock),
        start_shift=-shown[wanted.start] * clock if excerpt else start_shift(info, table, params),
        frames=Ticks.of(shown[wanted.start : wanted.stop]),
        excerpt=excerpt,
        last_duration=shown[wanted.stop] - shown[wanted.stop - 1] if wanted.stop < len(shown) else table.last_duration,
        segments=plan_segments(
            table,
            time_base=clock,
            segment_seconds=params.segment_seconds,
            context=context_frames(params, interlaced=info.video.interlaced, rate=info.video.average_rate),
            wanted=wanted,
        ),
        tracks=tuple(with_carriage(track, params) for track in info.tracks),
        has_chapters=info.chapters > 0,
        damaged=table.damaged,
    )


def wanted_frames(times: list[int], clock: Fraction, params: RenderParams) -> range:
    """The frames that the parameters ask for, by their places in the sorted `times`. UnsupportedMedia where there is none."""
    first = bisect_left(times, times[0] + (params.start or 0) / clock)
    last = len(times) if params.end is None else bisect_left(times, times[0] + params.end / clock)
    if first >= last:
        seconds = float((times[-1] - times[0]) * clock)
        start = float(params.start or 0)
        where = f"from {start:g} s on" if params.end is None else f"between {start:g} s and {float(params.end):g} s"
        raise UnsupportedMedia(
            f"No frame is shown {where}.",
            hint=f"The last frame of this video is shown {seconds:.3f} s after the first.",
        )
    return range(first, last)


def with_carriage(track: Track, params: RenderParams) -> Track:
    """A track, with the reason why the output container cannot carry it where that is so."""
    return track.model_copy(update={"left_out": carriage(params.container, track.kind, track.codec).left_out})


def start_shift(info: SourceInfo, table: PacketTable, params: RenderParams) -> Fraction:
    """Seconds by which all tracks move together (`Manifest.start_shift`)."""
    if info.format not in CLOCKS_WITHOUT_ORIGIN:
        return Fraction(0)
    first_picture = int(table.pts[table.shown].min()) * info.video.time_base
    carried = [track.index for track in info.tracks if with_carriage(track, params).left_out is None]
    return -min([first_picture, *(table.starts[index] for index in carried if index in table.starts)])
