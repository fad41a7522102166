"""Loading compiled code ahead of time, so that the first segment does not wait for the compiler.

The module is also the program that compiles it, in a process of its own: what the compiler takes, 110 MB that are never given back
and more while it works, ends with that process.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from stereo_inference.compiled import NotCompiled, only_from_cache
from stereo_inference.depth.basic import BasicDepth
from stereo_inference.depth.steady import Looked, carried, estimated, watched
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.settings import child_environment
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.views import Place, StereoRenderer
from stereo_spot_media.sandbox import ChildLimits, apply_limits
from stereo_spot_shared.rendering import DepthProfile
from stereo_spot_shared.temporal import DEPTH_PLANS

PIXEL_FORMATS_TRIED = "yuv420p", "yuv420p10le"
"""One with one and one with two bytes a sample: all formats with as many share their kernels."""


def load_kernels() -> None:
    """Load the kernels from the cache (a fraction of a second); those that are not in it are compiled first (20 seconds, once)."""
    for pixel_format in PIXEL_FORMATS_TRIED:
        try:
            with only_from_cache():
                render_tiny_picture(pixel_format)
        except NotCompiled:
            compile_apart(pixel_format)
            render_tiny_picture(pixel_format)  # compiles here what that process could not, or not keep


def compile_apart(pixel_format: str) -> None:
    """Compile what a working format needs in a process of its own. That it could not is no error: there is another way."""
    command = [sys.executable, "-m", "stereo_inference.warm_up", pixel_format, str(os.getpid())]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, env=child_environment({}), check=False)


def render_tiny_picture(pixel_format: str) -> None:
    """Take a picture of a working format through depth and warp."""
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


if __name__ == "__main__":
    tried, parent = sys.argv[1:]
    # Network and address space are the parent's, and so are these limits already.
    apply_limits(ChildLimits(address_space=None, network=True), parent=int(parent))
    render_tiny_picture(tried)
