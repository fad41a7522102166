"""One scale for estimates: fits that do not shrink, ranges that follow gently, and nothing remembered for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_inference.depth.scale import FARTHEST, NEAREST, UNCHANGED, CommonScale, Footing, fit, normalised, to_unit

SHAPE = (48, 64)
SURE = np.ones(SHAPE, np.float32)


def texture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE).astype(np.float32)


@given(scale=st.floats(0.05, 20), shift=st.floats(-50, 50))
def test_a_change_of_scale_and_shift_is_found(scale, shift):
    found = fit(texture(), np.asarray(scale * texture() + shift, np.float32), SURE)
    assert found.scale == pytest.approx(scale, rel=1e-3)
    assert found.shift == pytest.approx(shift, abs=1e-3 * (abs(shift) + scale))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000))
def test_noise_does_not_shrink_the_scale_and_there_and_back_is_where_one_was(seed):
    """Least squares would find .93 there, and .93 back: .86 of what was."""
    generator = np.random.default_rng(seed)
    first, second = (texture() + 0.08 * generator.standard_normal(SHAPE).astype(np.float32) for _ in range(2))
    there, back = fit(first, second, SURE), fit(second, first, SURE)
    assert there.scale == pytest.approx(1.0, abs=0.08)
    assert back.after(there).scale == pytest.approx(1.0, abs=0.03)


def test_what_moved_otherwise_and_what_is_unsure_has_no_say():
    now = 2 * texture() + 1
    now[:6] = 10.0
    assert fit(texture(), now, SURE).scale == pytest.approx(2.0, rel=1e-2)
    sure = SURE.copy()
    sure[:, :40] = 0.4
    now = 2 * texture() + 1
    now[:, :40] = texture(7)[:, :40]
    assert fit(texture(), now, sure).scale == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("sure", [0.0, 0.5])
def test_nothing_sure_says_nothing(sure):
    assert fit(texture(), texture(), np.full(SHAPE, sure, np.float32)) is None


def test_what_is_flat_says_nothing():
    assert fit(np.full(SHAPE, 3.0, np.float32), texture(), SURE) is None
    assert fit(texture(), np.full(SHAPE, 3.0, np.float32), SURE) is None


def test_steps_follow_one_another():
    first, second = Footing(2.0, 1.0), Footing(3.0, -4.0)
    assert second.after(first).of(5.0) == second.of(first.of(5.0))
    assert UNCHANGED.after(first) == first.after(UNCHANGED) == first


@given(scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_a_single_estimate_becomes_0_to_1_but_for_its_extremes(scale, shift):
    depth = normalised(np.asarray(scale * texture() + shift, np.float32))
    assert 0 <= depth.min() <= depth.max() <= 1
    assert np.quantile(depth, (FARTHEST, NEAREST)) == pytest.approx((FARTHEST, NEAREST), abs=0.02)


def test_all_of_a_flat_estimate_is_in_the_middle():
    assert to_unit(7.0, 7.0) == Footing(0.0, 0.5)
    assert (normalised(np.full(SHAPE, 7.0, np.float32)) == 0.5).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_estimators_moods_are_gone(seed):
    """The same picture, each time on another scale, comes out the same."""
    generator = np.random.default_rng(seed)
    moods = [Footing(float(np.exp(0.3 * generator.standard_normal())), float(generator.standard_normal())) for _ in range(10)]
    estimates = [np.asarray(mood.scale * texture() + mood.shift, np.float32) for mood in moods]
    scale = CommonScale(window=6)
    first = scale.next(0, estimates[0], None)
    for index in range(1, 10):
        depth = scale.next(index, estimates[index], fit(estimates[index - 1], estimates[index], SURE))
        assert np.abs(depth - first).max() < 0.01


def test_the_range_follows_what_enters_gently_and_forgets_it():
    """Something twice as near enters at 10: the rest gives way over the window, not at once; and is back when it has left."""
    plain = texture()
    entered = plain.copy()
    entered[:12] = 2.0
    scale = CommonScale(window=8)
    wall = []
    for index in range(40):
        depth = entered if 10 <= index < 20 else plain
        wall.append(float(scale.next(index, depth, UNCHANGED if index else None)[24:].mean()))
    assert wall[9] == pytest.approx(wall[0], abs=1e-6)
    steps = np.abs(np.diff(wall))
    assert steps.max() < 0.5 * abs(wall[18] - wall[9])
    assert wall[18] < 0.75 * wall[9]
    assert wall[29] == pytest.approx(wall[0], abs=1e-3)


def test_behind_a_cut_nothing_is_remembered():
    with_past, alone = CommonScale(window=20), CommonScale(window=20)
    with_past.next(0, 5 * texture(3), None)
    assert np.array_equal(with_past.next(1, texture(), None), alone.next(1, texture(), None))


def test_beyond_the_window_nothing_is_remembered():
    with_past, alone = CommonScale(window=4), CommonScale(window=4)
    with_past.next(0, 5 * texture(3), None)
    for index in range(1, 9):
        joined = Footing(0.5, 0.1) if index > 1 else UNCHANGED
        past = with_past.next(index, texture(index), joined)
        if index >= 4:
            fresh = alone.next(index, texture(index), joined if index > 4 else None)
    assert np.array_equal(past, fresh)
