"""A few places of a video, as pictures: what is seen, its depth, and both eyes' views. To judge a choice of options by, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.colour import to_rgb
from stereo_inference.depth import estimator_of
from stereo_inference.depth.of_video import depths_of
from stereo_inference.layouts import packed_size
from stereo_inference.output import upright_aspect, upright_size
from stereo_inference.packing import packer_for
from stereo_inference.picture import Picture
from stereo_inference.preview import Choice
from stereo_inference.sampling import APART, sample_frames
from stereo_inference.stages import Stages
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_inference.video_io.formats import working_colour, working_format
from stereo_spot_media.hostile import MediaLimits
from stereo_spot_media.probe import probe
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.inference import Moment, Moments, MomentsTask
from stereo_spot_shared.rendering import FramePacking

JPEG_QUALITY = 88
ONE_FRAME = 1e-3
"""Seconds that are less than a frame of any video."""


def render_moments(task: MomentsTask, report: Callable[[Any], None]) -> Moments:
    """Make the pictures; reports how many places are done. UnsupportedMedia where no picture decodes.

    Each place is one frame, with depth of its own: what a conversion steadies over time is not steadied here.
    """
    info = probe(str(task.source), MediaLimits())
    params = task.params.model_copy(update={"layout": FramePacking.FULL_SBS, "eye_swap": False})
    choice = Choice.of(task.source, info, params, ONE_FRAME)
    video, seconds = choice.video, choice.seconds
    estimator = estimator_of(params, models=task.models)
    form, colour, size = working_format(video), working_colour(video), upright_size(video)
    packers = {
        layout: packer_for(params.model_copy(update={"layout": layout}), *size, form, colour, active=video.active)
        for layout in (FramePacking.FULL_SBS, FramePacking.DEPTH)
    }
    packed = {layout: Picture.empty(*packed_size(layout, *size, form), form) for layout in packers}
    frames = sample_frames(task.source, video, seconds=seconds, places=task.count, each=1, between=choice.between)
    placement = ScreenPlacement(params, size[0], Fraction(1) / video.time_base)
    made: list[Moment] = []
    with Stages(overlap=False) as stages:
        for seen in depths_of(frames, estimator, params, video, stages):
            picture = seen.payload.picture
            screen, field = placement.next(seen.depth, new_shot=True), DepthField.guided(seen.depth, picture.part(video.active))
            for layout, packer in packers.items():
                packer.pack(picture, field, screen, packed[layout])
            views, depth = (to_rgb(packed[layout], colour) for layout in packers)
            half, place = views.shape[1] // 2, seen.index // APART
            pictures = {
                "picture": to_rgb(picture, colour),
                "depth": depth,
                "left": views[:, :half],
                "right": views[:, half:],
            }
            names = {name: f"{place}-{name}.jpg" for name in pictures}
            for name, pixels in pictures.items():
                write(pixels[: size[1], : size[0]], float(upright_aspect(video)), task.width, task.folder / names[name])
            begin, end = choice.between
            at = (begin + (end - begin) * Fraction(2 * place + 1, 2 * task.count)) * seconds
            made.append(Moment(seconds=round(float(at), 1), **names))
            report(len(made))
    if not made:
        raise UnsupportedMedia("No picture could be decoded for a preview.", hint="Try a conversion: it reports what is damaged.")
    total = round(seconds * video.average_rate) or None
    return Moments(depth=estimator.name, width=size[0], height=size[1], frames=total, moments=tuple(made))


def write(pixels: NDArray[np.uint8], aspect: float, width: int, path: Path) -> None:
    """Write RGB pixels, whose width is to `aspect` of itself, as a JPEG of at most that width."""
    wide = pixels.shape[1] * aspect
    scale = min(1.0, width / wide)
    size = max(1, round(wide * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
