"""Loading compiled code ahead of time, so that the first segment does not wait for the compiler."""

from __future__ import annotations

import numpy as np

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.depth.steady import Looked, carried, estimated, watched
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.views import Place, StereoRenderer
from stereo_spot_shared.rendering import DepthProfile
from stereo_spot_shared.temporal import DEPTH_PLANS


def warm_up(pixel_format: str = "yuv420p") -> None:
    """Render a tiny picture of a working format: compiles the kernels for its sample size, or loads them (seconds once,
    a fraction of one afterwards). 10-bit formats share theirs, as 8-bit formats do."""
    width, height = 32, 16
    working = PIXEL_FORMATS[pixel_format]
    picture = Picture.empty(width, height, working)
    for plane in picture.planes:
        plane[:] = 128
    rgb, grey = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    frames = [Looked(index, rgb, grey, None) for index in range(4)]
    plan = DEPTH_PLANS[DepthProfile.QUALITY]
    *_, last = carried(estimated(watched(frames, plan), BasicDepth()), plan, range_window=None)
    left, right = Picture.empty(width, height, working), Picture.empty(width, height, working)
    renderer = StereoRenderer(width, height, max_disparity=2.0)
    renderer.render(picture, DepthField.guided(last.depth, picture), 0.5, Place(left), Place(right))
