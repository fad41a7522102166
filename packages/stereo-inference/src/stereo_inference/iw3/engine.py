"""Rendering one segment by iw3: the same promise as `render.render_segment`, another way to the views."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from stereo_inference.iw3.exchange import read_views, write_copy
from stereo_inference.iw3.installation import Installation
from stereo_inference.iw3.program import run_iw3
from stereo_inference.output import output_format, upright_aspect, upright_size
from stereo_inference.packing import arrangement_for
from stereo_inference.picture import Picture
from stereo_inference.render import end_of, workers
from stereo_inference.video_io.decode import SegmentReader
from stereo_inference.video_io.encode import segment_writer
from stereo_inference.video_io.encoder_options import shared_pictures
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_spot_shared.errors import Interrupted, RenderFailed
from stereo_spot_shared.inference import RenderRequest, RenderResult, StageSeconds
from stereo_spot_shared.timing import Ticks


def render_segment_with_iw3(
    request: RenderRequest,
    *,
    source: Path,
    output: Path,
    installation: Installation,
    encoder: EncoderProcess,
    threads: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RenderResult:
    """Render the segment object `source` to `output` (NUT), which appears whole or not at all.

    Raises what `render_segment` raises, and EngineUnavailable where iw3 is not there or not what it should be.
    """
    params, video = request.params, request.video
    installation.check(params.iw3)
    started = time.perf_counter()
    reader = SegmentReader(source, request, threads=threads, should_stop=should_stop)
    width, height = upright_size(video)
    target = output_format(params, video)
    moments: list[int] = []
    times = list(request.segment.core.times())

    def pictures() -> Iterator[Picture]:
        for frame in reader.frames():
            if frame.core:
                moments.append(frame.time)
                yield frame.picture
                on_progress(0)

    with TemporaryDirectory(prefix="stereo-spot-iw3-", dir=output.parent) as name:
        copy, made = Path(name) / "copy.mkv", Path(name) / "views.mkv"
        count = write_copy(pictures(), copy, reader.colour)
        decoded = time.perf_counter()
        encoded = 0
        if count:
            run_iw3(
                installation, copy, made,
                params=params, bits=reader.format.bits, frames=count, on_life=lambda: on_progress(0), should_stop=should_stop,
            )  # fmt: skip
        rendered = time.perf_counter()
        with (
            workers(threads) as executor,
            segment_writer(output) as part,
            encoder.open(
                part, target, times=times, end=end_of(request), pts_offset=request.pts_offset, threads=threads,
                pictures=shared_pictures(target, threads),
            ) as encoding,
        ):  # fmt: skip
            arrangement = arrangement_for(
                params, width, height, reader.format, reader.colour, aspect=upright_aspect(video), executor=executor, threads=threads
            )
            views = read_views(made, width, height, reader.format, reader.colour) if count else iter(())
            found = 0
            for found, (left, right) in enumerate(views, start=1):
                if should_stop():
                    raise Interrupted("Rendering was asked to stop.")
                if found > count:
                    break
                slot = encoding.new_picture()
                first, second = arrangement.places(slot.picture)
                for place, view in zip((second, first) if params.right_first else (first, second), (left, right), strict=True):
                    view.copy_to(place.picture, place.top, place.left)
                arrangement.finish(slot.picture)
                encoded += encoding.encode(slot, moments[found - 1])
                on_progress(encoded)
            if found != count:
                raise RenderFailed(f"iw3 was given {count} frames and wrote {found}{' or more' if found > count else ''}.")
            encoded += encoding.finish()
            on_progress(encoded)
            if encoded + len(reader.lost) != len(times):
                raise RenderFailed(f"Of {len(times)} frames {encoded} were encoded and {len(reader.lost)} found lost.")
    wall = time.perf_counter() - started
    return RenderResult(
        frames=encoded,
        lost=Ticks.of(reader.lost),
        context=len(request.segment.before) + len(request.segment.after),
        width=target.stream_width,
        height=target.height,
        codec=encoding.codec,
        fingerprint=encoding.fingerprint,
        sample_aspect_ratio=target.aspect,
        depth=f"iw3 {params.iw3.depth_model}, {params.iw3.method}",
        bytes=output.stat().st_size,
        seconds=StageSeconds(
            decode=decoded - started,
            depth=0.0,
            warp=rendered - decoded,
            encode=wall - (rendered - started),
            wall=wall,
        ),
    )
