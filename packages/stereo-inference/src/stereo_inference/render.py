"""Rendering one segment: the whole of it, from the segment object to the encoded stereo segment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from stereo_inference.depth import DepthEstimator
from stereo_inference.depth.of_video import DEPTH_STAGES, depths_of
from stereo_inference.depth.recorded import RECORDED
from stereo_inference.depth.steady import Seen
from stereo_inference.output import output_format, upright_aspect, upright_size
from stereo_inference.packing import Packer, packer_for
from stereo_inference.stages import Stages
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_inference.video_io.decode import SegmentReader, SourceFrame
from stereo_inference.video_io.encode import segment_writer
from stereo_inference.video_io.encoder_options import shared_pictures
from stereo_inference.video_io.encoder_process import EncoderProcess, Encoding, PictureSlot
from stereo_spot_shared.errors import Interrupted, RenderFailed
from stereo_spot_shared.inference import RenderRequest, RenderResult, StageSeconds
from stereo_spot_shared.timing import Ticks


@dataclass(slots=True)
class Counts:
    """Frames that came to the end of their way: context frames after they helped with depth, the core's encoded."""

    context: int = 0
    encoded: int = 0


def render_segment(
    request: RenderRequest,
    *,
    source: Path,
    output: Path,
    estimator: DepthEstimator,
    encoder: EncoderProcess,
    threads: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RenderResult:
    """Render the segment object `source` to `output` (NUT), which appears whole or not at all.

    A segment may be the whole video: all frames in its core, no context. With `threads` of 1 everything runs in the
    calling thread, stage after stage; with more, the stages overlap in threads of their own and share `threads`
    workers for warping, decoding and encoding. The picture does not depend on it.

    `on_progress` receives the number of frames encoded so far; `should_stop` is asked at every packet and frame, from
    any of the threads, and ends the work with Interrupted. Frames of the core that the source's damage left
    undecodable are reported in the result's `lost`. Raises RenderFailed when frames do not add up, UnsupportedMedia
    when the segment cannot be read, NoSpaceLeft or StorageUnavailable when the result cannot be written.
    """
    started = time.perf_counter()
    reader = SegmentReader(source, request, threads=threads, should_stop=should_stop)
    width, height = upright_size(request.video)
    target = output_format(request.params, request.video)
    counts = Counts()
    times = list(request.segment.core.times())
    with (
        workers(threads) as executor,
        segment_writer(output) as part,
        Stages(overlap=threads > 1) as stages,
        encoder.open(
            part, target,
            times=times, end=end_of(request), pts_offset=request.pts_offset, threads=threads, pictures=shared_pictures(target, threads),
        ) as encoding,
    ):  # fmt: skip
        packer = packer_for(
            request.params, width, height, reader.format, reader.colour,
            aspect=upright_aspect(request.video), active=request.video.active, executor=executor, threads=threads,
        )  # fmt: skip
        frames = stages.run("decode", reader.frames())
        depths = depths_of(frames, estimator, request.params, request.video, stages)
        packed = stages.run("warp", packed_frames(depths, request, packer, encoding, counts))
        for moment, slot in packed:
            if should_stop():
                raise Interrupted("Rendering was asked to stop.")
            counts.encoded += encoding.encode(slot, moment)
            on_progress(counts.encoded)
        counts.encoded += encoding.finish()
        on_progress(counts.encoded)
        if counts.encoded + len(reader.lost) != len(times):
            raise RenderFailed(f"Of {len(times)} frames {counts.encoded} were encoded and {len(reader.lost)} found lost.")
    wall = time.perf_counter() - started
    return RenderResult(
        frames=counts.encoded,
        lost=Ticks.of(reader.lost),
        context=counts.context,
        width=target.stream_width,
        height=target.height,
        codec=encoding.codec,
        fingerprint=encoding.fingerprint,
        sample_aspect_ratio=target.aspect,
        depth=RECORDED if request.params.depth_file else estimator.name,
        bytes=output.stat().st_size,
        seconds=StageSeconds(
            decode=stages.busy_seconds("decode"),
            depth=sum(stages.busy_seconds(name) for name in stages.names if name in DEPTH_STAGES),
            warp=stages.busy_seconds("warp"),
            encode=max(0.0, wall - stages.waited_seconds()),
            wall=wall,
        ),
    )


def packed_frames(
    depths: Iterable[Seen[SourceFrame]], request: RenderRequest, packer: Packer, encoding: Encoding, counts: Counts
) -> Iterator[tuple[int, PictureSlot]]:
    """What the layout shows of every frame of the core, with its time; context frames end here."""
    video = request.video
    placement = ScreenPlacement(request.params, upright_size(video)[0], video.average_rate)
    for seen in depths:
        frame = seen.payload
        screen = placement.next(seen.depth, new_shot=seen.begins_shot)
        if not frame.core:
            counts.context += 1
            continue
        slot = encoding.new_picture()
        packer.pack(frame.picture, DepthField.guided(seen.depth, frame.picture.part(video.active)), screen, slot.picture)
        moment = frame.time
        del seen, frame  # not to be kept while the next is awaited
        yield moment, slot


def end_of(request: RenderRequest) -> int:
    """When the core's last frame stops being shown: at the next frame, or after its own duration at the video's end."""
    following = next(request.segment.after.times(), None)
    if following is not None:
        return following
    *_, last = request.segment.core.times()
    return last + request.last_duration


@contextlib.contextmanager
def workers(threads: int) -> Iterator[Executor | None]:
    """The threads that share the rows of a picture; OpenCV's own are switched off, since stages already overlap."""
    cv2.setNumThreads(1)
    if threads == 1:
        yield None
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="render-rows") as executor:
        yield executor
