"""A real embedded platform with a job that is cut, and the render stage behind the real consumer."""

from __future__ import annotations

import sys
import threading
from fractions import Fraction

import pytest

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.planning import make_manifest
from stereo_spot_media.scene import Scene
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.consumer import QueueConsumer
from stereo_spot_runtime.manifests import store_manifest
from stereo_spot_runtime.operations import submit
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.jobs import Plan, Stage
from stereo_spot_shared.messages import SegmentReady
from stereo_spot_shared.pipeline import note_cut, start_chunking, start_rendering
from stereo_spot_shared.rendering import Quality, RenderParams
from video_worker.render import RenderStage
from video_worker.settings import VideoWorkerSettings


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A video of 24 frames at 24 a second, a keyframe every six: two segments of half a second."""
    path = tmp_path_factory.mktemp("clips") / "scene.mp4"
    scene = Scene(width=96, height=64, rate=Fraction(24))
    return write_clip(path, Clip(scene=scene, frames=24, options={"g": "6", "preset": "ultrafast"}))


@pytest.fixture
def platform(tmp_path):
    platform = open_platform(tmp_path / "data")
    yield platform
    platform.close()


@pytest.fixture
def job(platform, clip, tmp_path):
    """A job that is being rendered; its messages are not in the queue."""
    job = submit(platform, clip, RenderParams(segment_seconds=0.5, quality=Quality.DRAFT, depth="basic", depth_profile="quality"))
    folder = tmp_path / "cut"
    folder.mkdir()
    manifest, plan_id = store_manifest(platform.storage, job.job_id, make_manifest(clip, job.source.etag, job.params))
    for cut in cut_segments(clip, manifest, folder):
        platform.storage.put_file(cut.path, keys.segment_key(job.job_id, cut.index, manifest.segment_container))
    count = len(manifest.segments)
    plan = Plan(plan_id=plan_id, segment_count=count, frame_count=manifest.frame_count, duration=manifest.duration)
    update_job(platform, job.job_id, lambda j: start_chunking(j, now=utc_now()).evolve(plan=plan, sent=count))
    update_job(platform, job.job_id, lambda j: start_rendering(note_cut(j, count), now=utc_now()))
    return advance(platform, job.job_id)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="session")
def real_process(scratch):
    """A stage with the real rendering process, which stays loaded for all tests."""
    stage = RenderStage(VideoWorkerSettings(scratch_dir=scratch))
    yield stage
    stage.close()


@pytest.fixture
def stage(real_process, platform):
    """That stage, on this test's platform."""
    if real_process._backend is not None:
        real_process._backend._storage = platform.storage
    return real_process


@pytest.fixture
def stage_with(scratch):
    """A stage with another backend, or with one whose command is this Python program."""
    made = []

    def stage_with(backend=None, *, program=None):
        command = (sys.executable, "-c", program or "raise SystemExit('nothing is to be rendered here')")
        stage = RenderStage(VideoWorkerSettings(scratch_dir=scratch, inference_command=command))
        stage._backend = backend
        made.append(stage)
        return stage

    yield stage_with
    for stage in made:
        stage.close()


@pytest.fixture
def work(platform):
    """Send a SegmentReady (or take the one that waits) and have it handled by the real consumer, with the given stage."""

    def work(stage, job, index=0, *, on=None, send=True):
        def hung(_):
            raise AssertionError("a handler hangs")

        on = on or platform
        if send:
            platform.queues[Stage.RENDER].send(SegmentReady(job_id=job.job_id, segment_index=index).encode())
        consumer = QueueConsumer(Stage.RENDER, stage, on, worker="tester", stop=threading.Event(), on_hung=hung)
        (delivery,) = on.queues[Stage.RENDER].receive()
        consumer.handle(delivery)

    return work


@pytest.fixture
def rendered_keys(platform):
    def rendered_keys(job, index=0):
        return [found.key for found in platform.storage.list(keys.rendered_prefix(job.job_id, index)).objects]

    return rendered_keys
