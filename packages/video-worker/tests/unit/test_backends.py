from __future__ import annotations

from fractions import Fraction

import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.errors import InferenceUnavailable, InvalidMessage
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks
from video_worker.backends import open_backend
from video_worker.render import RenderStage
from video_worker.settings import VideoWorkerSettings, inference_environment


def test_an_unknown_backend_is_answered_with_those_there_are(platform):
    with pytest.raises(InferenceUnavailable, match="no inference backend 'sagemakr'; there are: http, local"):
        open_backend(VideoWorkerSettings(inference_backend="sagemakr"), platform.storage)


def test_a_wrong_setting_of_the_worker_fails_no_job(platform, work, job):
    work(RenderStage(VideoWorkerSettings(inference_backend="sagemakr")), job, 0)
    assert platform.jobs.get(job.job_id).status is JobStatus.RENDERING
    assert platform.queues[Stage.RENDER].depth().waiting == 1


@pytest.mark.parametrize("field", ["input_uri", "output_uri"])
@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "s3://bucket/jobs/jobrendered/source", "file:///x/jobs/jobrendered/../../etc/passwd"]
)
def test_a_request_names_objects_of_its_job_and_nothing_else(platform, field, uri):
    video = VideoStream(
        index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
        time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
    )  # fmt: skip
    storage = platform.storage
    request = RenderRequest(
        job_id="jobrendered", attempt_id="a1", input_uri=storage.uri(keys.segment_key("jobrendered", 0, "nut")),
        output_uri=storage.uri(keys.rendered_key("jobrendered", 0, "a1")), video=video, pts_offset=0, last_duration=10,
        segment=SegmentSpec(index=0, first_frame=0, core=Ticks.of([0]), packets=(0, 1)), params=RenderParams(),
    )  # fmt: skip
    backend = open_backend(VideoWorkerSettings(), storage)
    with pytest.raises(InvalidMessage, match="not an object of job"):
        backend.render(request.model_copy(update={field: uri}), on_progress=lambda _: None, should_stop=lambda: False)


def test_the_rendering_process_inherits_what_it_needs_and_no_credentials(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("STEREO_SPOT_RENDER_THREADS", "3")
    environment = inference_environment()
    assert environment["STEREO_SPOT_RENDER_THREADS"] == "3"
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert "PATH" in environment
