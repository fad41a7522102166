"""The metrics of depth over time, on sequences whose numbers are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_inference.depth.metrics import DepthJudge, DepthMetrics, aligned_error

SHAPE = (60, 80)
GREY = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, SHAPE).astype(np.uint8), (0, 0), 1.5)
RAMP = np.linspace(1.0, 3.0, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.float32)


def judged(depths, *, greys=None, cuts=(), truth=None) -> DepthMetrics:
    cv2.setNumThreads(1)
    judge = DepthJudge()
    for index, depth in enumerate(depths):
        grey = GREY if greys is None else greys[index]
        judge.push(np.asarray(depth, np.float32), grey, begins_shot=index in {0, *cuts}, truth=truth)
    return judge.result()


def test_what_does_not_change_does_not_flicker():
    found = judged([RAMP] * 4, truth=RAMP)
    assert (found.frames, found.flicker, found.scale_jump, found.shift_jump) == (
        4,
        0,
        pytest.approx(0, abs=1e-6),
        pytest.approx(0, abs=1e-6),
    )
    assert found.error == pytest.approx(0, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(scale=st.floats(0.8, 1.3), shift=st.floats(-0.5, 0.5))
def test_a_change_of_scale_and_of_shift_is_told_apart(scale, shift):
    """The range of 1.04 to 2.96 becomes that times the scale; its middle, 2, moves."""
    found = judged([RAMP, scale * RAMP + shift])
    assert found.scale_jump == pytest.approx(abs(np.log(scale)), abs=1e-3)
    middle, size = scale * 2 + shift, scale * 0.96 * 2
    assert found.shift_jump == pytest.approx(abs(scale * middle + shift - middle) / size, abs=2e-3)
    assert found.flicker == pytest.approx(np.abs(scale * RAMP + shift - RAMP).mean() / size, rel=0.05, abs=1e-4)


def test_noise_is_flicker_and_blur_hides_it_but_not_from_the_error():
    generator = np.random.default_rng(0)
    truth = np.asarray(RAMP + (GREY > 128), np.float32)
    noisy = [truth + 0.2 * generator.standard_normal(SHAPE) for _ in range(6)]
    sharp = judged(noisy, truth=truth)
    blurred = judged([cv2.GaussianBlur(depth, (0, 0), 8.0) for depth in noisy], truth=truth)
    assert blurred.flicker < 0.3 * sharp.flicker
    assert blurred.error > 1.3 * sharp.error


def test_nothing_is_compared_across_a_cut():
    assert judged([RAMP, RAMP, 5 * RAMP, 5 * RAMP], cuts=(2,)).flicker == 0
    assert judged([RAMP, RAMP, 5 * RAMP, 5 * RAMP]).flicker > 0.1


def test_what_moves_with_the_picture_does_not_flicker():
    large = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (60, 120)).astype(np.uint8), (0, 0), 2.0)
    greys = [np.ascontiguousarray(large[:, shift : shift + 80]) for shift in range(0, 12, 2)]
    moving = judged([grey.astype(np.float32) for grey in greys], greys=greys)
    assert moving.flicker < 0.02
    assert judged([greys[0].astype(np.float32) if n % 2 else greys[3].astype(np.float32) for n in range(6)], greys=greys).flicker > 0.1


@given(scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_the_error_does_not_depend_on_scale_and_shift(scale, shift):
    other = RAMP + 0.3 * (GREY / np.float32(255))
    assert aligned_error(np.asarray(scale * other + shift, np.float32), RAMP) == pytest.approx(
        aligned_error(other, RAMP), rel=1e-2, abs=1e-4
    )


def test_a_constant_has_the_error_of_the_mean_and_no_flicker():
    flat = np.zeros(SHAPE, np.float32)
    found = judged([flat] * 3, truth=RAMP)
    assert found.flicker == 0
    assert found.error == pytest.approx(0.25, abs=0.01)
