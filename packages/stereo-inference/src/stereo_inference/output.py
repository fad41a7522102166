"""What a job's result is, by its parameters and its source: known before a single frame is decoded."""

from __future__ import annotations

from fractions import Fraction

from stereo_inference.layouts import packed_size
from stereo_inference.video_io.encoders import OutputFormat
from stereo_inference.video_io.formats import working_colour, working_format
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import FramePacking, RenderParams, views_of


def upright_size(video: VideoStream) -> tuple[int, int]:
    """Width and height of the picture as it is shown."""
    return (video.height, video.width) if video.rotation in (90, 270) else (video.width, video.height)


def upright_aspect(video: VideoStream) -> Fraction:
    """Width by height of a pixel of the picture as it is shown."""
    aspect = video.sample_aspect_ratio or Fraction(1)
    return 1 / aspect if video.rotation in (90, 270) else aspect


def output_format(params: RenderParams, video: VideoStream) -> OutputFormat:
    """What is encoded: the same for every segment of a job."""
    form = working_format(video)
    width, height = packed_size(params.layout, *upright_size(video), form)
    return OutputFormat(
        width=width,
        height=height,
        format=form,
        layout=params.layout,
        right_first=params.right_first,
        quality=params.quality,
        codec=params.codec,
        encoder=params.encoder,
        streams=views_of(params),
        rate=video.average_rate,
        time_base=video.time_base,
        aspect=Fraction(1) if params.layout is FramePacking.VR180 else upright_aspect(video),
        colour=working_colour(video),
        mastering_display=video.mastering_display,
        content_light=video.content_light,
    )
