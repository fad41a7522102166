"""Black bars: found for the whole video, by what any of its frames shows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.bars import find_bars, inside, turned
from stereo_spot_media.probe import probe
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import Region, VideoStream

WIDTH, HEIGHT = 192, 108


def barred(
    path: Path, *, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0, form: str = "yuv420p", dark: range = range(0)
) -> Path:
    """Three seconds of the scene with bars; in the frames `dark` nothing is shown. Noise of two steps lies over everything."""
    scene = Scene(width=WIDTH - left - right, height=HEIGHT - top - bottom, rate=Fraction(24))
    noise = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "12", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, form
        for number in range(72):
            picture = np.zeros((HEIGHT, WIDTH, 3), np.int16)
            if number not in dark:
                picture[top : HEIGHT - bottom, left : WIDTH - right] = scene.picture(number)
            picture += noise.integers(0, 3, picture.shape[:2])[..., None].astype(np.int16)
            frame = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=form)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p10le", "yuvj420p"])
@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ({}, None),
        ({"top": 12, "bottom": 12}, (0, 12, 192, 84)),
        ({"left": 24, "right": 24}, (24, 0, 144, 108)),
        ({"left": 16, "top": 8, "right": 32, "bottom": 20}, (16, 8, 144, 80)),
        ({"top": 2, "bottom": 2}, None),  # no bar but a ragged edge
    ],
)
def test_bars_are_found_to_the_pixel(tmp_path: Path, form: str, bars: dict[str, int], expected: tuple[int, ...] | None) -> None:
    path = barred(tmp_path / "a.mkv", form=form, **bars)
    found = find_bars(path, probe(path).video)
    assert (None if found is None else (found.left, found.top, found.width, found.height)) == expected


def test_a_film_that_fades_in_from_black_keeps_all_of_its_picture(tmp_path: Path) -> None:
    path = barred(tmp_path / "a.mkv", top=12, bottom=12, dark=range(40))
    assert find_bars(path, probe(path).video) == Region(left=0, top=12, width=192, height=84)


def test_a_film_in_which_nothing_is_ever_seen_has_no_bars(tmp_path: Path) -> None:
    path = barred(tmp_path / "a.mkv", dark=range(72))
    assert find_bars(path, probe(path).video) is None


@given(
    rotation=st.sampled_from([0, 90, 180, 270]),
    left=st.integers(0, 9),
    top=st.integers(0, 5),
    width=st.integers(1, 9),
    height=st.integers(1, 5),
)
def test_a_region_is_turned_as_the_picture_is(rotation: int, left: int, top: int, width: int, height: int) -> None:
    stored = np.zeros((12, 20), int)
    stored[top : top + height, left : left + width] = np.arange(1, height * width + 1).reshape(height, width)
    video = VideoStream(
        index=0, codec="h264", width=20, height=12, pixel_format="yuv420p", bit_depth=8, time_base=Fraction(1, 25),
        average_rate=Fraction(25), sample_aspect_ratio=Fraction(1), rotation=rotation,
    )  # fmt: skip
    region = turned(Region(left=left, top=top, width=width, height=height), video)
    upright = np.rot90(stored, -rotation // 90)
    part = upright[region.top : region.top + region.height, region.left : region.left + region.width]
    assert part.all()
    assert part.size == width * height


@given(st.lists(st.booleans(), min_size=1, max_size=300).filter(any))
def test_nothing_that_is_shown_is_left_out(shown: list[bool]) -> None:
    first, end = inside(np.array(shown))
    assert not any(shown[:first])
    assert not any(shown[end:])
