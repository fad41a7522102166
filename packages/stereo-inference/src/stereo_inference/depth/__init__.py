"""Estimators of depth from single pictures, chosen by name. A new one is a module here and a line in `ESTIMATORS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth.basic import BasicDepth
from stereo_spot_shared.errors import PermanentError


class DepthEstimator(Protocol):
    """Something that sees depth in a picture. It is loaded once and used for many segments."""

    @property
    def name(self) -> str:
        """The name that results record."""

    @property
    def absolute(self) -> bool:
        """Whether its depth is 0..1 and means the same in every picture. Otherwise it has any range, and is known up to a scale and a
        shift that differ from picture to picture."""

    @property
    def batch(self) -> int:
        """How many pictures it likes to look at together: 1 on a CPU."""

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """Width and height to which an upright picture of this size is scaled before it is looked at: about so many pixels, or what the
        estimator insists on."""

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Relative inverse depth float32 (N, h, w), nearer is larger, of RGB pictures (N, h, w, 3) at the working size.

        Each picture by itself: whatever connects pictures over time belongs to `depth.steady`.
        """


ESTIMATORS: dict[str, Callable[[], DepthEstimator]] = {
    BasicDepth.name: BasicDepth,
}
"""Every estimator by its name, best last: `auto` takes the last one."""


def load_estimator(name: str) -> DepthEstimator:
    """The estimator called `name`, loaded; `auto` is the best there is. PermanentError for a name that is not known."""
    if name == "auto":
        name = list(ESTIMATORS)[-1]
    if name not in ESTIMATORS:
        raise PermanentError(
            f"There is no depth estimator called {name!r}.",
            hint=f"Choose one of: auto, {', '.join(ESTIMATORS)}.",
        )
    return ESTIMATORS[name]()
