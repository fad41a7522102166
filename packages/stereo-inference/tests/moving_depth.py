"""For tests of depth over time: videos with known depth, an estimator with moods, and what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stereo_inference.depth.steady import Looked, Seen, carried, estimated, watched
from stereo_spot_media.scene import Scene
from stereo_spot_media.testing import data_folder
from stereo_spot_shared.temporal import DepthPlan

Depth = NDArray[np.float32]
Rgb = NDArray[np.uint8]


def scene_pictures(scene: Scene, frames: int) -> list[Rgb]:
    return [scene.picture(index) for index in range(frames)]


def clip_pictures(name: str, width: int, height: int, frames: int) -> list[Rgb]:
    """The first frames of a real clip, scaled; the test is skipped where there are no real clips."""
    folder = data_folder()
    if folder is None:
        pytest.skip("no real clips: the data folder is absent")
    with av.open(str(folder / "clips" / name)) as container:
        decoded = islice(container.decode(video=0), frames)
        return [cv2.resize(frame.to_ndarray(format="rgb24"), (width, height), interpolation=cv2.INTER_AREA) for frame in decoded]


@dataclass
class Moody:
    """An estimator that knows the depth of every picture, but each time on another scale, and with noise in patches.

    A picture is known by its content: its noise does not depend on the pictures around it. `looked_at` counts calls' sizes.
    """

    depths: dict[bytes, Depth]
    scale: float = 0.05
    shift: float = 0.03
    noise: float = 0.03
    batch: int = 1

    name = "moody"
    absolute = False

    def __post_init__(self) -> None:
        self.looked_at: list[int] = []

    @classmethod
    def of(cls, pictures: Sequence[Rgb], depths: Sequence[Depth], **moods: float) -> Moody:
        return cls({picture.tobytes(): depth for picture, depth in zip(pictures, depths, strict=True)}, **moods)

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        return width, height

    def estimate(self, rgb: Rgb) -> Depth:
        self.looked_at.append(len(rgb))
        return np.stack([self._one(picture) for picture in rgb])

    def _one(self, picture: Rgb) -> Depth:
        generator = np.random.default_rng(int(picture[::7, ::7].astype(np.int64).sum()))
        depth = self.depths[picture.tobytes()]
        patches = cv2.GaussianBlur(generator.standard_normal(depth.shape).astype(np.float32), (0, 0), max(1.0, depth.shape[1] / 60))
        mood, offset = np.exp(self.scale * generator.standard_normal()), self.shift * generator.standard_normal()
        return np.asarray(7 * ((depth + self.noise * patches / patches.std()) * mood + offset), np.float32)


def looks(pictures: Sequence[Rgb], numbers: Iterable[int]) -> Iterable[Looked[str]]:
    for number in numbers:
        grey = np.asarray(cv2.cvtColor(pictures[number], cv2.COLOR_RGB2GRAY), np.uint8)
        yield Looked(number, pictures[number], grey, f"picture {number}")


def steadied(
    pictures: Sequence[Rgb], estimator: object, plan: DepthPlan, window: int | None, numbers: Iterable[int] | None = None
) -> dict[int, Seen[str]]:
    """What comes out, by number, when the frames `numbers` go in (all by default)."""
    numbers = list(range(len(pictures)) if numbers is None else numbers)
    cv2.setNumThreads(1)
    out = list(carried(estimated(watched(looks(pictures, numbers), plan), estimator), plan, range_window=window))
    assert [seen.index for seen in out] == numbers
    assert [seen.payload for seen in out] == [f"picture {number}" for number in numbers]
    return {seen.index: seen for seen in out}
