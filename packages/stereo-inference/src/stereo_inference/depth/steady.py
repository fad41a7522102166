"""Steadiness of depth over time, with finite support.

The depth of a frame becomes a weighted mean over the frames around it, pixel by pixel only where the picture stands
still (so nothing ghosts), and never across a scene cut. A frame's result depends on the frames within
`TEMPORAL_RADIUS` of it and on nothing else: it is the same wherever the video was cut into segments, as long as they
carry that many frames of context.

A frame is known by its index in the video's list of frames. One that is missing (it did not decode) ends the window
as a cut does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.rendering import TEMPORAL_RADIUS

T = TypeVar("T")

WINDOW_RADIUS = 3
"""Frames before and after that take part in the mean, with weights falling in a triangle."""

CUT_EVIDENCE_RADIUS = 1
"""Frames beyond a neighbouring pair that decide whether there is a cut between the two."""

if WINDOW_RADIUS + CUT_EVIDENCE_RADIUS > TEMPORAL_RADIUS:
    raise ImportError("the window of steadiness does not fit into the context that segments carry (TEMPORAL_RADIUS)")

STILL = 10.0
"""Mean local change of grey level (of 255) from which a pixel counts as having moved."""

CUT_DIFFERENCE = 0.04
"""Mean change of a thumbnail (full scale 1) below which there is no cut."""

CUT_RATIO = 2.5
"""How many times larger than the changes just before and just after a cut's change is: a flash or a pan is no cut."""

THUMBNAIL = (32, 18)


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A frame with its depth float32 (h, w) and its grey picture uint8 (h, w); `payload` travels along untouched."""

    index: int
    depth: NDArray[np.float32]
    grey: NDArray[np.uint8]
    payload: T
    begins_shot: bool = False
    """Whether nothing connects it with the frame before; known once it is steadied."""


class SteadyDepth(Generic[T]):
    """Feed frames in order of index; each comes back, steadied, as soon as the frames it depends on were seen."""

    def __init__(self) -> None:
        self._frames: dict[int, Seen[None]] = {}
        self._changes: dict[int, float] = {}
        self._waiting: deque[Seen[T]] = deque()
        self._last_thumbnail: NDArray[np.float32] | None = None

    def push(self, frame: Seen[T]) -> Iterator[Seen[T]]:
        """Take the next frame in and yield the ones that are complete by it."""
        thumbnail = cv2.resize(frame.grey, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        if self._last_thumbnail is not None and frame.index - 1 in self._frames:
            self._changes[frame.index] = float(np.abs(thumbnail - self._last_thumbnail).mean())
        self._last_thumbnail = thumbnail
        # A frame is remembered after it was handed on, but not the full-size picture that travels with it.
        self._frames[frame.index] = Seen(frame.index, frame.depth, frame.grey, None)
        self._waiting.append(frame)
        while self._waiting and self._waiting[0].index + TEMPORAL_RADIUS <= frame.index:
            yield self._steadied(self._waiting.popleft())

    def finish(self) -> Iterator[Seen[T]]:
        """Yield the frames that are still held; there are no more after them."""
        while self._waiting:
            yield self._steadied(self._waiting.popleft())

    def _steadied(self, here: Seen[T]) -> Seen[T]:
        index = here.index
        first = index
        while first > index - WINDOW_RADIUS and not self._cut_before(first):
            first -= 1
        last = index
        while last < index + WINDOW_RADIUS and not self._cut_before(last + 1):
            last += 1
        window = [self._frames[i] for i in range(first, last + 1)]
        begins_shot = self._cut_before(index)
        for old in [i for i in self._frames if i < index - TEMPORAL_RADIUS]:
            del self._frames[old]
            self._changes.pop(old, None)
        return Seen(index, gated_mean(here, window), here.grey, here.payload, begins_shot)

    def _cut_before(self, index: int) -> bool:
        """Whether frame `index` begins a scene: nothing stands before it, or far more changed than around it."""
        change = self._changes.get(index)
        if change is None:
            return True
        around = max(self._changes.get(index - 1, 0.0), self._changes.get(index + 1, 0.0))
        return change > CUT_DIFFERENCE and change > CUT_RATIO * around


def gated_mean(here: Seen[T], window: list[Seen[None]]) -> NDArray[np.float32]:
    """The mean of the window's depths at each pixel of `here`, over the frames in which that pixel looks the same."""
    total = np.zeros_like(here.depth)
    weights = np.zeros_like(here.depth)
    for frame in window:
        if frame.index == here.index:
            weight = np.full_like(here.depth, WINDOW_RADIUS + 1)
        else:
            change = cv2.blur(cv2.absdiff(here.grey, frame.grey), (5, 5)).astype(np.float32)
            triangle = np.float32(WINDOW_RADIUS + 1 - abs(frame.index - here.index))
            weight = triangle * np.maximum(np.float32(0), 1 - change / np.float32(STILL))
        total += weight * frame.depth
        weights += weight
    return total / weights  # the frame itself always counts, so that no weight is zero
