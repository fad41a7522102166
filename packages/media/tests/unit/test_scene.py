from __future__ import annotations

import numpy as np
import pytest

from stereo_spot_media.scene import LABEL_DEPTH, NUMBER_BITS, Scene, read_frame_number


@pytest.mark.parametrize("size", [(64, 48), (96, 64), (127, 71), (640, 360)])
@pytest.mark.parametrize("number", [0, 1, 2, 1234, (1 << NUMBER_BITS) - 1])
def test_every_view_tells_its_frame_number(size, number):
    scene = Scene(*size)
    for eye in (-0.5, 0.0, 0.5):
        assert read_frame_number(scene.picture(number, eye=eye)) == number


def test_the_number_survives_squeezing_and_is_read_from_deep_luma():
    picture = Scene(320, 180).picture(777)
    assert read_frame_number(picture[:, ::2]) == 777
    assert read_frame_number(picture[::2]) == 777
    assert read_frame_number(picture.mean(axis=2).astype(np.uint16) * 4) == 777


def test_a_picture_without_a_number_has_none():
    assert read_frame_number(np.full((90, 160), 77, np.uint8)) is None
    assert read_frame_number(np.random.default_rng(1).integers(0, 256, (90, 160)).astype(np.uint8)) is None


def test_the_eyes_see_what_the_depth_says():
    """What lies at x for the source lies at x - eye * total for the eye, wherever the depth is even around it."""
    scene, percent, convergence = Scene(480, 270), 5.0, 0.3
    source, depth = scene.picture(40).astype(float), scene.depth(40)
    for eye in (-0.5, 0.5):
        view = scene.picture(40, eye=eye, max_disparity=percent, convergence=convergence).astype(float)
        shift = eye * percent / 100 * scene.width * (depth - convergence)
        checked = 0
        for y in range(3, 267, 7):
            for x in range(40, 440, 5):
                near = depth[y, x - 30 : x + 31]
                if depth[y, x] == LABEL_DEPTH or np.ptp(near) > 0:
                    continue  # an edge of the label, or something that may hide or be hidden
                at = x - shift[y, x]
                left, part = int(np.floor(at)), at - np.floor(at)
                seen = (1 - part) * view[y, left] + part * view[y, left + 1]
                assert np.abs(seen - source[y, x]).max() < 8
                checked += 1
        assert checked > 500


def test_depth_is_relative_and_near_things_hide_far_ones():
    depth = Scene(160, 90).depth(3)
    assert depth.dtype == np.float32
    assert 0 <= depth.min() < 0.2
    assert 0.6 < depth.max() <= 1


def test_a_cut_changes_the_shot_and_nothing_else_does():
    scene = Scene(160, 90, cut_frames=10)
    steps = [np.abs(scene.picture(n + 1).astype(int) - scene.picture(n)).mean() for n in range(19)]
    assert int(np.argmax(steps)) == 9
    assert steps[9] > 3 * sorted(steps)[-2]


def test_sound_beeps_on_whole_seconds_and_does_not_depend_on_how_it_is_asked_for():
    scene = Scene()
    whole = scene.sound(0, 96000)
    assert np.array_equal(whole, np.concatenate([scene.sound(0, 1000), scene.sound(1000, 95000)]))
    loud = np.abs(whole) > 0.2
    assert loud[:2400].mean() > 0.5
    assert not loud[2400:48000].any()
    assert loud[48000:50400].mean() > 0.5
