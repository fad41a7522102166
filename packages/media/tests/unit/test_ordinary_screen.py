"""The curve of pictures that were graded for more than an ordinary screen shows."""

import numpy as np
import pytest

from stereo_spot_media.ordinary_screen import (
    BT709,
    HLG,
    PQ,
    escaped,
    gamut_matrix,
    is_wide,
    light_of,
    on_screen,
    rolled_off,
    write_table,
)
from stereo_spot_shared.manifest import Colour

HDR10 = Colour(primaries=9, transfer=PQ, matrix=9)


def pq(nits):
    """Code value of SMPTE ST 2084, the other way round than the code under test."""
    power = (np.asarray(nits, float) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def grey(value):
    return np.full((1, 3), value)


@pytest.mark.parametrize("nits", [0, 0.1, 5, 100, 203, 1000, 10_000])
def test_pq_is_light(nits):
    assert light_of(grey(pq(nits)), PQ) * 203 == pytest.approx(grey(nits), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(("code", "nits"), [(0, 0), (0.5, 50.7), (0.75, 203), (1, 1000)])
def test_hlg_is_light_on_a_screen_of_1000(code, nits):
    """75 % is reference white; ITU-R BT.2408."""
    assert light_of(grey(code), HLG) * 203 == pytest.approx(grey(nits), rel=5e-3)


def test_the_curve_leaves_the_dark_alone_rolls_off_the_bright_and_never_turns_back():
    light = np.linspace(0, 10_000 / 203, 20_001)
    seen = rolled_off(np.repeat(light[:, None], 3, axis=1))[:, 0]
    assert (np.diff(seen) > 0).all()
    assert np.array_equal(seen[light <= 0.5], light[light <= 0.5])
    assert np.diff(seen).max() <= np.diff(light).max() * 1.000001, "no step, and no slope steeper than the identity's"
    assert seen[-1] == pytest.approx(1)
    assert 0.7 < np.interp(1, light, seen) < 0.8, "reference white is bright"


def test_the_curve_keeps_hues():
    bright = np.array([[20.0, 5.0, 1.0]])
    seen = rolled_off(bright)
    assert seen / seen.max() == pytest.approx(bright / bright.max())


@pytest.mark.parametrize("primaries", [9, 11, 12])
def test_white_stays_white_and_wide_colours_become_stronger(primaries):
    matrix = gamut_matrix(primaries)
    assert matrix @ np.ones(3) == pytest.approx(np.ones(3))
    assert (np.diag(matrix) > 1.02).all()


def test_known_matrix_of_bt2020():
    """ITU-R BT.2087, the inverse direction."""
    assert gamut_matrix(9) == pytest.approx(
        np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]), abs=5e-4
    )


def test_ordinary_pictures_need_no_table_and_codes_are_bounded():
    assert [is_wide(Colour(transfer=t, primaries=p)) for t, p in [(1, 1), (2, 2), (PQ, 9), (HLG, 2), (1, 12)]] == [
        False,
        False,
        True,
        True,
        True,
    ]
    codes = np.random.default_rng(0).random((1000, 3))
    for colour in (HDR10, Colour(primaries=9, transfer=HLG), Colour(primaries=12, transfer=BT709)):
        seen = on_screen(codes, colour)
        assert np.isfinite(seen).all()
        assert seen.min() >= 0
        assert seen.max() <= 1


def test_the_table_has_red_running_fastest(tmp_path):
    path = tmp_path / "table.cube"
    write_table(path, HDR10)
    head, *rows = path.read_text().splitlines()
    values = np.array([row.split() for row in rows], float)
    assert (head, values.shape) == ("LUT_3D_SIZE 33", (33**3, 3))
    expected = on_screen(np.array([[4 / 32, 0, 0], [0, 4 / 32, 0], [0, 0, 4 / 32]]), HDR10)
    assert values[[4, 4 * 33, 4 * 33**2]] == pytest.approx(expected, abs=1e-5)


def test_paths_are_escaped_for_a_filters_option():
    from pathlib import Path

    assert escaped(Path("/a b/it's: \\x")) == "/a b/it'\\''s\\: \\\\x"
