"""Rendered: an asynchronous backend has answered; what it stored is recorded, or it is tried again."""

from __future__ import annotations

from stereo_spot_runtime.context import WorkContext
from stereo_spot_shared.errors import RenderFailed
from stereo_spot_shared.interfaces import AsynchronousBackend
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.messages import SegmentRendered
from stereo_spot_shared.pipeline import STAGES
from video_worker.completion import UsedSources, adopt, leaving_nothing_unwanted, settle
from video_worker.dispatch import holder_of, note_failure
from video_worker.render import RenderStage
from video_worker.settings import VideoWorkerSettings

_WANTED = STAGES[Stage.RENDER].statuses


class RenderedStage:
    """The handler of the stage `rendered`, beside the one that sends segments away."""

    def __init__(self, settings: VideoWorkerSettings, rendering: RenderStage) -> None:
        self._settings = settings
        self._rendering = rendering
        self._used = UsedSources()

    def __call__(self, message: SegmentRendered, context: WorkContext) -> None:
        """Record what an attempt stored, or have the segment tried again; does nothing for a segment that nobody waits for any more."""
        platform, index = context.platform, message.segment_index
        backend = self._rendering.backend(platform.storage)
        if isinstance(backend, AsynchronousBackend):
            platform.slots.free(backend.pool, holder_of(message.job_id, index))
        with leaving_nothing_unwanted(platform, message.job_id, index) as ending:
            completion = platform.completions.get(message.job_id, index)
            job = platform.jobs.get(message.job_id)
            if job.status not in _WANTED or job.plan is None:
                return
            segment = self._rendering.segment(platform.storage, job, job.plan, index)
            watch = context.watch(_WANTED)
            with watch.quiet_end():
                if completion is not None or adopt(segment, context, self._settings):
                    ending.job = settle(segment, context, self._used)
                    return
            error = (
                message.problem.error()
                if message.problem
                else RenderFailed("The backend says that it is rendered, and stored nothing sound.")
            )
            note_failure(message, error, platform)
