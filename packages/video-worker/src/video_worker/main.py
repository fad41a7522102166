"""The video worker as a process: has segments rendered."""

from __future__ import annotations

import sys
from contextlib import closing

from stereo_spot_runtime.consumer import Handler
from stereo_spot_runtime.scratch import remove_abandoned
from stereo_spot_runtime.worker import run_worker
from stereo_spot_shared.jobs import Stage
from video_worker.backends import BACKENDS
from video_worker.render import RenderStage
from video_worker.rendered import RenderedStage
from video_worker.settings import VideoWorkerSettings


def main() -> None:
    """Work until told to stop; the exit status says whether that went well."""
    settings = VideoWorkerSettings()
    remove_abandoned(settings.scratch_dir)
    with closing(RenderStage(settings)) as stage:
        handlers: dict[Stage, Handler] = {Stage.RENDER: stage}
        if settings.inference_backend not in BACKENDS:  # ours answer by themselves; one that a package brings may do so by message
            handlers[Stage.RENDERED] = RenderedStage(settings, stage)
        status = run_worker("video-worker", handlers, prepare=stage.prepare)
    sys.exit(status)


if __name__ == "__main__":
    main()
