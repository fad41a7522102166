"""Context: enough for every window, and no more of a segment than it may cost."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stereo_spot_shared.rendering import DepthProfile, RenderParams
from stereo_spot_shared.temporal import DEPTH_PLANS, Context, context_frames, depth_context, depth_plan, range_window, shot_window

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(50), Fraction(60)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("profile", DepthProfile)
@pytest.mark.parametrize("depth", ["basic", "auto", "depth-anything-v2-small"])
def test_a_segment_of_20_seconds_renders_no_more_than_8_percent_of_its_frames_twice(rate, profile, depth):
    context = context_frames(RenderParams(depth=depth, depth_profile=profile), interlaced=False, rate=rate)
    assert sum(context) <= Fraction(8, 100) * 20 * rate


@pytest.mark.parametrize("profile", DepthProfile)
@pytest.mark.parametrize("depth", ["basic", "some-model"])
def test_every_frame_is_within_reach_of_a_depth_frame_on_both_sides(profile, depth):
    plan = depth_plan(RenderParams(depth=depth, depth_profile=profile))
    assert plan.span >= plan.every
    assert plan.pixels == DEPTH_PLANS[profile].pixels


def test_depth_with_a_meaning_of_its_own_needs_no_window_for_its_range():
    rate = Fraction(25)
    known, unknown = RenderParams(depth="basic"), RenderParams(depth="some-model")
    assert depth_context(known, rate) == Context(2 + 1 + 2, 2 + 1)
    assert depth_context(unknown, rate) == Context(6 + 20 + 3 + 2, 6 + 1)
    assert range_window(rate) == 20


def test_depth_that_was_brought_along_depends_on_cuts_only():
    assert depth_context(RenderParams(depth_file="/somewhere"), Fraction(25)) == Context(2, 1)


def test_what_follows_shots_and_fields_adds_up():
    rate, plain = Fraction(25), RenderParams(depth="basic")
    before, after = context_frames(plain, interlaced=False, rate=rate)
    assert context_frames(plain, interlaced=True, rate=rate) == Context(before + 1, after + 1)
    following = RenderParams(depth="basic", convergence="auto")
    assert context_frames(following, interlaced=False, rate=rate) == Context(before + shot_window(rate), after)


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(1, 1000), Fraction(90_000)])
def test_strange_rates_have_windows_too(rate):
    assert 1 <= range_window(rate) <= 60
    assert 1 <= shot_window(rate) <= 120
