"""Conversion between YUV and RGB, against the standards' own numbers and FFmpeg's converter; views of decoded planes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from stereo_inference.colour import small_rgb, yuv_to_rgb
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_spot_shared.manifest import Colour

WIDTH, HEIGHT = 90, 46
BT601, BT709, BT2020 = 6, 1, 9


def rgb_of(yuv: tuple[float, float, float], colour: Colour, bits: int = 8, height: int = 1080) -> np.ndarray:
    matrix, offset = yuv_to_rgb(colour, bits, height)
    return matrix @ np.array(yuv, float) + offset


@pytest.mark.parametrize(
    ("colour", "bits", "black", "white"),
    [
        (Colour(matrix=BT709, full_range=False), 8, (16, 128, 128), (235, 128, 128)),
        (Colour(matrix=BT709, full_range=True), 8, (0, 128, 128), (255, 128, 128)),
        (Colour(matrix=BT2020, full_range=False), 10, (64, 512, 512), (940, 512, 512)),
        (Colour(matrix=BT2020, full_range=True), 10, (0, 512, 512), (1023, 512, 512)),
    ],
)
def test_black_and_white_have_the_code_values_of_their_range(colour, bits, black, white):
    assert rgb_of(black, colour, bits) == pytest.approx([0, 0, 0], abs=1e-9)
    assert rgb_of(white, colour, bits) == pytest.approx([1, 1, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("matrix", "red"),
    [(BT709, (63, 102, 240)), (BT601, (81, 90, 240)), (BT2020, (74, 97, 240))],
)
def test_pure_red_has_the_published_code_values(matrix, red):
    assert rgb_of(red, Colour(matrix=matrix, full_range=False)) == pytest.approx([1, 0, 0], abs=0.01)


def test_a_matrix_that_is_not_said_is_guessed_from_the_height():
    red = (63, 102, 240)
    for unsaid in (2, 8):  # unspecified; YCgCo, which is of another kind
        assert np.array_equal(rgb_of(red, Colour(matrix=unsaid), height=720), rgb_of(red, Colour(matrix=BT709)))
        assert np.array_equal(rgb_of(red, Colour(matrix=unsaid), height=719), rgb_of(red, Colour(matrix=BT601)))


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_small_pictures_are_what_ffmpeg_makes_of_them(name, matrix):
    """Smooth colours, so that the kinds of interpolation do not matter; in a picture whose rows are padded."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rgb = np.stack([40 + 2 * x, 60 + 3 * y, 220 - x - y], 2).clip(0, 255).astype(np.uint8)
    space = {BT709: av.video.reformatter.Colorspace.ITU709, BT601: av.video.reformatter.Colorspace.ITU601}[matrix]
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name, dst_colorspace=space)
    picture = Picture.view(frame, PIXEL_FORMATS[name])
    small = small_rgb(picture, WIDTH // 2, HEIGHT // 2, Colour(matrix=matrix, full_range=False))
    assert small.shape == (HEIGHT // 2, WIDTH // 2, 3)
    expected = rgb.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - expected).max() <= 6


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize("size", [(90, 46), (91, 47), (1, 1)])
def test_a_view_shares_the_frame_s_memory_and_leaves_out_its_padding(name, size):
    frame = av.VideoFrame(*size, name)
    picture = Picture.view(frame, PIXEL_FORMATS[name])
    for index, (plane, decoded) in enumerate(zip(picture.planes, frame.planes, strict=True)):
        plane[:] = index + 1
        assert set(bytes(decoded)) <= {0, index + 1}
        assert picture.cropped(index).shape == (decoded.height, decoded.width)
        assert (picture.cropped(index) == index + 1).all()
    own = Picture.empty(*size, PIXEL_FORMATS[name])
    assert [own.cropped(i).shape for i in range(3)] == [picture.cropped(i).shape for i in range(3)]
