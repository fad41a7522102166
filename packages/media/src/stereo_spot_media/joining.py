"""Joining: rendered segments and the source's own tracks become the finished video, by stream copy.

The source and the segments are each read once, side by side, and merged by decoding time; memory does not grow with
the length of the video. The file is written under a temporary name, marked, verified, and only then gets its own.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from heapq import merge
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av import Packet
from av.container import InputContainer, OutputContainer

from stereo_spot_media.hostile import open_media
from stereo_spot_media.join_tracks import CarriedTrack, add_tracks, kept_metadata, nearest, track_packets
from stereo_spot_media.join_video import Encoding, Lost, add_picture, kept_times, picture_packets, timescale
from stereo_spot_media.marking import Marks, mark
from stereo_spot_media.matroska import set_pixel_aspect
from stereo_spot_media.verify import verify_output
from stereo_spot_media.webvtt import Listener
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import NoSpaceLeft, StorageUnavailable, VerificationFailed
from stereo_spot_shared.manifest import Manifest, SegmentSpec, Track
from stereo_spot_shared.rendering import Container, RenderParams
from stereo_spot_shared.timing import Rational, Ticks

INTERLEAVE_MICROSECONDS = 1_000_000
"""How far the muxer may wait for a silent track; it holds the packets of the others meanwhile."""

LEAST_MOVIE_TIMESCALE = 48_000
"""Edit lists, which hold where a track starts, are written in these ticks: fine enough for sound."""

FORMATS = {Container.MP4: "mp4", Container.MOV: "mov", Container.MKV: "matroska"}
FILE_METADATA = ("major_brand", "minor_version", "compatible_brands")
PROGRESS_EVERY = 100

if TYPE_CHECKING:
    Timed = Iterator[tuple[float, Packet[Any]]]  # PyAV's packets are generic in its stubs only


class ReassembleResult(Value):
    """What the finished file is."""

    frames: int
    bytes: int
    width: int
    height: int
    codec: str
    sample_aspect_ratio: Rational
    carried: tuple[Track, ...]
    left_out: tuple[Track, ...]
    """Tracks of the source that the container cannot carry; each says why."""
    webvtt: tuple[Track, ...] = ()
    """Text subtitles that were written as WebVTT too."""
    without_webvtt: tuple[Track, ...] = ()
    """Those that could not be; each says why."""


def reassemble(
    source: Path,
    manifest: Manifest,
    segments: Iterable[Path],
    output: Path,
    *,
    params: RenderParams,
    view: int = 0,
    lost: Mapping[int, Ticks] | None = None,
    webvtt: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ReassembleResult:
    """Join the rendered `segments` (one path per manifest segment, in order) with the tracks of `source` in `output`, as `params` want it.

    `view` is the place of the wanted video among those of a segment, of which there are two where each view has its own.
    `segments` is read lazily: a segment's file is closed before the next path is asked for, so a generator may
    fetch one file at a time and delete it afterwards. `lost` are the times for which no picture exists, by segment
    index. `webvtt` is a folder in which each text subtitle track is also written as `<index>.vtt`. `on_progress` gets the number of
    frames joined; what it raises ends the joining. `output` appears whole and verified, or not at all; an existing file is replaced.

    Raises VerificationFailed where a segment is missing, damaged or not what the manifest plans or where the result
    is not exact, UnsupportedMedia where the source cannot be read, NoSpaceLeft and StorageUnavailable from the disk.
    """
    missing: Lost = lost or {}
    container, marks = params.container, Marks.of(params, manifest.video)
    words = Listener(manifest)
    with unfinished(output) as part:
        with open_media(source) as opened, opened_for_writing(part, manifest, container) as writing:
            planned = planned_segments(manifest, segments, missing)
            first = next(planned, None)
            if first is None:
                raise VerificationFailed("No picture of this video could be decoded.", hint="The source is damaged; use another copy.")
            picture, encoding = add_picture(writing, first[1], manifest, marks, view)
            tracks = add_tracks(writing, opened, manifest, container)
            describe(writing, opened, manifest, marks)
            start(writing, tracks, manifest, container)
            pictures: Timed = picture_packets(chain([first], planned), manifest, missing, encoding, picture)
            frames = 0
            for _, packet in merge(pictures, track_packets(opened, tracks, words.hear), key=itemgetter(0)):
                with disk_errors():
                    writing.mux_one(packet)
                if packet.stream_index == picture.index:
                    frames += 1
                    if on_progress and frames % PROGRESS_EVERY == 0:
                        on_progress(frames)
        with disk_errors():
            if container is not Container.MKV:
                mark(part, marks)
            elif encoding.sample_aspect_ratio != 1:
                set_pixel_aspect(part, encoding.sample_aspect_ratio)
        verify_output(part, manifest, missing, container, [track.record for track in tracks])
        result = described_result(part, manifest, frames, encoding)
        if webvtt is not None:
            with disk_errors():
                written, skipped = words.write(webvtt)
            result = result.model_copy(update={"webvtt": tuple(written), "without_webvtt": tuple(skipped)})
    if on_progress:
        on_progress(frames)
    return result


@contextmanager
def unfinished(output: Path) -> Iterator[Path]:
    """A temporary name beside `output`; renamed to it, safely on disk, when the block ends well, else removed."""
    part = output.with_name(f".{output.name}.part-{uuid.uuid4().hex[:12]}")
    try:
        yield part
        with disk_errors():
            sync(part)
            part.replace(output)
            sync(output.parent)
    finally:
        part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make sure that a file or folder is on the disk and not only in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened_for_writing(path: Path, manifest: Manifest, container: Container) -> Iterator[OutputContainer]:
    """Open the muxer; its index is written when the block ends well."""
    options = {"max_interleave_delta": str(INTERLEAVE_MICROSECONDS)}
    if container is Container.MKV:
        # Times stay what they are, also those of sound that begins a little before 0.
        options["avoid_negative_ts"] = "disabled"
    else:
        ticks = timescale(manifest)
        options |= {"video_track_timescale": str(ticks), "movie_timescale": str(movie_timescale(ticks))}
    with disk_errors():
        writing = av.open(f"file:{path}", "w", format=FORMATS[container], container_options=options, metadata_errors="replace")
    try:
        yield writing
    except BaseException:
        discard(writing)
        raise
    with disk_errors():
        writing.close()


def discard(writing: OutputContainer) -> None:
    """Close a muxer whose file is not wanted: what its trailer meets does not matter any more."""
    try:
        writing.close()
    except (av.FFmpegError, OSError, ValueError):
        return


def movie_timescale(ticks: int) -> int:
    """The smallest multiple of the video's timescale that is fine enough for edit lists of sound."""
    return ticks * -(-LEAST_MOVIE_TIMESCALE // ticks)


def planned_segments(manifest: Manifest, paths: Iterable[Path], lost: Lost) -> Iterator[tuple[SegmentSpec, Path]]:
    """Pair every planned segment with its file; those of which nothing could be decoded are passed over."""
    files = iter(paths)
    for spec in manifest.segments:
        path = next(files, None)
        if path is None:
            raise VerificationFailed(f"Segment {spec.index} is missing: there are {len(manifest.segments)} in the plan.")
        if kept_times(spec, lost):
            yield spec, path
    if next(files, None) is not None:
        raise VerificationFailed(f"There are more rendered segments than the {len(manifest.segments)} of the plan.")


def describe(writing: OutputContainer, source: InputContainer, manifest: Manifest, marks: Marks) -> None:
    """Titles, languages, chapters, and how the views are packed where the container has a tag for it."""
    picture = writing.streams.video[0]
    picture.metadata.update(kept_metadata(source.streams[manifest.video.index].metadata))
    if marks.matroska is not None and writing.format.name == "matroska":
        picture.metadata["stereo_mode"] = marks.matroska
    kept = kept_metadata(source.metadata)
    writing.metadata.update({name: value for name, value in kept.items() if name not in FILE_METADATA})
    if manifest.has_chapters:
        shifted = (shifted_chapter(chapter, manifest) for chapter in source.chapters())
        writing.set_chapters([chapter for chapter in shifted if chapter is not None])


def shifted_chapter(chapter: av.container.core.Chapter, manifest: Manifest) -> av.container.core.Chapter | None:
    """A chapter at its time in the output; None where it lies outside of an excerpt."""
    clock = chapter["time_base"] or Fraction(1, av.time_base)
    ticks = nearest(manifest.start_shift / clock)
    begin, end = chapter["start"] + ticks, chapter["end"] + ticks
    if manifest.excerpt:
        first, last = (nearest(seconds / clock) for seconds in manifest.span)
        begin, end = max(begin, first), min(end, last)
        if begin >= end:
            return None
    return {**chapter, "start": begin, "end": max(begin, end)}


def start(writing: OutputContainer, tracks: list[CarriedTrack], manifest: Manifest, container: Container) -> None:
    """Write the header, which fixes the time base of every stream."""
    with disk_errors():
        writing.start_encoding()
    for track in tracks:
        track.open(manifest.start_shift, strict=container is not Container.MKV, span=manifest.span if manifest.excerpt else None)


def described_result(path: Path, manifest: Manifest, frames: int, encoding: Encoding) -> ReassembleResult:
    """Put the result into words."""
    return ReassembleResult(
        frames=frames,
        bytes=path.stat().st_size,
        width=encoding.width,
        height=encoding.height,
        codec=encoding.codec,
        sample_aspect_ratio=encoding.sample_aspect_ratio,
        carried=tuple(track for track in manifest.tracks if track.left_out is None),
        left_out=tuple(track for track in manifest.tracks if track.left_out is not None),
    )


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate what writing the finished file meets."""
    try:
        yield
    except av.FFmpegError as error:
        raise writing_failed(error.errno, error.strerror) from error
    except OSError as error:
        raise writing_failed(error.errno, error.strerror) from error


def writing_failed(number: int | None, text: str | None) -> StorageUnavailable | NoSpaceLeft | VerificationFailed:
    """The error that a failed write means."""
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpaceLeft("There is no room for the finished video.", hint="Free some space; the work goes on by itself.")
    if number == errno.EINVAL or (number or 0) > 100_000:  # FFmpeg's own numbers: the muxer refuses what it got
        return VerificationFailed(f"The container cannot hold what it was given: {text}.", hint="Try MKV as the output.")
    return StorageUnavailable(f"The finished video could not be written: {text}.")
