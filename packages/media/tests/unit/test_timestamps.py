from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.timestamps import (
    InexactTime,
    durations,
    lead_in,
    regenerate_dts,
    reorder_depth,
    rescale_exact,
    rescale_nearest,
)

SECOND = Fraction(1, 90_000)


@st.composite
def decode_orders(draw):
    """Presentation times (with duplicates and variable gaps) in a decoding order of bounded reordering."""
    gaps = draw(st.lists(st.integers(0, 100_000), min_size=1, max_size=80))
    start = draw(st.integers(-200_000, 10**10))
    shown = [start + sum(gaps[: i + 1]) for i in range(len(gaps))]
    depth = draw(st.integers(0, 16))
    keys = [i + draw(st.integers(0, depth)) for i in range(len(shown))]
    return [time for _, time in sorted(zip(keys, shown, strict=True), key=lambda item: item[0])]


@given(decode_orders(), st.sampled_from([SECOND, Fraction(1, 24), Fraction(1, 10**9), Fraction(1001, 30000), Fraction(1)]))
def test_dts_increase_strictly_and_never_exceed_pts(pts, time_base):
    dts = regenerate_dts(pts, time_base=time_base)
    assert len(dts) == len(pts)
    assert all(a < b for a, b in pairwise(dts))
    assert all(d <= p for d, p in zip(dts, pts, strict=True))


@given(decode_orders())
def test_a_lead_in_keeps_every_dts_of_a_segment_positive(pts):
    distinct = sorted(set(pts))
    order = sorted(distinct, key=pts.index)
    dts = regenerate_dts(order, time_base=SECOND)
    assert min(dts) > min(pts) - lead_in(SECOND) - len(pts)


def test_in_order_packets_decode_when_they_are_shown():
    assert regenerate_dts([0, 512, 1024], time_base=Fraction(1, 12288)) == [0, 512, 1024]


def test_one_b_frame_delays_presentation_by_one_picture():
    assert regenerate_dts([0, 2, 1, 4, 3], time_base=Fraction(1, 25)) == [-1, 0, 1, 2, 3]
    assert reorder_depth([0, 2, 1, 4, 3]) == 1


def test_duplicates_are_lowered_by_ticks():
    assert regenerate_dts([0, 10, 10, 20], time_base=Fraction(1, 1000)) == [0, 9, 10, 20]


def test_a_depth_deeper_than_needed_is_kept_and_a_shallower_one_refused():
    assert regenerate_dts([0, 1, 2], time_base=Fraction(1, 25), depth=2) == [-2, -1, 0]
    with pytest.raises(ValueError, match="reordered by 1"):
        regenerate_dts([0, 2, 1], time_base=Fraction(1, 25), depth=0)


def test_no_packets_have_no_times():
    assert regenerate_dts([], time_base=SECOND) == []


@given(st.integers(-(10**12), 10**12), st.integers(1, 1000))
def test_rescaling_to_a_multiple_and_back_is_exact(ticks, factor):
    fine = SECOND / factor
    assert rescale_exact(rescale_exact(ticks, SECOND, fine), fine, SECOND) == ticks


def test_an_inexact_rescale_is_refused_and_the_nearest_is_named_so():
    with pytest.raises(InexactTime):
        rescale_exact(1, Fraction(1, 24), Fraction(1, 1000))
    assert rescale_nearest(1, Fraction(1, 24), Fraction(1, 1000)) == 42


def test_durations_reach_to_the_next_picture():
    assert durations([0, 5, 5, 9], 12) == [5, 0, 4, 3]
