"""Anaglyph against Dubois' matrices worked out by hand, in linear light."""

from __future__ import annotations

import numpy as np
import pytest

from stereo_inference.colour import yuv_to_rgb
from stereo_inference.packing.anaglyph import Anaglyph, power_fit
from stereo_inference.packing.anaglyph_colours import GAMMA, GLASSES
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking

RED_CYAN = GLASSES[FramePacking.ANAGLYPH]
BT709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def flat(rgb: tuple[float, float, float], name: str, colour: Colour) -> Picture:
    """A picture of one colour (0..1)."""
    picture = Picture.empty(8, 8, PIXEL_FORMATS[name])
    matrix, offset = yuv_to_rgb(colour, picture.format.bits, 8)
    for plane, value in zip(picture.planes, np.linalg.solve(matrix, np.array(rgb) - offset), strict=True):
        plane[:] = round(value)
    return picture


def rgb_of(picture: Picture, colour: Colour) -> np.ndarray:
    matrix, offset = yuv_to_rgb(colour, picture.format.bits, 8)
    return matrix @ [float(p[3, 3]) for p in picture.planes] + offset


@pytest.mark.parametrize("layout", GLASSES)
@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize(
    ("colour", "luma"),
    [
        (Colour(matrix=1), (0.2126, 0.7152, 0.0722)),
        (Colour(matrix=6, full_range=True), (0.299, 0.587, 0.114)),
        (Colour(matrix=9, full_range=False), (0.2627, 0.6780, 0.0593)),
    ],
)
def test_pixels_are_mixed_by_the_matrices_of_the_glasses_and_the_colours_of_the_source(layout, name, colour, luma):
    glasses = GLASSES[layout]
    left_mix, right_mix = glasses.mixing(np.array(luma, np.float32))
    generator = np.random.default_rng(3)
    for _ in range(20):
        left, right = generator.uniform(0.1, 0.9, (2, 3))
        views = flat(left, name, colour), flat(right, name, colour)
        out = Picture.empty(8, 8, PIXEL_FORMATS[name])
        Anaglyph(glasses, colour, out.format, 8).mix(*views, out)
        light = [rgb_of(view, colour).clip(0, 1) ** glasses.gamma for view in views]
        expected = (left_mix @ light[0] + right_mix @ light[1]).clip(0, 1) ** (1 / glasses.gamma)
        tolerance = 3 / 255 if out.format.bits == 8 else 2 / 255
        assert np.abs(rgb_of(out, colour) - expected).max() < tolerance


@pytest.mark.parametrize("exponent", [1.0, GAMMA, 4 / GAMMA, 4.0])
def test_the_power_functions_are_within_a_tenth_of_a_step_of_10_bit(exponent):
    x = np.linspace(0, 1, 100_001).astype(np.float32)
    fitted = x * np.polynomial.polynomial.polyval(x, power_fit(exponent))
    assert np.abs(fitted - x.astype(float) ** exponent).max() < 0.1 / 1023


def test_the_red_glass_sees_the_left_view_and_the_cyan_glass_the_right_one():
    colour = Colour(matrix=1)
    white, black = (flat((v, v, v), "yuv444p", colour) for v in (1.0, 0.0))
    out = Picture.empty(8, 8, PIXEL_FORMATS["yuv444p"])
    Anaglyph(RED_CYAN, colour, out.format, 8).mix(white, black, out)
    red, green, blue = rgb_of(out, colour)
    assert red > 0.95
    assert max(green, blue) < 0.02
    Anaglyph(RED_CYAN, colour, out.format, 8).mix(black, white, out)
    red, green, blue = rgb_of(out, colour)
    assert red < 0.02
    assert min(green, blue) > 0.95


@pytest.mark.parametrize("layout", GLASSES)
def test_white_and_grey_stay_neutral(layout):
    colour = Colour(matrix=1)
    for level in (0.1, 0.5, 1.0):
        grey = flat((level, level, level), "yuv420p", colour)
        out = Picture.empty(8, 8, grey.format)
        Anaglyph(GLASSES[layout], colour, grey.format, 8).mix(grey, grey, out)
        assert np.abs(rgb_of(out, colour) - rgb_of(grey, colour)).max() < 0.015


@pytest.mark.parametrize("layout", GLASSES)
def test_matrix_rows_add_up_to_one_as_published(layout):
    assert np.abs(sum(GLASSES[layout].mixing(BT709)).sum(axis=1) - 1).max() < 0.003


GREEN_LEFT = FramePacking.ANAGLYPH_GREEN_MAGENTA
AMBER_LEFT = FramePacking.ANAGLYPH_AMBER_BLUE


@pytest.mark.parametrize("layout", GLASSES)
def test_each_glass_sees_its_own_view(layout):
    """A white left view lights the colours of the left glass, and hardly those of the right one; and the reverse."""
    left, right = (mix.sum(axis=1) for mix in GLASSES[layout].mixing(BT709))
    through_left = {GREEN_LEFT: [False, True, False], AMBER_LEFT: [True, True, False]}.get(layout, [True, False, False])
    assert left[through_left].min() > 0.9
    assert right[~np.array(through_left)].min() > 0.9
    assert np.abs(left[~np.array(through_left)]).max() < 0.3
    assert np.abs(right[through_left]).max() < 0.3
