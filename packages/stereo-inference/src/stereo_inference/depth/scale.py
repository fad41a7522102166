"""One scale for depth that is known up to scale and shift only: what an estimator gives for each picture by itself.

From one estimate to the next the same thing gets another value, although it did not move. Where flow connects two estimates a scale and
a shift put the first on the second's footing (`fit`). On the footing of an estimate its own range and those of the estimates before it
are averaged, over a window that ends at cuts: that mean becomes 0..1. So what the estimator's moods contributed is gone, and what really
enters or leaves the picture moves the range gently. A window, unlike a running mean from the start of the file, forgets: the result is
the same wherever the video was cut.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FARTHEST, NEAREST = 0.02, 0.98
"""Quantiles of depth that stand for its range, and the values that they become: a few wild pixels do not stretch it."""

FIT_ROUNDS = 4
OUTLIER = 2.5
"""Standard deviations, as told by the median of what is left over, beyond which a pixel is left out of the next round of a fit."""

SAMPLE_STEP = 3
"""One in so many pixels in each direction is enough to fit two numbers."""

LEAST_SAMPLES = 50
LEAST_SPREAD = 1e-6


class Footing(NamedTuple):
    """How values become others: scale * value + shift."""

    scale: float
    shift: float

    def of(self, value: float) -> float:
        return self.scale * value + self.shift

    def after(self, first: Footing) -> Footing:
        """Both steps in one, `first` before this one."""
        return Footing(self.scale * first.scale, self.scale * first.shift + self.shift)


UNCHANGED = Footing(1.0, 0.0)


def fit(before: NDArray[np.float32], now: NDArray[np.float32], sure: NDArray[np.float32]) -> Footing | None:
    """What makes `before` into `now` (both (h, w)), over the pixels that are more `sure` (0..1) than not; None where that says nothing.

    Reduced major axis regression: the ratio of the spreads, which is the same in both directions, where least squares would take noise
    in `before` for a smaller scale, and shrink it a little at every step. What is far off is left out, round by round.
    """
    grid = (slice(None, None, SAMPLE_STEP), slice(None, None, SAMPLE_STEP))
    chosen = sure[grid] > np.float32(0.5)
    x, y = before[grid][chosen].astype(np.float64), now[grid][chosen].astype(np.float64)
    found = None
    for _ in range(FIT_ROUNDS):
        if x.size < LEAST_SAMPLES:
            break
        spread_x, spread_y = x.std(), y.std()
        if min(spread_x, spread_y) <= LEAST_SPREAD * max(1.0, abs(x).max()):
            return None
        scale = float(spread_y / spread_x)
        found = Footing(scale, float(y.mean() - scale * x.mean()))
        left_over = abs(y - (found.scale * x + found.shift))
        close = left_over <= OUTLIER * 1.4826 * np.median(left_over)
        if close.all():
            break
        x, y = x[close], y[close]
    return found


def depth_range(depth: NDArray[np.float32]) -> tuple[float, float]:
    """The range of one estimate (h, w)."""
    far, near = np.quantile(depth[::2, ::2], (FARTHEST, NEAREST))
    return float(far), float(near)


def to_unit(far: float, near: float) -> Footing:
    """What makes a range 0..1, but for the little that is left for what lies beyond it. All of a flat one is in the middle."""
    if near - far <= LEAST_SPREAD * max(1.0, abs(far), abs(near)):
        return Footing(0.0, 0.5)
    scale = (NEAREST - FARTHEST) / (near - far)
    return Footing(scale, FARTHEST - scale * far)


def normalised(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """A single estimate (h, w) by its own range, in 0..1."""
    return applied(to_unit(*depth_range(depth)), depth)


def applied(footing: Footing, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Depth (h, w) on another footing, in 0..1."""
    return np.asarray(np.clip(np.float32(footing.scale) * depth + np.float32(footing.shift), 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Ranged:
    """One estimate of the window: its number, its range, and what puts the estimate before it on its footing (None: nothing does)."""

    index: int
    far: float
    near: float
    joined: Footing | None


class CommonScale:
    """Puts one estimate after the other on a common scale; `window` is the number of frames before one that count."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._seen: deque[Ranged] = deque()

    def next(self, index: int, depth: NDArray[np.float32], joined: Footing | None) -> NDArray[np.float32]:
        """The estimate (h, w) of frame `index` in 0..1; `joined` puts the one before it on its footing, None where nothing does."""
        self._seen.append(Ranged(index, *depth_range(depth), joined))
        while self._seen[0].index < index - self._window:
            self._seen.popleft()
        footing = UNCHANGED
        far = near = weights = 0.0
        for ranged in reversed(self._seen):
            weight = 1 - (index - ranged.index) / (self._window + 1)
            far += weight * footing.of(ranged.far)
            near += weight * footing.of(ranged.near)
            weights += weight
            if ranged.joined is None:
                break
            footing = footing.after(ranged.joined)
        return applied(to_unit(far / weights, near / weights), depth)
