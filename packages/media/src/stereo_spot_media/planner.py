"""Where to cut: shares a video out into segments whose cores partition its frames.

The cost model. Rendering a frame costs 1. Decoding a frame only to throw it away costs DECODE_COST. A segment whose
core begins at frame s must decode from the last random-access point from which the context before s is right; what
lies between is its *pre-roll*. A core that begins exactly as many frames behind a random-access point has none.

The ideal positions share the video out evenly into as few segments as are no longer than was asked for, so that no
worker is left with a long last one. A cut is placed where there is no pre-roll if one such place lies within half a
segment of the ideal position, and otherwise at the ideal position itself; but then the segment must be long enough
that its pre-roll costs at most MAX_OVERHEAD of its rendering. A source with a single keyframe is thereby still shared
out, in segments that grow geometrically, and the extra decoding of the whole video stays below that share.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stereo_spot_media.scan import PacketTable
from stereo_spot_media.timestamps import Times
from stereo_spot_shared.manifest import SegmentSpec
from stereo_spot_shared.temporal import Context
from stereo_spot_shared.timing import Ticks

DECODE_COST = Fraction(15, 100)
"""Of decoding a frame, relative to rendering it (decode, depth, warp, encode)."""
MAX_OVERHEAD = Fraction(25, 100)
"""Share of a segment's rendering that its pre-roll may cost."""

Frames = NDArray[np.int64]


def plan_segments(
    table: PacketTable, *, time_base: Fraction, segment_seconds: float, context: Context, wanted: range | None = None
) -> tuple[SegmentSpec, ...]:
    """Share the shown frames of `table` (of them only those that are `wanted`, in order of presentation) out into even segments of
    `segment_seconds` or a little less.

    The cores, half-open and in order, hold every such frame exactly once. `context` frames stand before and after
    each core as far as the video has them. Every frame of a segment's `before`, `core` and `after` is decodable
    from the packets `[packets[0], packets[1])` alone. Same table, same plan.
    """
    order = Presentation.of(table, wanted)
    length = even_length(order, max(1, int(Fraction(segment_seconds) / time_base)))
    cuts = [order.wanted.start]
    while (cut := next_cut(order, cuts[-1], length, context)) < order.wanted.stop:
        cuts.append(cut)
    ends = [*cuts[1:], order.wanted.stop]
    plan: list[SegmentSpec] = []
    for begin, end in zip(cuts, ends, strict=True):
        plan.append(segment(order, begin, end, context, plan[-1] if plan else None))
    return tuple(plan)


@dataclass(frozen=True)
class Presentation:
    """The shown frames in the order in which they are shown, and from where each can be decoded."""

    times: Times
    """Presentation times."""
    packets: Frames
    """The packet of each frame."""
    starts: Frames
    """Random-access packets, in order."""
    valid_from: Frames
    """For each of them, the first frame from which on decoding that starts there is right (non-decreasing)."""
    shown: NDArray[np.bool_]
    """Of each packet, as in the table."""
    wanted: range
    """The frames that are to be rendered."""

    @classmethod
    def of(cls, table: PacketTable, wanted: range | None = None) -> Presentation:
        """Sort a table's shown packets. Equal times keep their decoding order."""
        shown = np.flatnonzero(table.shown)
        packets = shown[np.argsort(table.pts[shown], kind="stable")].astype(np.int64)
        times = table.pts[packets]
        starts = np.flatnonzero(table.random_access).astype(np.int64)
        # Right from start K on are frames not shown before it (open GOP) and all of whose successors are coded behind it.
        earliest_behind = np.minimum.accumulate(packets[::-1])[::-1]
        by_order = np.searchsorted(earliest_behind, starts, side="left")
        by_time = np.searchsorted(times, table.pts[starts], side="left")
        valid = np.maximum.accumulate(np.maximum(by_order, by_time)) if starts.size else starts
        return cls(times, packets, starts, valid.astype(np.int64), table.shown, wanted or range(len(times)))

    def start_for(self, frame: int) -> tuple[int, int]:
        """The last packet from which `frame` and all behind it decode, and the first frame that is right from there.

        The beginning of the video where there is no such point: it is as right there as it gets.
        """
        at = int(np.searchsorted(self.valid_from, frame, side="right")) - 1
        return (0, 0) if at < 0 else (int(self.starts[at]), int(self.valid_from[at]))

    def preroll(self, begin: int, context: Context) -> int:
        """Frames that a core beginning at `begin` decodes only to throw them away."""
        needed = max(0, begin - context.before)
        return needed - self.start_for(needed)[1]


def even_length(order: Presentation, longest: int) -> int:
    """The ticks of a segment when the video is shared out evenly into segments of at most `longest` ticks."""
    span = int(order.times[order.wanted[-1]] - order.times[order.wanted[0]])
    return max(1, -(-span // max(1, -(-span // longest))))


def next_cut(order: Presentation, begin: int, length: int, context: Context) -> int:
    """The frame at which the core that begins at `begin` ends; the one behind the last at the end of what is wanted."""
    total = order.wanted.stop
    least = least_frames(order, begin, context)
    ideal = max(ideal_cut(order, begin, length), begin + least)
    low = max(frame_at(order, begin, length // 2), begin + max(1, least // 2))
    high = ideal + (ideal - begin) // 2
    free = order.valid_from + context.before
    near = free[np.searchsorted(free, low, side="left") : np.searchsorted(free, high, side="right")]
    cut = int(near[np.argmin(np.abs(near - ideal))]) if near.size else ideal
    if cut >= total:
        return total
    rest_is_short = frame_at(order, cut, length // 2) >= total or total - cut < least_frames(order, cut, context) // 2
    return total if rest_is_short else cut


def ideal_cut(order: Presentation, begin: int, length: int) -> int:
    """The first frame at the next multiple of `length` from the start that is at least half of it away.

    Counted from the first wanted frame and not from `begin`: what one cut was moved by is not handed on to the next.
    """
    first = order.wanted.start
    since_start = int(order.times[begin] - order.times[first])
    return frame_at(order, first, (since_start + length + length // 2) // length * length)


def least_frames(order: Presentation, begin: int, context: Context) -> int:
    """The frames that a core beginning at `begin` should have to be worth its context and its pre-roll."""
    return max(1, context.before + context.after, int(order.preroll(begin, context) * DECODE_COST / MAX_OVERHEAD))


def frame_at(order: Presentation, begin: int, ticks: int) -> int:
    """The first frame behind `begin` that is shown `ticks` after it or later."""
    return max(begin + 1, int(np.searchsorted(order.times, order.times[begin] + ticks, side="left")))


def segment(order: Presentation, begin: int, end: int, context: Context, previous: SegmentSpec | None) -> SegmentSpec:
    """The segment with core `[begin, end)`; its packets end no earlier than the previous one's, so that segments finish in order."""
    first, last = max(0, begin - context.before), min(len(order.times), end + context.after)
    stop = max(previous.packets[1] if previous else 0, int(order.packets[first:last].max()) + 1)
    while stop < len(order.shown) and not order.shown[stop]:
        stop += 1  # the second field of the last frame, or something hidden
    return SegmentSpec(
        index=previous.index + 1 if previous else 0,
        first_frame=begin,
        before=Ticks.of(order.times[first:begin].tolist()),
        core=Ticks.of(order.times[begin:end].tolist()),
        after=Ticks.of(order.times[end:last].tolist()),
        packets=(order.start_for(first)[0], stop),
    )
