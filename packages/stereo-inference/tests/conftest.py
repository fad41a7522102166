"""What the tests of rendering share: pictures made of random numbers and of the procedural scene."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.views import Place, StereoRenderer

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not: plain modules beside this file are helpers of tests

Views = tuple[Picture, Picture]


@pytest.fixture
def random_picture() -> Callable[..., Picture]:
    """A picture of noise: (width, height, pixel format name, seed)."""

    def make(width: int, height: int, name: str = "yuv420p", seed: int = 0) -> Picture:
        picture = Picture.empty(width, height, PIXEL_FORMATS[name])
        generator = np.random.default_rng(seed)
        for plane in picture.planes:
            plane[:] = generator.integers(0, 1 << picture.format.bits, plane.shape)
        return picture

    return make


@pytest.fixture
def from_rgb() -> Callable[..., Picture]:
    """An RGB array as a picture of a working format."""

    def convert(rgb: NDArray[np.uint8], name: str = "yuv444p") -> Picture:
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)
        return Picture.view(frame, PIXEL_FORMATS[name])

    return convert


@pytest.fixture
def render_views() -> Callable[..., Views]:
    """Both eyes of a picture with a depth map (or a `DepthField`), each in a picture of its own."""

    def render(picture: Picture, depth: object, *, max_disparity: float = 2.0, convergence: float = 0.5, **workers: object) -> Views:
        field = depth if isinstance(depth, DepthField) else DepthField.plain(np.asarray(depth, np.float32))
        left, right = (Picture.empty(picture.width, picture.height, picture.format) for _ in range(2))
        renderer = StereoRenderer(picture.width, picture.height, max_disparity=max_disparity, **workers)
        renderer.render(picture, field, convergence, Place(left), Place(right))
        return left, right

    return render
