"""Render: have one segment rendered by the inference backend, then see to its completion; or send it to one that answers by message."""

from __future__ import annotations

import time

import structlog

from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.manifests import load_manifest
from stereo_spot_runtime.watch import JobWatch
from stereo_spot_shared.errors import InvalidMessage, RetryableError
from stereo_spot_shared.inference import RenderProgress, RenderResult
from stereo_spot_shared.interfaces import AsynchronousBackend, InferenceBackend, ObjectStorage, Platform
from stereo_spot_shared.jobs import Job, Plan, Stage
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.messages import SegmentReady
from stereo_spot_shared.pipeline import STAGES
from video_worker.backends import open_backend
from video_worker.completion import UsedSources, adopt, complete, leaving_nothing_unwanted, settle
from video_worker.dispatch import dispatch, holder_of
from video_worker.segment import Segment
from video_worker.settings import VideoWorkerSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_WANTED = STAGES[Stage.RENDER].statuses
_MANIFESTS_KEPT = 4
_MOMENT_SECONDS = 1.0
"""So old at most is what is known of a job when another of its segments is begun."""


class RenderStage:
    """The handler of the render stage; it keeps the backend, and with it the loaded model, between segments."""

    def __init__(self, settings: VideoWorkerSettings) -> None:
        self._settings = settings
        self._backend: InferenceBackend | AsynchronousBackend | None = None
        self._manifests: dict[str, Manifest] = {}
        self._used = UsedSources()
        self._seen: tuple[Job, float] | None = None

    def __call__(self, message: SegmentReady, context: WorkContext) -> None:
        """Render a segment that is still wanted; does nothing for any other.

        A segment is wanted while its job is being cut or rendered and it is not complete. An object that an earlier
        attempt stored but did not live to record is recorded now, instead of rendering again. Of a segment that was never handed
        out before nothing is looked for; should a queue hand out twice what it calls new, the first completion stands.
        """
        platform, index = context.platform, message.segment_index
        with leaving_nothing_unwanted(platform, message.job_id, index) as ending:
            began_before = message.again or message.failures > 0 or context.redelivered or not self._answers_itself
            # Before the job: read after it, a job that completed and was swept in between would look as if it lacked this segment.
            completion = platform.completions.get(message.job_id, index) if began_before else None
            job = platform.jobs.get(message.job_id) if began_before else self._job(platform, message.job_id)
            if job.status not in _WANTED or job.plan is None:
                ending.job = job
                return
            watch = context.watch(_WANTED)
            with watch.quiet_end():
                segment = self.segment(platform.storage, job, job.plan, index)
                backend = self.backend(platform.storage)
                if completion is None and not (began_before and adopt(segment, context, self._settings)):
                    if isinstance(backend, AsynchronousBackend):
                        dispatch(segment, backend, context, failures=message.failures, look_seconds=self._settings.inference_look_seconds)
                    result = self._render(segment, backend, context, watch)
                    complete(segment, context.attempt_id, result, context, self._settings)
                if isinstance(backend, AsynchronousBackend):
                    platform.slots.free(backend.pool, holder_of(job.job_id, index))  # nobody may have told of its end
                ending.job = settle(segment, context, self._used)
                self._seen = ending.job, time.monotonic()

    def prepare(self, platform: Platform) -> None:
        """Open the backend before the first segment is there, so that a loaded model waits for it and not it for a model.

        Where that fails now, the first segment meets the same error, and waits for what is missing.
        """
        try:
            backend = self.backend(platform.storage)
            if not isinstance(backend, AsynchronousBackend):
                backend.prepare()
        except RetryableError as error:
            log.warning("the backend is not ready yet", error=str(error), hint=error.hint)

    def close(self) -> None:
        """Stop what the backend started."""
        if self._backend is not None:
            self._backend.close()

    def segment(self, storage: ObjectStorage, job: Job, plan: Plan, index: int) -> Segment:
        """The segment by the job's plan; the last few plans are kept, since a worker renders many segments of one job."""
        if plan.plan_id not in self._manifests:
            self._manifests[plan.plan_id] = load_manifest(storage, job.job_id, plan.plan_id)
            if len(self._manifests) > _MANIFESTS_KEPT:
                del self._manifests[next(iter(self._manifests))]
        manifest = self._manifests[plan.plan_id]
        if index >= len(manifest.segments):
            raise InvalidMessage(f"job {job.job_id} has {len(manifest.segments)} segments, and no segment {index}")
        return Segment(job, plan.plan_id, manifest, manifest.segments[index])

    @property
    def _answers_itself(self) -> bool:
        """Whether segments are known to be rendered while this worker waits, so that the queue knows of each attempt."""
        return self._backend is not None and not isinstance(self._backend, AsynchronousBackend)

    def _job(self, platform: Platform, job_id: str) -> Job:
        """The job as it is, or was a moment ago: as the segment before this one left it, while nothing of it that matters can have changed.

        That it is not wanted any more is noticed while it is rendered, and at its end, as of one whose job was read.
        """
        if self._seen is not None:
            job, at = self._seen
            settled = job.job_id == job_id and job.status in _WANTED and not job.params.leaves_depth_open
            if settled and time.monotonic() - at < _MOMENT_SECONDS:
                return job
        return platform.jobs.get(job_id)

    def _render(self, segment: Segment, backend: InferenceBackend, context: WorkContext, watch: JobWatch) -> RenderResult:
        total = len(segment.spec.core)

        def on_progress(progress: RenderProgress) -> None:
            context.progress(min(progress.frames, total), total)

        return backend.render(
            segment.request(context.attempt_id, context.platform.storage),
            on_progress=on_progress,
            should_stop=lambda: context.should_stop() or watch.given_up(),
        )

    def backend(self, storage: ObjectStorage) -> InferenceBackend | AsynchronousBackend:
        """The backend of the settings, opened once. InferenceUnavailable where it cannot be."""
        if self._backend is None:
            self._backend = open_backend(self._settings, storage)
        return self._backend
