"""The video worker as a process: has segments rendered."""

from __future__ import annotations

import sys
from contextlib import closing

from stereo_spot_runtime.scratch import remove_abandoned
from stereo_spot_runtime.worker import run_worker
from stereo_spot_shared.jobs import Stage
from video_worker.render import RenderStage
from video_worker.settings import VideoWorkerSettings


def main() -> None:
    """Work until told to stop; the exit status says whether that went well."""
    settings = VideoWorkerSettings()
    remove_abandoned(settings.scratch_dir)
    with closing(RenderStage(settings)) as stage:
        status = run_worker("video-worker", {Stage.RENDER: stage}, prepare=stage.prepare)
    sys.exit(status)


if __name__ == "__main__":
    main()
