"""Rendition: make a version of a finished video that every browser plays, when somebody asks for it."""

from __future__ import annotations

import contextlib

from media_worker.attempt import Attempt
from media_worker.settings import MediaWorkerSettings
from media_worker.source import exists
from media_worker.sweep import leaving_nothing_unwanted
from media_worker.tasks import RenditionTask
from stereo_spot_media.sandbox import ChildLimits
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_shared import keys
from stereo_spot_shared.errors import Conflict, NotFound, VerificationFailed
from stereo_spot_shared.jobs import JobResult, JobStatus, Stage
from stereo_spot_shared.messages import Message

BASE_BYTES = 4 * 1024**3
PICTURES = 40
"""Pictures of the output that decoder and encoder may hold together, each with 6 bytes a pixel (10 bit without subsampling)."""


def rendition(message: Message, context: WorkContext, *, settings: MediaWorkerSettings) -> None:
    """Make and store the rendition of a completed job that has none; does nothing for any other job.

    Of two attempts at once the first stands. A job that is deleted meanwhile ends the work quietly. Nothing that goes wrong here
    changes the job: it is completed, whatever a browser can play.
    """
    platform = context.platform
    with leaving_nothing_unwanted(platform, message.job_id):
        job = platform.jobs.get(message.job_id)
        if job.status is not JobStatus.COMPLETED or job.result is None or exists(platform.storage, keys.rendition_key(job.job_id)):
            return
        attempt = Attempt(context, job, Stage.RENDITION)
        with attempt.watch.quiet_end():
            _make(attempt, job.result, settings)


def _make(attempt: Attempt, result: JobResult, settings: MediaWorkerSettings) -> None:
    job, storage = attempt.job, attempt.context.platform.storage
    with attempt_directory(settings.scratch_dir) as scratch:
        # The output, and a rendition that is hardly ever larger.
        require_free(scratch, 2 * result.bytes, f"the version for browsers of {job.source.name}")
        task = RenditionTask(output=scratch / f"output.{job.params.container.value}", rendition=scratch / "rendition.mp4")
        try:
            storage.get_file(result.output_key, task.output)
        except NotFound as error:
            raise VerificationFailed(f"The output of {job.source.name} is no longer in storage.", hint="Submit the video again.") from error
        attempt.in_child(
            "media_worker.tasks:render_for_browsers",
            task,
            returns=type(None),
            on_progress=lambda frames: attempt.context.progress(frames, result.frames),
            limits=ChildLimits(address_space=BASE_BYTES + PICTURES * 6 * result.width * result.height),
        )
        if attempt.watch.still_wanted():
            with contextlib.suppress(Conflict):  # another attempt was first: both made the same
                storage.put_file(task.rendition, keys.rendition_key(job.job_id), if_absent=True)
