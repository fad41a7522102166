"""Where things move: dense optical flow between pictures, how sure it is, and how depth follows it.

Flow is found by DIS (Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016) in both directions
between neighbouring pictures. It is trusted as far as the way there and the way back meet (Sundaram, Brox and Keutzer, "Dense Point
Trajectories by GPU-Accelerated Large Displacement Optical Flow", ECCV 2010): where something is hidden in one of the two they do not;
and as far as both ends look alike, which keeps apart what lies on both sides of an edge, where flow is smooth and depth is not. Over more
than one step flow is followed from picture to picture, which multiplies what is sure.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.compiled import compiled

Flow = NDArray[np.float32]
"""float32 (h, w, 3): for each pixel of a picture how many columns and rows further on it is in another one, and how sure that is, 0..1."""

Corners = tuple[int, int, int, int, np.float32, np.float32]

TOLERANCE = 1.0
"""Pixels by which the way there and back may miss its beginning and is still half trusted, for what stands still."""

TOLERANCE_SHARE = 0.05
"""How much more that is for each pixel of movement."""

LIKENESS = 20.0
"""Grey levels (of 255) by which both ends may differ and are still half trusted. A fade over a second changes half as much in a frame."""

LEAST_SIDE = 16
"""Pictures that are smaller in one direction have no flow: the pyramid of DIS needs some pixels."""


class FlowFinder:
    """Finds the flow between neighbouring pictures, uint8 (h, w). One after the other: it keeps memory of its own."""

    def __init__(self, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> None:
        self._search = cv2.DISOpticalFlow.create(preset)

    def between(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> tuple[Flow, Flow]:
        """From each pixel of the first picture to the second, and the other way round."""
        height, width = first.shape
        ahead, back = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 3), np.float32)
        if min(height, width) >= LEAST_SIDE:
            there = self._search.calc(first, second, np.empty(0))
            here = self._search.calc(second, first, np.empty(0))
        else:
            there = here = np.zeros((height, width, 2), np.float32)
        with_certainty(there, here, first, second, ahead)
        with_certainty(here, there, second, first, back)
        return ahead, back


def through(first: Flow, second: Flow) -> Flow:
    """The flow from a picture by way of another to a third, by the flow to the other and the flow from there."""
    out = np.empty_like(first)
    follow(first, second, out)
    return out


def sure_share(flow: Flow) -> float:
    """The share of a picture whose flow is more sure than not."""
    return float(np.count_nonzero(flow[..., 2] > np.float32(0.5)) / (flow.shape[0] * flow.shape[1]))


@compiled
def corners(x: int, y: int, u: np.float32, v: np.float32, width: int, height: int) -> Corners:
    """Where (x + u, y + v) lies: the columns and rows around it, and how far right and down from the first of each it is.

    What is beyond a border lies on the border.
    """
    there_x = min(max(np.float32(x) + u, np.float32(0)), np.float32(width - 1))
    there_y = min(max(np.float32(y) + v, np.float32(0)), np.float32(height - 1))
    left, top = int(there_x), int(there_y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    return left, right, top, bottom, there_x - np.float32(left), there_y - np.float32(top)


@compiled
def mixed(a: np.float32, b: np.float32, top: tuple[Any, Any], bottom: tuple[Any, Any]) -> Any:
    """The value between four pixels, `a` to the right and `b` down."""
    one = np.float32(1)
    return (one - b) * ((one - a) * top[0] + a * top[1]) + b * ((one - a) * bottom[0] + a * bottom[1])


@compiled
def with_certainty(flow: np.ndarray, opposite: np.ndarray, first: np.ndarray, second: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (h, w, 3) with `flow` (h, w, 2) and how sure it is, by the flow back `opposite` (h, w, 2) and both pictures (h, w)."""
    height, width, _ = flow.shape
    for y in range(height):
        for x in range(width):
            u, v = flow[y, x, 0], flow[y, x, 1]
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = u, v, np.float32(0)
            if x + u < 0 or y + v < 0 or x + u > width - 1 or y + v > height - 1:
                continue
            x0, x1, y0, y1, a, b = corners(x, y, u, v, width, height)
            missed_x = u + mixed(a, b, (opposite[y0, x0, 0], opposite[y0, x1, 0]), (opposite[y1, x0, 0], opposite[y1, x1, 0]))
            missed_y = v + mixed(a, b, (opposite[y0, x0, 1], opposite[y0, x1, 1]), (opposite[y1, x0, 1], opposite[y1, x1, 1]))
            grey = mixed(a, b, (second[y0, x0], second[y0, x1]), (second[y1, x0], second[y1, x1]))
            missed = np.sqrt(missed_x * missed_x + missed_y * missed_y)
            allowed = np.float32(TOLERANCE) + np.float32(TOLERANCE_SHARE) * np.sqrt(u * u + v * v)
            meets = min(np.float32(1), max(np.float32(0), np.float32(1.5) - missed / allowed))
            unlike = abs(grey - np.float32(first[y, x])) * np.float32(1 / LIKENESS)
            out[y, x, 2] = meets * min(np.float32(1), max(np.float32(0), np.float32(1.5) - unlike))


@compiled
def follow(first: np.ndarray, second: np.ndarray, out: np.ndarray) -> None:
    """`through`, into `out`; all (h, w, 3). What leaves the picture goes on as its border does, and is not sure."""
    height, width, _ = first.shape
    for y in range(height):
        for x in range(width):
            u, v, sure = first[y, x, 0], first[y, x, 1], first[y, x, 2]
            x0, x1, y0, y1, a, b = corners(x, y, u, v, width, height)
            for c in range(3):
                out[y, x, c] = mixed(a, b, (second[y0, x0, c], second[y0, x1, c]), (second[y1, x0, c], second[y1, x1, c]))
            out[y, x, 0] += u
            out[y, x, 1] += v
            out[y, x, 2] *= sure


@compiled
def gather(depth: np.ndarray, flow: np.ndarray, weight: float, floor: float, total: np.ndarray, weights: np.ndarray) -> None:
    """Add the depth (h, w) that the flow leads to to `total`, weighted by `weight` and how sure the flow is, but `floor` at least; and
    the weights to `weights`."""
    height, width, _ = flow.shape
    for y in range(height):
        for x in range(width):
            x0, x1, y0, y1, a, b = corners(x, y, flow[y, x, 0], flow[y, x, 1], width, height)
            w = np.float32(weight) * max(flow[y, x, 2], np.float32(floor))
            total[y, x] += w * mixed(a, b, (depth[y0, x0], depth[y0, x1]), (depth[y1, x0], depth[y1, x1]))
            weights[y, x] += w
