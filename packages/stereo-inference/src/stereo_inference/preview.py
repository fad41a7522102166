"""A preview: a few seconds from all over a video, rendered as the whole would be, and a sheet of pictures to judge it by.

It reads only the places that it shows, and is one segment from beginning to end; sound is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from stereo_inference.depth import DepthEstimator, estimator_of
from stereo_inference.depth.of_video import depths_of
from stereo_inference.memory import keep_pictures
from stereo_inference.output import output_format, upright_aspect, upright_size
from stereo_inference.packing import packer_for
from stereo_inference.render import workers
from stereo_inference.sampling import APART, sample_frames
from stereo_inference.sheet import Sheet
from stereo_inference.stages import Stages
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_inference.video_io.encode import segment_writer
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_inference.video_io.formats import working_colour, working_format
from stereo_spot_media.joining import reassemble
from stereo_spot_media.planning import without_bars
from stereo_spot_media.probe import SourceInfo
from stereo_spot_media.timestamps import container_offset
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Manifest, SegmentSpec, VideoStream
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
    models: Path | None = None
    """The folder of depth models; a child process knows no settings."""


class Preview(Value):
    """What came of it."""

    frames: int
    places: int
    width: int
    height: int
    depth: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which frames are shown: `each` from every one of `places`, spread over the shares `between` of a video `seconds` long."""

    video: VideoStream
    """With one tick a frame, and the part that black bars leave, if they are to be found."""
    seconds: Fraction
    between: tuple[Fraction, Fraction]
    places: int
    each: int

    @classmethod
    def of(cls, source: Path, info: SourceInfo, params: RenderParams, wanted: float) -> Self:
        """About `wanted` seconds of `source`, as far as the container says how long the video is; else its beginning."""
        seconds, video = info.seconds or Fraction(0), info.video
        rate = video.average_rate if video.average_rate > 0 else DEFAULT_RATE
        video = without_bars(source, video) if params.autocrop else video
        begin, end = Fraction(0), Fraction(1)
        if seconds:
            begin = min(end, (params.start or Fraction(0)) / seconds)
            end = max(begin, min(end, params.end / seconds)) if params.end is not None else end
        whole = wanted >= seconds * (end - begin)
        places = 1 if whole else max(1, min(MOST_PLACES, round(wanted / PLACE_SECONDS)))
        each = max(1, math.ceil(wanted * rate / places))
        return cls(video.model_copy(update={"time_base": 1 / rate}), seconds, (begin, end), places, each)


def render_preview(task: PreviewTask, report: Callable[[Any], None]) -> Preview:
    """Make the preview; reports the number of frames rendered. All files appear whole or not at all.

    Raises UnsupportedMedia where no picture decodes, and what `reassemble` raises.
    """
    keep_pictures()
    params, choice = task.params, Choice.of(task.source, task.info, task.params, task.seconds)
    video = choice.video
    target, sheet, estimator = (
        output_format(params, video),
        Sheet(params, video),
        estimator_of(params, threads=task.threads, models=task.models),
    )
    segment = task.outputs[0].with_name(f".{task.outputs[0].name}.segment")
    try:
        numbers = []
        for number in render_frames(task, choice, estimator, sheet, segment):
            numbers.append(number)
            report(len(numbers))
        if not numbers:
            raise UnsupportedMedia("No picture could be decoded for a preview.", hint="Try a conversion: it reports what is damaged.")
        manifest = one_segment(task.info, video, len(numbers))
        for view, output in enumerate(task.outputs):
            reassemble(task.source, manifest, [segment], output, params=params, view=view)
    finally:
        segment.unlink(missing_ok=True)
    sheet.write(task.sheet)
    places = len({number // APART for number in numbers})
    return Preview(frames=len(numbers), places=places, width=target.stream_width, height=target.height, depth=estimator.name)


def render_frames(task: PreviewTask, choice: Choice, estimator: DepthEstimator, sheet: Sheet, segment: Path) -> Iterator[int]:
    """Render the frames into the file `segment`, one after the other, the first of each place into `sheet` too; yields their numbers."""
    params, video = task.params, choice.video
    size = upright_size(video)
    listed = range(choice.places * choice.each)
    offset = container_offset(0, video.time_base)
    frames = sample_frames(task.source, video, seconds=choice.seconds, places=choice.places, each=choice.each, between=choice.between)
    with (
        workers(task.threads) as executor,
        Stages(overlap=task.threads > 1) as stages,
        EncoderProcess() as encoder,
        segment_writer(segment) as part,
        encoder.open(
            part, output_format(params, video), times=listed, end=len(listed), pts_offset=offset, threads=task.threads
        ) as encoding,
    ):  # fmt: skip
        packer = packer_for(
            params, *size, working_format(video), working_colour(video),
            aspect=upright_aspect(video), active=video.active, executor=executor, threads=task.threads,
        )  # fmt: skip
        placement = ScreenPlacement(params, size[0], 1 / video.time_base)
        for moment, seen in enumerate(depths_of(frames, estimator, params, video, stages)):
            picture = seen.payload.picture
            screen = placement.next(seen.depth, new_shot=seen.begins_shot)
            field = DepthField.guided(seen.depth, picture.part(video.active))
            slot = encoding.new_picture()
            packer.pack(picture, field, screen, slot.picture)
            encoding.encode(slot, moment)
            if seen.index % APART == 0:
                sheet.add(picture, field, screen)
            yield seen.index
        encoding.finish()


def one_segment(info: SourceInfo, video: VideoStream, frames: int) -> Manifest:
    """The plan of a video of so many frames, one a tick, that is rendered in one piece."""
    times = Ticks.of(range(frames))
    return Manifest(
        source_etag="",
        source_format=info.format,
        video=video,
        segment_container="nut",
        pts_offset=container_offset(0, video.time_base),
        start_shift=Fraction(0),
        frames=times,
        last_duration=1,
        segments=(SegmentSpec(index=0, first_frame=0, core=times, packets=(0, 0)),),
    )
