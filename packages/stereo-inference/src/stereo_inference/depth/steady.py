"""Depth of every frame, steady over time: estimated for some frames, and brought from them to the others and to each other by flow.

Three steps, in the order in which a frame meets them; each hands frames on as soon as it may:

1. `watched` looks at the pictures. It finds cuts and flow, and which frames are to be estimated: all whose number is divisible by the
   plan's `every`, the first of a shot, and those that flow does not connect well enough with the last one that was.
2. `estimated` has the estimator look at those, as many at once as it likes.
3. `carried` puts the estimates on one scale (`scale`), and gives every frame the mean of the estimates within the plan's `span`,
   followed along the flow, weighted by how near in time they are and how sure the flow is. At a depth frame itself that is a mean along
   motion, which takes the flicker out; between two it passes smoothly from one to the next.

Nothing is handed on from frame to frame for ever: what a frame gets depends on the frames that `temporal.depth_context` counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth import DepthEstimator
from stereo_inference.depth.cuts import shots
from stereo_inference.depth.flow import Flow, FlowFinder, gather, sure_share, through
from stereo_inference.depth.scale import CommonScale, fit
from stereo_spot_shared.temporal import DepthPlan

T = TypeVar("T")

LEAST_SURE = 0.5
"""Share of a picture that must be connected with the last depth frame, or the frame becomes one itself."""

CONNECTED = 0.1
"""Share below which nothing connects two depth frames: what came before counts no more, as behind a cut."""

FLOOR = 1e-3
"""Weight of unsure flow, so that a pixel that is surely connected with nothing gets the depth that is most likely."""


@dataclass(slots=True)
class Looked(Generic[T]):
    """A frame as depth is concerned. `rgb` uint8 (h, w, 3) is what an estimator sees, `grey` uint8 (h, w) what is compared; `payload`
    travels along untouched."""

    index: int
    rgb: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    payload: T
    begins_shot: bool = False
    is_depth_frame: bool = False
    depth: NDArray[np.float32] | None = None
    """(h, w), of depth frames."""
    step: Flow | None = None
    """To the next frame of the shot; let go once the way to the next depth frame is known."""
    back: Flow | None = None
    """To the last depth frame before it; None where nothing connects the two."""
    ahead: Flow | None = None
    """To the next depth frame behind it; None where nothing connects the two."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A frame with its depth float32 (h, w) in 0..1; `begins_shot`: nothing connects it with the frame before."""

    index: int
    depth: NDArray[np.float32]
    grey: NDArray[np.uint8]
    payload: T
    begins_shot: bool


def watched(frames: Iterable[Looked[T]], plan: DepthPlan) -> Iterator[Looked[T]]:
    """Find cuts, flow and depth frames. A frame is handed on when its flow to the next one is known."""
    finder = FlowFinder()
    last: Looked[T] | None = None
    for frame, begins_shot in shots(frames):
        frame.begins_shot = begins_shot
        if last is None or begins_shot:
            frame.is_depth_frame = True
        else:
            last.step, back = finder.between(last.grey, frame.grey)
            to_depth_frame = back if last.is_depth_frame or last.back is None else through(back, last.back)
            sure = sure_share(to_depth_frame)
            frame.is_depth_frame = frame.index % plan.every == 0 or sure < LEAST_SURE
            frame.back = to_depth_frame if sure >= CONNECTED else None
        if last is not None:
            yield last
        last = frame
    if last is not None:
        yield last


def estimated(frames: Iterable[Looked[T]], estimator: DepthEstimator) -> Iterator[Looked[T]]:
    """Estimate the depth of the depth frames, `estimator.batch` of them at once."""
    held: list[Looked[T]] = []
    wanted: list[Looked[T]] = []

    def look() -> Iterator[Looked[T]]:
        if wanted:
            for frame, depth in zip(wanted, estimator.estimate(np.stack([frame.rgb for frame in wanted])), strict=True):
                frame.depth = depth
        yield from held
        held.clear()
        wanted.clear()

    for frame in frames:
        held.append(frame)
        if frame.is_depth_frame:
            wanted.append(frame)
        if not wanted or len(wanted) == estimator.batch:
            yield from look()
    yield from look()


def carried(frames: Iterable[Looked[T]], plan: DepthPlan, *, range_window: int | None) -> Iterator[Seen[T]]:
    """Give every frame its depth. `range_window`: frames over which the range of estimates is averaged, None where they are 0..1."""
    carry = Carry(plan.span, CommonScale(range_window) if range_window is not None else None)
    waiting: deque[Looked[T]] = deque()
    for frame in frames:
        if frame.is_depth_frame:
            carry.add(frame, waiting)
        waiting.append(frame)
        while waiting[0].index + plan.span <= frame.index:
            yield carry.seen(waiting.popleft())
    while waiting:
        yield carry.seen(waiting.popleft())


@dataclass(slots=True)
class DepthFrame:
    """An estimate on the common scale, and the flow to its neighbours among them where something connects them."""

    index: int
    depth: NDArray[np.float32]
    back: Flow | None
    ahead: Flow | None = None


class Onward(NamedTuple):
    """An estimate, and the flow from it to the next one on the way."""

    estimate: DepthFrame
    flow: Flow | None


class Mean(NamedTuple):
    """A weighted mean in the making, (h, w) both."""

    total: NDArray[np.float32]
    weights: NDArray[np.float32]


class Carry:
    """Brings estimates to the frames around them."""

    def __init__(self, span: int, scale: CommonScale | None) -> None:
        self._span = span
        self._scale = scale
        self._estimates: deque[DepthFrame] = deque()
        self._last_raw: NDArray[np.float32] | None = None

    def add(self, frame: Looked[T], before: Iterable[Looked[T]]) -> None:
        """Take in a depth frame. `before`: the frames since the last one and older ones, which learn their way to it."""
        assert frame.depth is not None  # noqa: S101 - it is a depth frame
        last = self._estimates[-1] if self._estimates else None
        if last is not None and frame.back is not None:
            self._lead_on(last, before)
        depth = frame.depth
        if self._scale is not None:
            joined = None
            if frame.back is not None and self._last_raw is not None:
                joined = fit(along(self._last_raw, frame.back), depth, frame.back[..., 2])
            self._last_raw = depth
            depth = self._scale.next(frame.index, depth, joined)
        self._estimates.append(DepthFrame(frame.index, depth, frame.back))

    def _lead_on(self, last: DepthFrame, before: Iterable[Looked[T]]) -> None:
        """Follow the flow from the last depth frame and those behind it to the new one: all of them learn where they are in it."""
        ahead: Flow | None = None
        for earlier in reversed([each for each in before if each.index >= last.index]):
            assert earlier.step is not None  # noqa: S101 - they are of one shot
            ahead = earlier.step if ahead is None else through(earlier.step, ahead)
            earlier.ahead, earlier.step = ahead, None  # a megabyte each
        last.ahead = ahead

    def seen(self, frame: Looked[T]) -> Seen[T]:
        """The frame with the mean of what the estimates around it say."""
        while self._estimates[0].index < frame.index - self._span:
            self._estimates.popleft()
        behind = [each for each in self._estimates if each.index < frame.index]
        beyond = [each for each in self._estimates if each.index > frame.index]
        own = next((each for each in self._estimates if each.index == frame.index), None)
        mean = Mean(np.zeros(frame.grey.shape, np.float32), np.zeros(frame.grey.shape, np.float32))
        if own is not None:
            mean.total[...] = own.depth
            mean.weights[...] = 1
        self._bring(frame, frame.back, [Onward(each, each.back) for each in reversed(behind)], mean)
        self._bring(frame, frame.ahead, [Onward(each, each.ahead) for each in beyond], mean)
        return Seen(frame.index, mean.total / mean.weights, frame.grey, frame.payload, frame.begins_shot)

    def _bring(self, frame: Looked[T], flow: Flow | None, estimates: list[Onward], mean: Mean) -> None:
        """Add the `estimates`, the nearest first; `flow` leads to the first of them."""
        onward: Flow | None = None
        for place, (estimate, following) in enumerate(estimates):
            distance = abs(estimate.index - frame.index)
            if distance > self._span:
                return
            if place and flow is not None:
                flow = None if onward is None else through(flow, onward)
            if flow is None:
                return
            gather(estimate.depth, flow, 1 - distance / (self._span + 1), FLOOR, *mean)
            onward = following


def along(depth: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """The depth (h, w) of another frame, as it is seen from the one that the flow begins in."""
    mean = Mean(np.zeros_like(depth), np.zeros_like(depth))
    gather(depth, flow, 1.0, 1.0, *mean)
    return mean.total
