"""Which size a rendition has."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.rendition import MOST_BLOCKS_A_SECOND, fitting


@pytest.mark.parametrize(
    ("size", "rate", "fitted"),
    [
        ((1920, 1080), 24, (1920, 1080)),
        ((3840, 1080), 60, (3840, 1080)),
        ((4096, 2160), 24, (4096, 2160)),
        ((193, 65), 24, (192, 64)),
        ((7680, 2160), 24, (4096, 1152)),
        ((3840, 4320), 24, (1920, 2160)),
        ((3840, 2160), 60, (2700, 1516)),
        ((2, 2), 24, (2, 2)),
        ((16384, 2), 24, (4096, 4)),
    ],
)
def test_sizes(size, rate, fitted):
    assert fitting(*size, Fraction(rate)) == fitted


@given(st.integers(64, 32768), st.integers(64, 32768), st.integers(1, 120))
def test_every_size_is_even_within_the_level_and_no_larger_than_it_was(width, height, rate):
    wide, high = fitting(width, height, Fraction(rate))
    assert wide % 2 == high % 2 == 0
    assert wide <= min(width, 4096)
    assert high <= min(height, 2160)
    assert math.ceil(wide / 16) * math.ceil(high / 16) * rate <= MOST_BLOCKS_A_SECOND
