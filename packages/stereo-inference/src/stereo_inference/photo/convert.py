"""Converting photographs: the program of the process that opens them, and the way of one of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo_inference.colour import small_rgb
from stereo_inference.depth import DepthEstimator, estimator_of
from stereo_inference.depth.recorded import RECORDED
from stereo_inference.depth.scale import normalised
from stereo_inference.layouts import packed_size
from stereo_inference.packing import packer_for
from stereo_inference.photo.depth_file import read_depth, write_depth
from stereo_inference.photo.files import GBR, PhotoFormat, read_photo, write_photo
from stereo_inference.picture import Picture
from stereo_inference.render import workers
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.disparity import scaled_foreground
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.rendering import DepthProfile, FramePacking, RenderParams
from stereo_spot_shared.temporal import DEPTH_PLANS


class PhotoJob(Value):
    """One photograph: from where, to where, and files of its depth that are read or written, if any."""

    source: Path
    output: Path
    right: Path | None = None
    """Where the right view goes, if each has a file of its own; `output` is then the left one's."""
    format: PhotoFormat
    depth: Path | None = None
    export: Path | None = None


class PhotoTask(Value):
    """Photographs that are to look alike."""

    jobs: tuple[PhotoJob, ...]
    params: RenderParams
    threads: int = 1
    models: Path | None = None
    """The folder of depth models; a child process knows no settings."""


class PhotoReport(Value):
    """What became of one of them; `failed` is the reason where it did not work out."""

    source: Path
    output: Path
    width: int = 0
    height: int = 0
    depth: str = ""
    failed: str | None = None
    hint: str | None = None


def convert_photos(task: PhotoTask, report: Callable[[Any], None]) -> int:
    """Convert one after the other, and report each; returns how many failed. What is wrong with one does not stop the others."""
    estimator = estimator_of(task.params, threads=task.threads, models=task.models)
    failed = 0
    for job in task.jobs:
        try:
            answer = convert_photo(job, task.params, estimator, task.threads)
        except StereoSpotError as error:
            failed += 1
            answer = PhotoReport(source=job.source, output=job.output, failed=error.message, hint=error.hint)
        report(answer)
    return failed


def convert_photo(job: PhotoJob, params: RenderParams, estimator: DepthEstimator, threads: int = 1) -> PhotoReport:
    """Convert one photograph. Raises what reading and writing raise."""
    photo = read_photo(job.source)
    picture = photo.picture
    depth, name = depth_of(job, picture, estimator, params.depth_profile)
    if job.export is not None:
        write_depth(job.export, depth)
    depth = scaled_foreground(depth, params.foreground_scale)
    screen = ScreenPlacement(params, picture.width, Fraction(1)).next(depth, new_shot=True)
    layout = {PhotoFormat.MPO: FramePacking.FULL_SBS, PhotoFormat.JPS: FramePacking.CROSS_EYED}.get(job.format, params.layout)
    swap = params.eye_swap
    if job.format is PhotoFormat.JPS and swap:  # the views swapped once more are side by side
        layout, swap = FramePacking.FULL_SBS, False
    shown = params.model_copy(update={"layout": layout, "eye_swap": swap})
    packed = Picture.empty(*packed_size(layout, picture.width, picture.height, picture.format), picture.format)
    with workers(threads) as executor:
        packer = packer_for(shown, picture.width, picture.height, picture.format, GBR, executor=executor, threads=threads)
        packer.pack(picture, DepthField.guided(depth, picture), screen, packed)
    views = [half(packed, 0), half(packed, 1)] if job.format is PhotoFormat.MPO or job.right else [packed]
    if job.right is not None:
        write_photo(job.right, views[1:], job.format, photo, right_first=False)
        views = views[:1]
    write_photo(job.output, views, job.format, photo, right_first=shown.right_first)
    return PhotoReport(source=job.source, output=job.output, width=views[0].width, height=views[0].height, depth=name)


def depth_of(job: PhotoJob, picture: Picture, estimator: DepthEstimator, profile: DepthProfile) -> tuple[NDArray[np.float32], str]:
    """The depth of a photograph, from its file or estimated, and what it is called."""
    if job.depth is not None:
        return read_depth(job.depth), RECORDED
    size = estimator.working_size(picture.width, picture.height, DEPTH_PLANS[profile].pixels)
    depth = estimator.estimate(small_rgb(picture, *size, GBR)[None])[0]
    return depth if estimator.absolute else normalised(depth), estimator.name


def half(packed: Picture, side: int) -> Picture:
    """The left (0) or the right (1) half of a picture."""
    width = packed.width // 2
    planes = [np.ascontiguousarray(packed.cropped(index)[:, side * width : (side + 1) * width]) for index in range(3)]
    return Picture((planes[0], planes[1], planes[2]), width, packed.height, packed.format)
