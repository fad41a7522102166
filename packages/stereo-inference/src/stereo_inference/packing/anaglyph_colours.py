"""Which colours of both views a pair of glasses needs: the mixing matrices of every anaglyph.

Dubois' matrices are those that he publishes for red-cyan glasses before a CRT or plasma display, and for green-magenta and
amber-blue glasses before an LCD ("Conversion of a Stereo Pair to Anaglyph with the Least-Squares Projection Method", 2009; the
method: "A projection method to generate anaglyph stereo images", ICASSP 2001). They apply to linear light. The others are the
classic ones and mix coded values; where they want brightness, it is luma by the source's own weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.rendering import FramePacking

Matrix = NDArray[np.float32]
"""(3, 3): from red, green and blue of one view to what it adds to red, green and blue of the anaglyph."""

GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class Glasses:
    """`mixing` gives the matrices of the left and the right view for luma's weights (3,) of red, green and blue; `gamma` is the
    power that takes coded values to those that are mixed."""

    mixing: Callable[[Matrix], tuple[Matrix, Matrix]]
    gamma: float = 1.0


def dubois(left: list[list[float]], right: list[list[float]]) -> Glasses:
    """Matrices that do not depend on the source."""
    matrices = np.array(left, np.float32), np.array(right, np.float32)
    return Glasses(lambda _luma: matrices, GAMMA)


def grey(luma: Matrix) -> tuple[Matrix, Matrix]:
    """Brightness alone: the left view's in red, the right view's in green and blue."""
    return rows(luma, None, None), rows(None, luma, luma)


def colour(_luma: Matrix) -> tuple[Matrix, Matrix]:
    """Red from the left view, green and blue from the right one."""
    red, green, blue = np.eye(3, dtype=np.float32)
    return rows(red, None, None), rows(None, green, blue)


def half_colour(luma: Matrix) -> tuple[Matrix, Matrix]:
    """As `colour`, with the left view's brightness in red."""
    return rows(luma, None, None), colour(luma)[1]


def rows(red: Matrix | None, green: Matrix | None, blue: Matrix | None) -> Matrix:
    """A matrix by its rows; None adds nothing."""
    nothing = np.zeros(3, np.float32)
    return np.array([nothing if row is None else row for row in (red, green, blue)], np.float32)


GLASSES = {
    FramePacking.ANAGLYPH: dubois(
        [[0.437, 0.449, 0.164], [-0.062, -0.062, -0.024], [-0.048, -0.050, -0.017]],
        [[-0.011, -0.032, -0.007], [0.377, 0.761, 0.009], [-0.026, -0.093, 1.234]],
    ),
    FramePacking.ANAGLYPH_GREEN_MAGENTA: dubois(
        [[-0.062, -0.158, -0.039], [0.284, 0.668, 0.143], [-0.015, -0.027, 0.021]],
        [[0.529, 0.705, 0.024], [-0.016, -0.015, -0.065], [0.009, 0.075, 0.937]],
    ),
    FramePacking.ANAGLYPH_AMBER_BLUE: dubois(
        [[1.062, -0.205, 0.299], [-0.026, 0.908, 0.068], [-0.038, -0.173, 0.022]],
        [[-0.016, -0.123, -0.017], [0.006, 0.062, -0.017], [0.094, 0.185, 0.911]],
    ),
    FramePacking.ANAGLYPH_GREY: Glasses(grey),
    FramePacking.ANAGLYPH_COLOUR: Glasses(colour),
    FramePacking.ANAGLYPH_HALF_COLOUR: Glasses(half_colour),
}
"""Every anaglyph layout."""
