"""What a frame's picture may depend on: the windows of everything temporal in rendering, and so the context of segments.

Whatever looks at other frames has finite support. The planner gives each segment as many frames of context as the windows
here add up to, and the renderer looks no further: a frame comes out the same wherever the video was cut.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import NamedTuple

from stereo_spot_shared.rendering import BASIC, DepthProfile, Engine, RenderParams

DEINTERLACE_RADIUS = 1
"""Frames before and after that the deinterlacer looks at."""

CUT_EVIDENCE_BEFORE, CUT_EVIDENCE_AFTER = 2, 1
"""Frames before and after the first one of a shot that tell that it is the first."""


class DepthPlan(NamedTuple):
    """What a profile means. All frames with numbers divisible by `every` are estimated, and those where something new begins."""

    pixels: int
    """About how many pixels an estimator looks at, whatever the shape of the picture."""
    every: int
    span: int
    """Frames before and after a frame from which depth is brought to it."""


DEPTH_PLANS = {
    DepthProfile.FAST: DepthPlan(pixels=252 * 140, every=4, span=6),
    DepthProfile.BALANCED: DepthPlan(pixels=378 * 210, every=4, span=6),
    DepthProfile.QUALITY: DepthPlan(pixels=518 * 294, every=2, span=4),
}

BASIC_EVERY, BASIC_SPAN = 2, 2
"""Of `basic`, whatever the profile: it does not flicker, and takes less time than carrying does."""

RANGE_SECONDS = Fraction(4, 5)
MOST_RANGE_FRAMES = 60

SHOT_SECONDS = Fraction(3, 2)
MOST_SHOT_FRAMES = 120


class Context(NamedTuple):
    """Frames of context before and after a segment's core."""

    before: int
    after: int


def depth_plan(params: RenderParams) -> DepthPlan:
    """What a job's profile means for its depth."""
    plan = DEPTH_PLANS[params.depth_profile]
    return plan._replace(every=BASIC_EVERY, span=BASIC_SPAN) if params.depth == BASIC else plan


def shot_window(rate: Fraction) -> int:
    """Frames before a frame over which what is found for a shot (convergence, floating window) is averaged.

    It is seconds that a person would notice a change in; but no segment should carry more than MOST_SHOT_FRAMES for it.
    """
    return min(MOST_SHOT_FRAMES, max(1, ceil(SHOT_SECONDS * rate)))


def range_window(rate: Fraction) -> int:
    """Frames before an estimated one over which the range of its depth is averaged, for estimators that know depth up to scale and
    shift only."""
    return min(MOST_RANGE_FRAMES, max(1, ceil(RANGE_SECONDS * rate)))


def depth_context(params: RenderParams, rate: Fraction) -> Context:
    """Frames that the depth of a frame depends on.

    Before it: the span, as far back as the range of the first depth frame in it is averaged, up to where the numbers of depth frames
    surely agree again (`every` - 1 frames behind the beginning), and what tells of a cut there. After it: the span, and what tells of a
    cut there. Depth that was brought along is taken as it is, and depends on cuts only; iw3 looks at each frame by itself.
    """
    if params.engine is Engine.IW3:
        return Context(0, 0)
    if params.depth_file:
        return Context(CUT_EVIDENCE_BEFORE, CUT_EVIDENCE_AFTER)
    plan = depth_plan(params)
    window = 0 if params.depth == BASIC else range_window(rate)
    return Context(plan.span + window + plan.every - 1 + CUT_EVIDENCE_BEFORE, plan.span + CUT_EVIDENCE_AFTER)


def context_frames(params: RenderParams, *, interlaced: bool, rate: Fraction) -> Context:
    """How many frames of context a segment carries on each side, for pictures shown at `rate` a second."""
    depth = depth_context(params, rate)
    fields = DEINTERLACE_RADIUS if interlaced else 0
    shot = shot_window(rate) if params.follows_shots else 0
    return Context(depth.before + fields + shot, depth.after + fields)
