"""Anaglyph against Dubois' matrices worked out by hand, in linear light."""

from __future__ import annotations

import numpy as np
import pytest

from stereo_inference.colour import yuv_to_rgb
from stereo_inference.packing.anaglyph import GAMMA, LEFT, RIGHT, Anaglyph, power_fit
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_spot_shared.manifest import Colour


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


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
@pytest.mark.parametrize("colour", [Colour(matrix=1), Colour(matrix=6, full_range=True), Colour(matrix=9, full_range=False)])
def test_pixels_are_mixed_by_the_published_matrices_in_linear_light(name, colour):
    generator = np.random.default_rng(3)
    for _ in range(20):
        left, right = generator.uniform(0.1, 0.9, (2, 3))
        views = flat(left, name, colour), flat(right, name, colour)
        out = Picture.empty(8, 8, PIXEL_FORMATS[name])
        Anaglyph(colour, out.format, 8).mix(*views, out)
        linear = LEFT @ rgb_of(views[0], colour).clip(0, 1) ** 2.2 + RIGHT @ rgb_of(views[1], colour).clip(0, 1) ** 2.2
        expected = linear.clip(0, 1) ** (1 / 2.2)
        tolerance = 3 / 255 if out.format.bits == 8 else 2 / 255
        assert np.abs(rgb_of(out, colour) - expected).max() < tolerance


@pytest.mark.parametrize("exponent", [GAMMA, 4 / GAMMA])
def test_the_power_functions_are_within_a_tenth_of_a_step_of_10_bit(exponent):
    x = np.linspace(0, 1, 100_001).astype(np.float32)
    fitted = x * np.polynomial.polynomial.polyval(x, power_fit(exponent))
    assert np.abs(fitted - x.astype(float) ** exponent).max() < 0.1 / 1023


def test_the_red_glass_sees_the_left_view_and_the_cyan_glass_the_right_one():
    colour = Colour(matrix=1)
    white, black = (flat((v, v, v), "yuv444p", colour) for v in (1.0, 0.0))
    out = Picture.empty(8, 8, PIXEL_FORMATS["yuv444p"])
    Anaglyph(colour, out.format, 8).mix(white, black, out)
    red, green, blue = rgb_of(out, colour)
    assert red > 0.95
    assert max(green, blue) < 0.02
    Anaglyph(colour, out.format, 8).mix(black, white, out)
    red, green, blue = rgb_of(out, colour)
    assert red < 0.02
    assert min(green, blue) > 0.95


def test_white_and_grey_stay_neutral():
    colour = Colour(matrix=1)
    for level in (0.1, 0.5, 1.0):
        grey = flat((level, level, level), "yuv420p", colour)
        out = Picture.empty(8, 8, grey.format)
        Anaglyph(colour, out.format, 8).mix(grey, grey, out)
        assert np.abs(rgb_of(out, colour) - rgb_of(grey, colour)).max() < 0.015


def test_matrix_rows_add_up_to_one_as_published():
    assert np.abs((LEFT + RIGHT).sum(axis=1) - 1).max() < 0.002
