"""Measuring depth over time: how steady, how true and how fast it is, by profile, next to what it would be without steadiness."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth import DepthEstimator, estimator_of
from stereo_inference.depth.metrics import DepthJudge, DepthMetrics
from stereo_inference.depth.of_video import DEPTH_STAGES, depths_of, looked_at
from stereo_inference.depth.scale import normalised
from stereo_inference.depth.steady import Looked, carried, estimated, watched
from stereo_inference.memory import keep_pictures
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.render import workers
from stereo_inference.sampling import sample_frames
from stereo_inference.stages import Stages
from stereo_inference.video_io.decode import SourceFrame
from stereo_spot_cli.bench.moody import MoodyTruth
from stereo_spot_media.probe import SourceInfo
from stereo_spot_media.scene import Scene
from stereo_spot_shared.base import Value
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import BASIC, DepthProfile, RenderParams
from stereo_spot_shared.temporal import DEPTH_PLANS, context_frames, depth_plan, range_window

SCENE = Scene(width=1920, height=1080, rate=Fraction(24), cut_frames=37)
SEGMENT_SECONDS = 20

Depth = NDArray[np.float32]


class DepthBenchTask(Value):
    """What is measured: a clip, or (None) the procedural scene, whose depth is known."""

    clip: Path | None
    info: SourceInfo | None
    params: RenderParams
    profiles: tuple[DepthProfile, ...]
    frames: int
    threads: int
    models: Path
    slits: Path | None = None
    """Where the middle columns of all maps go, for a plot (.npz)."""


class DepthRow(Value):
    """One way to depth, judged."""

    estimator: str
    profile: DepthProfile
    way: str
    estimated_share: float
    """Of all frames."""
    metrics: DepthMetrics


class DepthSpeed(Value):
    """What one profile costs, from decoded pictures to depth; milliseconds a frame are busy ones of each stage, which overlap."""

    profile: DepthProfile
    width: int
    height: int
    look: float
    estimate: float
    carry: float
    frames_per_second: float
    context_share: float
    """Frames rendered twice, of all, at segments of SEGMENT_SECONDS."""


class DepthBench(Value):
    """All of it."""

    source: str
    frames: int
    threads: int
    rows: tuple[DepthRow, ...]
    speeds: tuple[DepthSpeed, ...]


def measure_depth(task: DepthBenchTask, report: Callable[[Any], None]) -> DepthBench:
    """Measure; reports the number of steps that are done, of `steps_of`. Runs where hostile media may be opened."""
    keep_pictures()
    rows: list[DepthRow] = []
    speeds: list[DepthSpeed] = []
    slits: dict[str, Depth] = {}
    with workers(1):
        frames, video = list(frames_of(task)), video_of(task)
        report(1)
        estimator = estimator_of(task.params, threads=task.threads, models=task.models)
        for profile in task.profiles:
            params = task.params.model_copy(update={"depth_profile": profile})
            for each in [estimator, MoodyTruth(SCENE)] if task.clip is None else [estimator]:
                rows += judged(each, frames, video, profile, truth=task.clip is None, slits=slits)
                report(1 + len(rows) // 3 + len(speeds))
            speeds.append(speed(estimator, frames, video, params, task.threads))
            report(1 + len(rows) // 3 + len(speeds))
    if task.slits is not None:
        np.savez_compressed(task.slits, allow_pickle=False, **slits)
    return DepthBench(
        source="the procedural scene" if task.clip is None else task.clip.name,
        frames=len(frames), threads=task.threads, rows=tuple(rows), speeds=tuple(speeds),
    )  # fmt: skip


def steps_of(task: DepthBenchTask) -> int:
    """How many steps `measure_depth` reports."""
    return 1 + len(task.profiles) * (3 if task.clip is None else 2)


def video_of(task: DepthBenchTask) -> VideoStream:
    """What the frames belong to."""
    if task.info is not None:
        return task.info.video
    return VideoStream(
        index=0, codec="rawvideo", width=SCENE.width, height=SCENE.height, pixel_format="yuv420p", bit_depth=8,
        time_base=1 / SCENE.rate, average_rate=SCENE.rate, sample_aspect_ratio=Fraction(1),
    )  # fmt: skip


def frames_of(task: DepthBenchTask) -> Iterator[SourceFrame]:
    """The frames that are measured with, as a decoder gives them."""
    if task.clip is not None and task.info is not None:
        seconds = task.info.seconds or Fraction(0)
        whole = (Fraction(0), Fraction(1))
        yield from sample_frames(task.clip, task.info.video, seconds=seconds, places=1, each=task.frames, between=whole)
        return
    form = PIXEL_FORMATS["yuv420p"]
    for number in range(task.frames):
        frame = av.VideoFrame.from_ndarray(SCENE.picture(number), format="rgb24").reformat(format=form.name)
        yield SourceFrame(number, number, True, Picture.view(frame, form))


def judged(
    estimator: DepthEstimator,
    frames: Sequence[SourceFrame],
    video: VideoStream,
    profile: DepthProfile,
    *,
    truth: bool,
    slits: dict[str, Depth],
) -> Iterator[DepthRow]:
    """Three ways to the depth of the same frames: each by itself, held from every k-th to the next, and carried as it is rendered."""
    plan = depth_plan(RenderParams(depth=BASIC, depth_profile=profile)) if estimator.absolute else DEPTH_PLANS[profile]

    def look() -> list[Looked[SourceFrame]]:
        return list(watched(looked_at(frames, estimator, plan.pixels, video), plan))

    seen = look()
    own = [estimator.estimate(frame.rgb[None])[0] for frame in seen]
    alone = [depth if estimator.absolute else normalised(depth) for depth in own]
    held: list[Depth] = []
    for depth, frame in zip(alone, seen, strict=True):
        held.append(depth if frame.index % plan.every == 0 or frame.begins_shot or not held else held[-1])
    window = None if estimator.absolute else range_window(video.average_rate)
    steady = [each.depth for each in carried(estimated(look(), estimator), plan, range_window=window)]
    share = sum(frame.is_depth_frame for frame in seen) / len(seen)
    height, width = seen[0].grey.shape
    truths = [Scene(width, height, SCENE.rate, SCENE.seed, SCENE.cut_frames).depth(f.index) for f in seen] if truth else [None] * len(seen)
    for way, depths, part in (("each by itself", alone, 1.0), ("held", held, 1 / plan.every), ("carried", steady, share)):
        judge = DepthJudge()
        for depth, frame, true in zip(depths, seen, truths, strict=True):
            judge.push(depth, frame.grey, begins_shot=frame.begins_shot, truth=true)
        slits[f"{estimator.name}/{profile}/{way}"] = slit(depths)
        yield DepthRow(estimator=estimator.name, profile=profile, way=way, estimated_share=part, metrics=judge.result())
    if truth:
        slits[f"{estimator.name}/{profile}/truth"] = slit([true for true in truths if true is not None])


def slit(depths: Sequence[Depth]) -> Depth:
    """The middle column of every map, side by side (h, frames): flicker is seen as stripes."""
    return np.stack([depth[:, depth.shape[1] // 2] for depth in depths], axis=1)


def speed(estimator: DepthEstimator, frames: Sequence[SourceFrame], video: VideoStream, params: RenderParams, threads: int) -> DepthSpeed:
    """From pictures to depth, as rendering does it, with its stages overlapping where there are threads for it."""
    plan = depth_plan(params)
    size = estimator.working_size(video.width, video.height, plan.pixels)
    taken_by(estimator, frames[:12], video, params, threads)  # it warms up
    seconds, stages = taken_by(estimator, frames, video, params, threads)
    context = context_frames(params, interlaced=False, rate=video.average_rate)
    look, estimate, carry = (1000 * stages.busy_seconds(stage) / len(frames) for stage in DEPTH_STAGES)
    return DepthSpeed(
        profile=params.depth_profile, width=size[0], height=size[1], look=look, estimate=estimate, carry=carry,
        frames_per_second=len(frames) / seconds,
        context_share=float(sum(context) / (SEGMENT_SECONDS * video.average_rate)) if video.average_rate else 0.0,
    )  # fmt: skip


def taken_by(
    estimator: DepthEstimator, frames: Sequence[SourceFrame], video: VideoStream, params: RenderParams, threads: int
) -> tuple[float, Stages]:
    """Seconds for all frames, and the stages that know how busy they were."""
    with Stages(overlap=threads > 1) as stages:
        started = time.perf_counter()
        for _ in depths_of(frames, estimator, params, video, stages):
            pass
        return time.perf_counter() - started, stages
