"""One segment of one job, with what rendering and completing it need to know."""

from __future__ import annotations

from dataclasses import dataclass

from stereo_spot_shared import keys
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_shared.jobs import Job
from stereo_spot_shared.manifest import Manifest, SegmentSpec


@dataclass(frozen=True)
class Segment:
    """A segment of a job whose plan is `manifest`."""

    job: Job
    plan_id: str
    manifest: Manifest
    spec: SegmentSpec

    @property
    def source_key(self) -> str:
        """Of the object that chunking wrote."""
        return keys.segment_key(self.job.job_id, self.spec.index, self.manifest.segment_container)

    @property
    def rendered_prefix(self) -> str:
        """Of everything that attempts at this segment wrote."""
        return keys.rendered_prefix(self.job.job_id, self.spec.index)

    def rendered_key(self, attempt_id: str) -> str:
        """Of the object that an attempt wrote."""
        return keys.rendered_key(self.job.job_id, self.spec.index, attempt_id)

    def answer_key(self, attempt_id: str) -> str:
        """Of what the backend said of that object."""
        return keys.answer_key(self.job.job_id, self.spec.index, attempt_id)

    def request(self, attempt_id: str, storage: ObjectStorage) -> RenderRequest:
        """What the backend is asked."""
        return RenderRequest(
            job_id=self.job.job_id,
            attempt_id=attempt_id,
            input_uri=storage.uri(self.source_key),
            output_uri=storage.uri(self.rendered_key(attempt_id)),
            video=self.manifest.video,
            pts_offset=self.manifest.pts_offset,
            last_duration=self.manifest.last_duration,
            segment=self.spec,
            params=self.job.params,
        )
