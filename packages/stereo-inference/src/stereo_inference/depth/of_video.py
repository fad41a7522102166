"""The depth of every frame of a video: from the frames as they were decoded to depth that can be warped by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.colour import small_rgb
from stereo_inference.depth import DepthEstimator
from stereo_inference.depth.cuts import shots
from stereo_inference.depth.recorded import recorded_depth
from stereo_inference.depth.steady import Looked, Seen, carried, estimated, watched
from stereo_inference.stages import Stages
from stereo_inference.stereo.disparity import scaled_foreground
from stereo_inference.video_io.decode import SourceFrame
from stereo_inference.video_io.formats import working_colour
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.temporal import depth_plan, range_window

DEPTH_STAGES = ("look", "depth", "steady")


def depths_of(
    frames: Iterable[SourceFrame], estimator: DepthEstimator, params: RenderParams, video: VideoStream, stages: Stages
) -> Iterator[Seen[SourceFrame]]:
    """Every frame with the depth of its active part, steady over time, in stages of their own.

    The stages are started at once, in the order in which a frame meets them. With a depth file its depth is taken as it is. Frames come
    out as many later as `temporal.depth_context` counts after them.
    """
    if params.depth_file:
        depths = stages.run("depth", brought_along(frames, Path(params.depth_file), video))
    else:
        plan = depth_plan(params)
        window = None if estimator.absolute else range_window(video.average_rate)
        # While a model looks at one picture the next ones are made ready: as many as there are from one depth frame to the next.
        # Where there is no model all is done in one thread, and no pictures wait between two.
        model = not estimator.absolute
        looks = watched(looked_at(frames, estimator, plan.pixels, video), plan)
        looks = stages.run("look", looks, ahead=plan.every * estimator.batch, own_thread=model)
        estimates = stages.run("depth", estimated(looks, estimator), own_thread=model)
        depths = stages.run("steady", carried(estimates, plan, range_window=window))
    return (replace(seen, depth=scaled_foreground(seen.depth, params.foreground_scale)) for seen in depths)


def looked_at(frames: Iterable[SourceFrame], estimator: DepthEstimator, pixels: int, video: VideoStream) -> Iterator[Looked[SourceFrame]]:
    """What the estimator, and whatever compares pictures, sees of every frame."""
    colour = working_colour(video)
    for frame in frames:
        active = frame.picture.part(video.active)
        rgb = small_rgb(active, *estimator.working_size(active.width, active.height, pixels), colour)
        yield Looked(frame.index, rgb, grey_of(rgb), frame)
        del frame, active  # not to be kept while the next is decoded


def brought_along(frames: Iterable[SourceFrame], path: Path, video: VideoStream) -> Iterator[Seen[SourceFrame]]:
    """Every frame with the depth that somebody made for it."""
    colour = working_colour(video)
    with recorded_depth(path) as recorded:

        def with_depth() -> Iterator[Looked[SourceFrame]]:
            for frame in frames:
                depth = recorded.at(frame.index)
                rgb = small_rgb(frame.picture.part(video.active), depth.shape[1], depth.shape[0], colour)
                yield Looked(frame.index, rgb, grey_of(rgb), frame, depth=depth)

        for looked, begins_shot in shots(with_depth()):
            assert looked.depth is not None  # noqa: S101 - it was read
            yield Seen(looked.index, looked.depth, looked.grey, looked.payload, begins_shot)


def grey_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An RGB picture (h, w, 3) in grey (h, w)."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
