"""Where a scene ends and another begins, told by the frames right there.

A cut lies before a frame when far more changes there than between the two frames before it, and between it and the one behind it. So a
decision looks at four frames and at nothing else, and is the same wherever the video was cut into segments. A flash or a pan changes as
much on the other side, and a fade a little in every frame: none of them is a cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

CUT_DIFFERENCE = 0.04
"""Mean change of a thumbnail (full scale 1) below which there is no cut."""

CUT_RATIO = 2.5
"""How many times larger than the changes just before and just after a cut's change is."""

THUMBNAIL = (32, 18)


class Numbered(Protocol):
    """A frame with its place in the video's list of frames and its grey picture uint8 (h, w)."""

    @property
    def index(self) -> int: ...
    @property
    def grey(self) -> NDArray[np.uint8]: ...


F = TypeVar("F", bound=Numbered)


def shots(frames: Iterable[F]) -> Iterator[tuple[F, bool]]:
    """Each frame, and whether a shot begins with it: nothing stands before it, or there is a cut.

    One that is missing (it did not decode) is not looked across. A frame is handed on as soon as the one behind it was seen.
    """
    held: deque[F] = deque()
    before: float | None = None
    change: float | None = None
    thumbnail = np.zeros(0, np.float32)
    for frame in frames:
        last, thumbnail = thumbnail, small(frame.grey)
        following = float(np.abs(thumbnail - last).mean()) if held and held[0].index == frame.index - 1 else None
        if held:
            yield held.popleft(), is_cut(before, change, following)
        held.append(frame)
        before, change = change, following
    while held:
        yield held.popleft(), is_cut(before, change, None)


def is_cut(before: float | None, change: float | None, following: float | None) -> bool:
    """Whether a change is a cut, by the changes around it; None stands for a neighbour that is not there."""
    if change is None:
        return True
    return change > CUT_DIFFERENCE and change > CUT_RATIO * max(before or 0.0, following or 0.0)


def small(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A thumbnail, full scale 1."""
    return cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
