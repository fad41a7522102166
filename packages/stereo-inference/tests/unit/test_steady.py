"""Steadiness: finite support, cuts, and the same result wherever the video was cut into segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stereo_inference.depth.steady import Seen, SteadyDepth
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import TEMPORAL_RADIUS

Video = list[tuple[NDArray[np.float32], NDArray[np.uint8]]]


def video(seed: int, frames: int, cuts: Sequence[int] = (), flashes: Sequence[int] = ()) -> Video:
    """Depths and grey pictures of a slowly moving texture with noise, hard cuts and single white frames."""
    generator = np.random.default_rng(seed)
    pictures: Video = []
    texture = generator.integers(0, 100, (27, 200))
    for index in range(frames):
        if index in cuts:
            texture = 155 + generator.integers(0, 100, (27, 200)) - (texture.mean() > 120) * 155
        grey = texture[:, index // 2 : index // 2 + 48] + generator.integers(0, 4, (27, 48))
        if index in flashes:
            grey = np.full_like(grey, 255)
        pictures.append((generator.random((27, 48)).astype(np.float32), np.clip(grey, 0, 255).astype(np.uint8)))
    return pictures


def steadied(frames: Video, indices: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """What comes out, by index, when the frames at `indices` go in."""
    steady: SteadyDepth[str] = SteadyDepth()
    out = [seen for i in indices for seen in steady.push(Seen(i, *frames[i], f"picture {i}"))]
    out += steady.finish()
    assert [seen.index for seen in out] == list(indices)
    assert [seen.payload for seen in out] == [f"picture {i}" for i in indices]
    return {seen.index: seen.depth for seen in out}


@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_a_segment_with_context_gives_what_the_whole_video_gives(data, seed):
    total = data.draw(st.integers(2, 40))
    places = st.lists(st.integers(1, total - 1), max_size=4, unique=True)
    frames = video(seed, total, cuts=data.draw(places), flashes=data.draw(places))
    first = data.draw(st.integers(0, total - 1))
    end = data.draw(st.integers(first + 1, total))
    whole = steadied(frames, range(total))
    segment = steadied(frames, range(max(0, first - TEMPORAL_RADIUS), min(total, end + TEMPORAL_RADIUS)))
    for index in range(first, end):
        assert np.array_equal(whole[index], segment[index]), index


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), changed=st.integers(0, 29))
def test_a_frame_depends_on_nothing_beyond_the_radius(seed, changed):
    frames = video(seed, 30)
    other = list(frames)
    other[changed] = video(seed + 1, 1, cuts=[0])[0]
    before, after = steadied(frames, range(30)), steadied(other, range(30))
    for index in range(30):
        if abs(index - changed) > TEMPORAL_RADIUS:
            assert np.array_equal(before[index], after[index])


def test_a_still_picture_takes_the_mean_of_its_neighbours():
    frames = [(np.full((27, 48), float(i % 2), np.float32), np.full((27, 48), 90, np.uint8)) for i in range(20)]
    out = steadied(frames, range(20))
    for index in range(4, 16):
        assert abs(float(out[index].mean()) - 0.5) < 0.15  # flicker between 0 and 1 is nearly gone


def test_weights_of_a_still_picture_fall_in_a_triangle():
    frames = [(np.full((27, 48), float(i == 8), np.float32), np.full((27, 48), 90, np.uint8)) for i in range(17)]
    out = steadied(frames, range(17))
    assert [round(float(out[8 + k].mean()) * 16) for k in range(-5, 6)] == [0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0]


def test_what_moved_is_not_mixed():
    frames = [(np.full((27, 48), float(i % 2), np.float32), np.full((27, 48), 20 * i, np.uint8)) for i in range(10)]
    out = steadied(frames, range(10))
    assert all(np.array_equal(out[i], frames[i][0]) for i in range(10))


def test_nothing_crosses_a_cut():
    """Only the thumbnail tells: half the picture changes, and the half that stands still is not mixed over the cut either."""
    dark = np.full((27, 48), 90, np.uint8)
    changed = dark.copy()
    changed[:, 24:] = 250
    frames = [(np.full((27, 48), float(i >= 6), np.float32), dark if i < 6 else changed) for i in range(12)]
    out = steadied(frames, range(12))
    assert all(np.array_equal(out[i], frames[i][0]) for i in range(12))


def test_a_flash_is_no_cut():
    """The frame after a white one is mixed with the one before it, since both show the same."""
    frames = [(np.full((27, 48), float(i), np.float32), np.full((27, 48), 255 if i == 6 else 90, np.uint8)) for i in range(12)]
    out = steadied(frames, range(12))
    assert float(out[7].mean()) != 7.0
    assert float(out[7].max()) < 8.0
    assert float(out[6].mean()) == 6.0


def test_a_missing_frame_ends_the_window():
    frames = [(np.full((27, 48), float(i), np.float32), np.full((27, 48), 90, np.uint8)) for i in range(12)]
    indices = [i for i in range(12) if i != 6]
    out = steadied(frames, indices)
    assert float(out[5].max()) < 5.0  # pulled down by earlier frames, not up by later ones
    assert float(out[7].min()) > 7.0


def test_cuts_of_the_demo_scene_are_found_and_its_movement_is_not_taken_for_cuts():
    scene = Scene(320, 180, cut_frames=12)
    greys = [scene.picture(i).mean(axis=2).astype(np.uint8) for i in range(36)]
    shots = [(np.full((180, 320), i // 12, np.float32), grey) for i, grey in enumerate(greys)]
    out = steadied(shots, range(36))
    assert all(np.abs(out[i] - shots[i][0]).max() < 1e-4 for i in range(36))
    numbered = [(np.full((180, 320), i, np.float32), grey) for i, grey in enumerate(greys)]
    mixed = steadied(numbered, range(36))
    assert all((mixed[i] != i).any() for i in range(36) if i % 12 in (0, 11))
