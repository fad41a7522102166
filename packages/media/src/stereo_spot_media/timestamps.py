"""Exact arithmetic on times: decoding times from presentation times, offsets, rescaling between time bases.

A time is an integer count of ticks; a tick lasts `time_base` seconds (a Fraction). Nothing here rounds unless its
name says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

MAX_REORDER = 16
"""Pictures that a decoder may hold back at most, in any codec that we know (H.264 and H.265: 16)."""

Times = NDArray[np.int64]


class InexactTime(ValueError):
    """A time that has no whole number of ticks in the time base asked for."""


def regenerate_dts(pts: Sequence[int] | Times, *, time_base: Fraction, depth: int | None = None) -> list[int]:
    """Decoding times for packets whose presentation times are given in decoding order.

    `dts[i] = sorted(pts)[i - D]` with D the reorder depth (the smallest that keeps every dts <= its pts), the first
    D extrapolated backwards, then made strictly increasing from the back, which lowers duplicates by single ticks.
    Source DTS are not used since they break on variable frame rate and on duplicate times. The result is strictly
    increasing, nowhere above its pts, and begins less than `lead_in(time_base)` ticks before the first picture.

    `depth` asks for a deeper D than these packets need (so that neighbours agree); ValueError when it is too small.
    """
    order = np.asarray(pts, dtype=np.int64)
    if order.size == 0:
        return []
    shown = np.sort(order)
    needed = reorder_depth(order, shown)
    used = needed if depth is None else depth
    if used < needed:
        raise ValueError(f"these packets are reordered by {needed} pictures, more than the {used} stated")
    step = extrapolation_step(shown, time_base)
    head = shown[0] - step * np.arange(used, 0, -1, dtype=np.int64)
    dts = np.concatenate([head, shown])[: order.size]
    return [int(value) for value in strictly_increasing(dts)]


def reorder_depth(pts: Sequence[int] | Times, shown: Times | None = None) -> int:
    """By how many pictures presentation lags behind decoding, at the worst place."""
    order = np.asarray(pts, dtype=np.int64)
    if order.size == 0:
        return 0
    shown = np.sort(order) if shown is None else shown
    rank = np.searchsorted(shown, order, side="right")
    return int(max(0, (np.arange(1, order.size + 1) - rank).max()))


def extrapolation_step(shown: Times, time_base: Fraction) -> int:
    """Ticks between invented decoding times before the first picture: the first gap, at most 1/16 s."""
    longest = max(1, int(Fraction(1, MAX_REORDER) / time_base))
    gaps = np.diff(shown[: MAX_REORDER + 1])
    gap = int(gaps[gaps > 0][0]) if (gaps > 0).any() else longest
    return min(gap, longest)


def strictly_increasing(dts: Times) -> Times:
    """Lower values, from the last to the first, until each is below its successor: min(d[i], d[i+1] - 1)."""
    index = np.arange(dts.size, dtype=np.int64)
    lowered: Times = np.minimum.accumulate((dts - index)[::-1])[::-1] + index
    return lowered


def lead_in(time_base: Fraction) -> int:
    """Ticks that keep every regenerated DTS of a segment positive: a second, or 64 ticks of a coarse clock."""
    return max(math.ceil(1 / time_base), 4 * MAX_REORDER)


def container_offset(first_pts: int, time_base: Fraction) -> int:
    """The one offset, in ticks, that all segments of a video add to every time (`Manifest.pts_offset`)."""
    return lead_in(time_base) - min(0, first_pts)


def rescale_exact(ticks: int, source: Fraction, target: Fraction) -> int:
    """`ticks` of `source` in ticks of `target`; InexactTime when that is not a whole number."""
    value = ticks * source / target
    if value.denominator != 1:
        raise InexactTime(f"{ticks} ticks of {source} s are not a whole number of ticks of {target} s")
    return value.numerator


def rescale_nearest(ticks: int, source: Fraction, target: Fraction) -> int:
    """`ticks` of `source` in ticks of `target`, to the nearest (halves up), as containers with a coarse clock do."""
    return math.floor(ticks * source / target + Fraction(1, 2))


def durations(times: Sequence[int], end: int) -> list[int]:
    """How long each picture of a presentation-ordered list is shown, the last one until `end` (never negative)."""
    following = [*times[1:], end]
    return [max(0, after - now) for now, after in zip(times, following, strict=True)]


def typical_step(times: Iterable[int], default: int) -> int:
    """The median positive gap of presentation-ordered times; `default` when there is none."""
    gaps = np.diff(np.fromiter(times, dtype=np.int64))
    positive = gaps[gaps > 0]
    return int(np.median(positive)) if positive.size else default
