"""Optical flow and how sure it is: known movements, what is hidden, what leaves, and more than one step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_inference.depth.flow import FlowFinder, gather, sure_share, through
from stereo_inference.depth.steady import along

HEIGHT, WIDTH = 72, 128
SMOOTH = cv2.GaussianBlur(np.random.default_rng(2).random((200, 300)), (0, 0), 2.0)
NOISE = cv2.normalize(SMOOTH, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def window(left: int, top: int) -> np.ndarray:
    """A camera that looks at a large picture, `left` columns and `top` rows further on."""
    return np.ascontiguousarray(NOISE[60 + top : 60 + top + HEIGHT, 80 + left : 80 + left + WIDTH])


@settings(deadline=None, max_examples=20)
@given(right=st.integers(-6, 6), down=st.integers(-5, 5))
def test_a_movement_is_found_and_sure_but_for_what_leaves(right, down):
    ahead, back = FlowFinder().between(window(0, 0), window(right, down))
    inner = (slice(8, -8), slice(8, -8))
    assert np.median(ahead[(*inner, 0)]) == pytest.approx(-right, abs=0.25)
    assert np.median(ahead[(*inner, 1)]) == pytest.approx(-down, abs=0.25)
    assert np.median(back[(*inner, 0)]) == pytest.approx(right, abs=0.25)
    assert (ahead[inner][..., 2] > 0.5).mean() > 0.97
    if right > 1:
        assert (ahead[:, : right - 1, 2] == 0).mean() > 0.9


def test_what_becomes_hidden_is_not_sure():
    """A plate of another texture moves over a still ground: what it covers has no place in the second picture."""
    plate = np.ascontiguousarray(NOISE[150:180, 200:240])
    first, second = window(0, 0), window(0, 0)
    first[20:50, 30:70], second[20:50, 35:75] = plate, plate
    first, second = (cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for picture in (first, second))
    ahead, _ = FlowFinder().between(first, second)
    covered, ground, moved = ahead[66:144, 213:222, 2], ahead[66:144, 270:360, 2], ahead[72:138, 108:192]
    assert (covered > 0.5).mean() < 0.5
    assert (ground > 0.5).mean() > 0.98
    assert np.median(moved[..., 0]) == pytest.approx(15, abs=0.5)
    assert (moved[..., 2] > 0.5).mean() > 0.9


def test_what_looks_different_at_both_ends_is_not_sure():
    """A still picture, a part of which becomes darker by more than a fade does in a frame."""
    first = window(0, 0)
    second = first.copy()
    second[:, 64:] = np.clip(second[:, 64:].astype(int) - 60, 0, 255)
    ahead, _ = FlowFinder().between(first, second)
    assert (ahead[10:-10, 10:50, 2] > 0.5).mean() > 0.95
    assert (ahead[10:-10, 80:-10, 2] > 0.5).mean() < 0.2


def test_steps_add_up_and_multiply_what_is_sure():
    finder = FlowFinder()
    one, _ = finder.between(window(0, 0), window(3, 1))
    two, _ = finder.between(window(3, 1), window(5, -1))
    both = through(one, two)
    inner = (slice(12, -12), slice(12, -12))
    assert np.median(both[(*inner, 0)]) == pytest.approx(-5, abs=0.2)
    assert np.median(both[(*inner, 1)]) == pytest.approx(1, abs=0.2)
    unsure = two.copy()
    unsure[..., 2] = 0.5
    assert both[inner][..., 2].max() <= 1
    assert through(one, unsure)[inner][..., 2].max() <= 0.5 + 1e-6
    assert sure_share(through(one, unsure)) == 0


def test_depth_follows_flow_to_the_pixel_and_between_pixels():
    depth = np.tile(np.arange(WIDTH, dtype=np.float32), (HEIGHT, 1))
    flow = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    flow[..., 0], flow[..., 2] = 2.25, 1.0
    found = along(depth, flow)
    assert found[:, :-3] == pytest.approx(depth[:, :-3] + 2.25, abs=1e-4)
    assert (found[:, -2:] == WIDTH - 1).all()  # what leaves goes on as the border does


def test_depth_is_weighted_by_how_sure_flow_is_but_never_by_nothing():
    depth = np.full((4, 4), 3.0, np.float32)
    flow = np.zeros((4, 4, 3), np.float32)
    flow[:2, :, 2] = 0.5
    total, weights = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    gather(depth, flow, 0.5, 0.001, total, weights)
    assert weights[:2] == pytest.approx(0.25)
    assert weights[2:] == pytest.approx(0.0005)
    assert total / weights == pytest.approx(np.full((4, 4), 3.0), rel=1e-5)
