"""Where the screen lies in a shot: the depth that is seen on it, and how much of the views' borders is hidden.

What a single frame says is averaged over the frames of its shot that came before it, for a window of `shot_window` frames: a shot begins
with what its first frame asks for, and follows what it shows so slowly that nobody sees it. The mean over all of a shot would be
steadier still, but no segment sees all of a shot; with a window a frame comes out the same wherever the video was cut.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.comfort import comfortable_disparity, nearest_convergence
from stereo_spot_shared.rendering import AUTO, RenderParams
from stereo_spot_shared.temporal import shot_window

BEHIND_SHARE = 0.75
"""Share of a picture that an automatic convergence leaves behind the screen: the subject stands at it or a little before it, the rest
recedes. Mostly behind is what stereographers call comfortable."""

BORDER_SHARE = 0.02
"""Share of a picture's width that counts as its border."""

NEAREST = 95
"""Percentile of a border's depth that a floating window is made for: single pixels do not move it."""


@dataclass(frozen=True, slots=True)
class Screen:
    """How one frame meets the screen. `left_bar`, `right_bar`: columns that are hidden at the left border of the left view and at
    the right border of the right view."""

    convergence: float
    left_bar: int = 0
    right_bar: int = 0


class Statistics(NamedTuple):
    """What one frame's depth asks for."""

    convergence: float
    left: float
    right: float
    """Depth at the borders."""


class ScreenPlacement:
    """Places the screen for one frame after the other of a segment, context included, of pictures `width` pixels wide."""

    def __init__(self, params: RenderParams, width: int, rate: Fraction) -> None:
        self._params = params
        self._pixels = comfortable_disparity(params) / 100 * width
        self._nearest = nearest_convergence(params)
        self._seen: deque[Statistics] = deque(maxlen=shot_window(rate) + 1)

    def next(self, depth: NDArray[np.float32], *, new_shot: bool) -> Screen:
        """The screen for the next frame, by its depth (h, w) in 0..1; `new_shot`: nothing connects it with the one before."""
        if not self._params.follows_shots:
            return Screen(float(self._params.convergence))
        if new_shot:
            self._seen.clear()
        self._seen.append(statistics(depth))
        wanted, left, right = (float(np.mean(values)) for values in zip(*self._seen, strict=True))
        convergence = min(wanted, self._nearest) if self._params.convergence == AUTO else float(self._params.convergence)
        if not self._params.floating_window:
            return Screen(convergence)
        bars = (max(0, round(self._pixels * (depth_there - convergence))) for depth_there in (left, right))
        return Screen(convergence, *bars)


def statistics(depth: NDArray[np.float32]) -> Statistics:
    """Read off one frame's depth."""
    columns = max(1, round(depth.shape[1] * BORDER_SHARE))
    return Statistics(
        float(np.quantile(depth, BEHIND_SHARE)),
        float(np.percentile(depth[:, :columns], NEAREST)),
        float(np.percentile(depth[:, -columns:], NEAREST)),
    )
