"""Render a whole video as one segment in one process: what the pipeline is compared with.

Run as a program (`python -m stereo_spot_cli.bench.whole CLIP OUTPUT SEGMENT_SECONDS THREADS`); prints the RenderResult as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stereo_inference.depth import estimator_of
from stereo_inference.memory import keep_pictures
from stereo_inference.render import render_segment
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_spot_media.planning import make_manifest
from stereo_spot_shared.inference import RenderRequest, RenderResult
from stereo_spot_shared.manifest import SegmentSpec
from stereo_spot_shared.rendering import BASIC, RenderParams


def render_whole(clip: Path, output: Path, *, params: RenderParams, threads: int) -> RenderResult:
    """Scan the clip, then render all of its frames as the core of one segment, straight from the file."""
    keep_pictures()
    with EncoderProcess() as encoder:
        manifest = make_manifest(clip, "bench", params)
        request = RenderRequest(
            job_id="benchmark",
            attempt_id="benchmark",
            input_uri=clip.as_uri(),
            output_uri=output.as_uri(),
            video=manifest.video,
            pts_offset=0,
            last_duration=manifest.last_duration,
            segment=SegmentSpec(index=0, first_frame=0, core=manifest.frames, packets=(0, manifest.segments[-1].packets[1])),
            params=params,
        )
        estimator = estimator_of(params, threads=threads)
        return render_segment(request, source=clip, output=output, estimator=estimator, encoder=encoder, threads=threads)


def main() -> None:
    """Entry point of the program."""
    clip, output, segment_seconds, threads = sys.argv[1:]
    result = render_whole(
        Path(clip).absolute(),
        Path(output).absolute(),
        params=RenderParams(segment_seconds=float(segment_seconds), depth=BASIC),
        threads=int(threads),
    )
    sys.stdout.write(result.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
