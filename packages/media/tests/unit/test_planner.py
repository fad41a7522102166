from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_spot_media.planner import DECODE_COST, MAX_OVERHEAD, Presentation, plan_segments
from stereo_spot_media.scan import PacketTable
from stereo_spot_shared.temporal import Context

TIME_BASE = Fraction(1, 1000)


def table(pts, random_access, shown=None):
    return PacketTable(
        pts=np.array(pts, np.int64),
        shown=np.ones(len(pts), bool) if shown is None else np.array(shown, bool),
        random_access=np.array(random_access, bool),
        sizes=np.ones(len(pts), np.int64),
        last_duration=40,
    )


@st.composite
def videos(draw):
    """Packet tables of open and closed GOPs with B-frames, variable and duplicate times, hidden packets, bad starts."""
    pts, keys, shown = [], [], []
    now = draw(st.integers(-5000, 100_000))
    gaps = st.sampled_from([0, 1, 33, 40, 40, 40, 40, 40, 500, 3000])
    for _ in range(draw(st.integers(1, 12))):
        anchors = draw(st.integers(1, 8))
        bs = draw(st.integers(0, 3))
        is_open = draw(st.booleans())
        for anchor in range(anchors):
            leading = bs if (anchor or is_open) else 0
            between = []
            for _ in range(leading):
                between.append(now)
                now += draw(gaps)
            pts += [now, *between]
            keys += [anchor == 0, *[False] * leading]
            shown += [draw(st.integers(0, 9)) > 0, *[draw(st.integers(0, 19)) > 0 for _ in between]]
            now += draw(gaps)
    if draw(st.booleans()):
        keys[0] = False
    if not any(shown):
        shown[0] = True
    return table(pts, keys, shown)


@given(videos(), st.floats(0.5, 20), st.sampled_from([0, 1, 4, 5]))
@settings(max_examples=150, deadline=None)
def test_cores_partition_the_frames_and_context_surrounds_them(video, seconds, context):
    order = Presentation.of(video)
    plan = plan_segments(video, time_base=TIME_BASE, segment_seconds=seconds, context=Context(context, context))
    frames = order.times.tolist()
    assert [time for spec in plan for time in spec.core.times()] == frames
    for index, spec in enumerate(plan):
        begin, end = spec.first_frame, spec.first_frame + len(spec.core)
        assert spec.index == index
        assert end > begin
        assert list(spec.before.times()) == frames[max(0, begin - context) : begin]
        assert list(spec.after.times()) == frames[end : end + context]


@given(videos(), st.floats(0.5, 20), st.sampled_from([0, 1, 4, 5]))
@settings(max_examples=150, deadline=None)
def test_every_frame_of_a_segment_decodes_from_its_packets_alone(video, seconds, context):
    order = Presentation.of(video)
    for spec in plan_segments(video, time_base=TIME_BASE, segment_seconds=seconds, context=Context(context, context)):
        start, stop = spec.packets
        first = spec.first_frame - len(spec.before)
        last = spec.first_frame + len(spec.core) + len(spec.after)
        needed = order.packets[first:last]
        assert needed.min() >= start
        assert needed.max() < stop
        assert start == 0 or video.random_access[start]
        if start > 0:
            assert (video.pts[needed] >= video.pts[start]).all()
        # No frame that would take the place of one of ours comes out of these packets before it.
        coming = np.flatnonzero(video.shown[start:stop]) + start
        coming = coming[np.argsort(video.pts[coming], kind="stable")]
        same = coming[np.isin(video.pts[coming], video.pts[needed])]
        wanted = [packet for packet in same if packet in set(needed.tolist())]
        assert [int(video.pts[p]) for p in wanted] == sorted(int(video.pts[p]) for p in needed)


@given(videos(), st.floats(0.5, 20))
@settings(max_examples=100, deadline=None)
def test_the_plan_is_deterministic(video, seconds):
    plans = [plan_segments(video, time_base=TIME_BASE, segment_seconds=seconds, context=Context(4, 4)) for _ in range(2)]
    assert plans[0] == plans[1]


def constant(frames, keyint):
    return table([40 * n for n in range(frames)], [n % keyint == 0 for n in range(frames)])


def test_cuts_lie_behind_keyframes_where_these_are_near():
    plan = plan_segments(constant(3000, 50), time_base=TIME_BASE, segment_seconds=10, context=Context(4, 4))
    assert len(plan) == 12
    assert all(spec.packets[0] == spec.first_frame - 4 for spec in plan[1:])
    overlap = sum(stop - start for start, stop in (spec.packets for spec in plan)) - 3000
    assert overlap == 8 * 11


def test_intra_only_video_is_cut_exactly_at_the_wanted_length():
    plan = plan_segments(constant(1000, 1), time_base=TIME_BASE, segment_seconds=4, context=Context(4, 4))
    assert [len(spec.core) for spec in plan] == [100] * 10


def test_a_single_keyframe_is_shared_out_at_bounded_cost():
    video = constant(20_000, 10**9)
    plan = plan_segments(video, time_base=TIME_BASE, segment_seconds=20, context=Context(4, 4))
    assert len(plan) >= 5
    for spec in plan:
        share = Fraction(max(0, spec.first_frame - 4) * DECODE_COST, len(spec.core))
        assert share <= (MAX_OVERHEAD * 2 if spec is plan[-1] else MAX_OVERHEAD) + Fraction(1, 100)
    assert max(len(spec.core) for spec in plan) < 20_000 / 2


def test_segments_are_even_and_no_remainder_is_left_over():
    plan = plan_segments(constant(260, 25), time_base=TIME_BASE, segment_seconds=10, context=Context(4, 4))
    assert [len(spec.core) for spec in plan] == [129, 131]
    plan = plan_segments(constant(1260, 1), time_base=TIME_BASE, segment_seconds=10, context=Context(4, 4))
    assert [len(spec.core) for spec in plan] == [210] * 6


def test_a_moved_cut_does_not_move_those_behind_it():
    plan = plan_segments(constant(1440, 100), time_base=TIME_BASE, segment_seconds=6, context=Context(4, 4))
    ends = [spec.first_frame for spec in plan[1:]]
    assert all(abs(end - 144 * (k + 1)) <= 54 for k, end in enumerate(ends))
    assert len(plan) == 10


def test_a_slow_slideshow_is_not_cut_into_pieces_smaller_than_their_context():
    video = table([2000 * n for n in range(100)], [True] * 100)
    plan = plan_segments(video, time_base=TIME_BASE, segment_seconds=2, context=Context(4, 4))
    assert min(len(spec.core) for spec in plan[:-1]) >= 8
    assert len(plan[-1].core) >= 4


def test_one_frame():
    (spec,) = plan_segments(table([77], [True]), time_base=TIME_BASE, segment_seconds=2, context=Context(4, 4))
    assert (list(spec.core.times()), spec.packets, len(spec.before), len(spec.after)) == ([77], (0, 1), 0, 0)


def test_a_long_film_is_planned_in_compact_form():
    video = constant(500_000, 250)
    plan = plan_segments(video, time_base=TIME_BASE, segment_seconds=20, context=Context(4, 4))
    assert sum(len(spec.core.runs) for spec in plan) == len(plan)
