"""A preview: a few seconds from all over a video, rendered as the whole would be, and a sheet of pictures to judge it by.

It reads only the places that it shows, and is one segment from beginning to end; sound is left out.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import Field

from stereo_inference.depth import load_estimator
from stereo_inference.memory import keep_pictures
from stereo_inference.output import output_format, upright_aspect, upright_size
from stereo_inference.packing import packer_for
from stereo_inference.render import steady_depths, workers
from stereo_inference.sampling import sample_frames
from stereo_inference.sheet import Sheet
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_inference.video_io.decode import SourceFrame
from stereo_inference.video_io.encode import segment_writer
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_inference.video_io.formats import working_colour, working_format
from stereo_spot_media.joining import reassemble
from stereo_spot_media.planning import without_bars
from stereo_spot_media.probe import SourceInfo
from stereo_spot_media.timestamps import container_offset
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Manifest, SegmentSpec
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks

PLACE_SECONDS = Fraction(2)
"""About how long each place is shown: long enough to look around in it."""

MOST_PLACES = 8
DEFAULT_RATE = Fraction(25)


class PreviewTask(Value):
    """What is to be previewed: `seconds` in all, into the videos `outputs` and the picture `sheet` (PNG)."""

    source: Path
    info: SourceInfo
    params: RenderParams
    seconds: float = Field(gt=0)
    outputs: tuple[Path, ...]
    """One, or one for each view."""
    sheet: Path
    threads: int = 1


class Preview(Value):
    """What came of it."""

    frames: int
    places: int
    width: int
    height: int
    depth: str


def render_preview(task: PreviewTask, report: Callable[[Any], None]) -> Preview:
    """Make the preview; reports the number of frames rendered. All files appear whole or not at all.

    Raises UnsupportedMedia where no picture decodes, and what `reassemble` raises.
    """
    keep_pictures()
    params = task.params
    video = without_bars(task.source, task.info.video) if params.autocrop else task.info.video
    rate = video.average_rate if video.average_rate > 0 else DEFAULT_RATE
    seconds, between = wanted(task.info, params)
    whole = task.seconds >= seconds * (between[1] - between[0])  # or of unknown length
    places = 1 if whole else max(1, min(MOST_PLACES, round(task.seconds / PLACE_SECONDS)))
    each = max(1, math.ceil(task.seconds * rate / places))
    clock = video.model_copy(update={"time_base": 1 / rate})
    target, size = output_format(params, clock), upright_size(video)
    colour, form = working_colour(video), working_format(video)
    estimator = load_estimator(params.depth)
    sheet = Sheet(params, video)
    segment = task.outputs[0].with_name(f".{task.outputs[0].name}.segment")
    place_of: dict[int, int] = {}
    rendered = 0

    def frames() -> Iterator[SourceFrame]:
        for place, frame in sample_frames(task.source, video, seconds=seconds, places=places, each=each, between=between):
            place_of[frame.index] = place
            yield frame

    with contextlib.ExitStack() as stack:
        executor = stack.enter_context(workers(task.threads))
        encoder = stack.enter_context(EncoderProcess())
        stack.callback(segment.unlink, missing_ok=True)
        packer = packer_for(
            params, *size, form, colour, aspect=upright_aspect(video), active=video.active, executor=executor, threads=task.threads
        )
        placement = ScreenPlacement(params, size[0], rate)
        with segment_writer(segment) as part:
            listed = range(places * each)
            with encoder.open(
                part, target, times=listed, end=len(listed), pts_offset=container_offset(0, 1 / rate), threads=task.threads
            ) as encoding:
                for seen in steady_depths(frames(), estimator, params, video):
                    screen = placement.next(seen.depth, new_shot=seen.begins_shot)
                    field = DepthField.guided(seen.depth, seen.payload.picture.part(video.active))
                    slot = encoding.new_picture()
                    packer.pack(seen.payload.picture, field, screen, slot.picture)
                    encoding.encode(slot, rendered)
                    if seen.payload.time == 0:
                        sheet.add(seen.payload.picture, field, screen)
                    rendered += 1
                    report(rendered)
                encoding.finish()
        if not rendered:
            raise UnsupportedMedia("No picture could be decoded for a preview.", hint="Try a conversion: it reports what is damaged.")
        for view, output in enumerate(task.outputs):
            reassemble(task.source, one_segment(task.info, rendered, rate), [segment], output, params=params, view=view)
    sheet.write(task.sheet)
    shown = len(set(place_of.values()))
    return Preview(frames=rendered, places=shown, width=target.stream_width, height=target.height, depth=estimator.name)


def wanted(info: SourceInfo, params: RenderParams) -> tuple[Fraction, tuple[Fraction, Fraction]]:
    """How long the video is, and from which share of it to which the parameters want it."""
    seconds = info.seconds or Fraction(0)
    if not seconds:
        return Fraction(0), (Fraction(0), Fraction(1))
    begin = min(Fraction(1), (params.start or Fraction(0)) / seconds)
    end = min(Fraction(1), params.end / seconds) if params.end is not None else Fraction(1)
    return seconds, (begin, max(begin, end))


def one_segment(info: SourceInfo, frames: int, rate: Fraction) -> Manifest:
    """The plan of a video of so many frames, one after the other, that is rendered in one piece."""
    times = Ticks.of(range(frames))
    return Manifest(
        source_etag="",
        source_format=info.format,
        video=info.video.model_copy(update={"time_base": 1 / rate}),
        segment_container="nut",
        pts_offset=container_offset(0, 1 / rate),
        start_shift=Fraction(0),
        frames=times,
        last_duration=1,
        segments=(SegmentSpec(index=0, first_frame=0, core=times, packets=(0, 0)),),
    )
