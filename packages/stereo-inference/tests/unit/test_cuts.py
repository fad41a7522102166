"""Cuts: found where they are, and not where something moves, flashes, fades or dissolves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_depth import clip_pictures
from numpy.typing import NDArray

from stereo_inference.depth.cuts import shots
from stereo_spot_media.scene import Scene
from stereo_spot_shared.temporal import CUT_EVIDENCE_AFTER, CUT_EVIDENCE_BEFORE


class Frame(NamedTuple):
    index: int
    grey: NDArray[np.uint8]


def begins(greys: list[NDArray[np.uint8]], missing: tuple[int, ...] = ()) -> list[int]:
    """The frames that begin a shot."""
    frames = [Frame(index, grey) for index, grey in enumerate(greys) if index not in missing]
    found = list(shots(frames))
    assert [frame for frame, _ in found] == frames
    return [frame.index for frame, begins_shot in found if begins_shot]


def scene_greys(frames: int, **of_scene: int) -> list[NDArray[np.uint8]]:
    scene = Scene(160, 90, **of_scene)
    return [scene.picture(index).mean(axis=2).astype(np.uint8) for index in range(frames)]


def test_each_shot_of_the_scene_begins_at_its_cut_and_nowhere_else():
    assert begins(scene_greys(60, cut_frames=15)) == [0, 15, 30, 45]


def test_a_flash_is_no_cut():
    greys = scene_greys(20)
    flashed = [np.full_like(grey, 255) if index == 9 else grey for index, grey in enumerate(greys)]
    assert begins(flashed) == [0]


@pytest.mark.parametrize("length", [4, 8, 24])
def test_a_fade_to_black_and_back_is_no_cut(length):
    greys = scene_greys(4 * length)
    level = [min(1.0, abs(index - 2 * length) / length) for index in range(4 * length)]
    assert begins([(grey * share).astype(np.uint8) for grey, share in zip(greys, level, strict=True)]) == [0]


@pytest.mark.parametrize("length", [6, 12])
def test_a_dissolve_is_no_cut(length):
    first, second = scene_greys(3 * length), scene_greys(3 * length, seed=9)
    share = np.clip((np.arange(3 * length) - length) / length, 0, 1)
    mixed = [(a * (1 - s) + b * s).astype(np.uint8) for a, b, s in zip(first, second, share, strict=True)]
    assert begins(mixed) == [0]


def test_behind_a_missing_frame_a_shot_begins():
    assert begins(scene_greys(12), missing=(5,)) == [0, 6]


@settings(deadline=None, max_examples=30)
@given(first=st.integers(0, 50), length=st.integers(1, 20), shot=st.integers(2, 17))
def test_the_frames_around_a_frame_tell_whether_it_begins_a_shot(first, length, shot):
    greys = scene_greys(60, cut_frames=shot)
    end = min(60, first + length)
    begin, stop = max(0, first - CUT_EVIDENCE_BEFORE), min(60, end + CUT_EVIDENCE_AFTER)
    part = [Frame(index, greys[index]) for index in range(begin, stop)]
    told = {frame.index: begins_shot for frame, begins_shot in shots(part)}
    whole = begins(greys)
    for index in range(first, end):
        assert told[index] == (index in whole), index


def test_the_cuts_in_a_real_film_are_found():
    """Hills, a town behind passing trees, a dune."""
    pictures = clip_pictures("roadtrip-vp92-10bit.webm", 160, 90, 72)
    assert begins([picture.mean(axis=2).astype(np.uint8) for picture in pictures]) == [0, 42, 69]
