"""A real embedded platform, a real small video, and the handlers behind the real consumer."""

from __future__ import annotations

import sys
import threading
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from media_worker.chunk import chunk
from media_worker.ingest import ingest
from media_worker.reassemble import reassemble
from media_worker.rendition import rendition
from media_worker.settings import MediaWorkerSettings
from media_worker.sweep import sweep
from stereo_inference.depth import load_estimator
from stereo_inference.render import render_segment
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_runtime.advance import advance
from stereo_spot_runtime.consumer import QueueConsumer
from stereo_spot_runtime.manifests import load_manifest
from stereo_spot_runtime.operations import submit
from stereo_spot_shared import keys
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import SegmentCompletion, Stage, new_attempt_id
from stereo_spot_shared.rendering import Quality, RenderParams

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode does not: plain modules beside this file are helpers of tests

FRAMES = 36


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A video of 36 frames at 24 a second, a keyframe every six, with sound: three segments of half a second."""
    path = tmp_path_factory.mktemp("clips") / "a scene.mp4"
    scene = Scene(width=96, height=64, rate=Fraction(24))
    return write_clip(path, Clip(scene=scene, frames=FRAMES, options={"g": "6", "preset": "ultrafast"}, sounds=(Sound(language="eng"),)))


@pytest.fixture
def platform(tmp_path):
    platform = open_platform(tmp_path / "data")
    yield platform
    platform.close()


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


@pytest.fixture
def job(platform, clip):
    return submit(platform, clip, RenderParams(segment_seconds=0.5, quality=Quality.DRAFT, depth="basic", depth_profile="quality"))


@pytest.fixture
def submit_clip(platform, tmp_path):
    """Submit a small video of two segments that is made for the occasion: `submit_clip(parameters, scene=…, captions=…)`."""

    def submit_clip(params=None, *, suffix="mkv", **properties):
        clip = Clip(**{"scene": Scene(width=96, height=64, rate=Fraction(24)), "frames": 24, "options": {"g": "6"}, **properties})
        defaults = {"segment_seconds": 0.5, "quality": Quality.DRAFT, "depth": "basic", "depth_profile": "quality"}
        return submit(platform, write_clip(tmp_path / f"clip.{suffix}", clip), RenderParams(**{**defaults, **(params or {})}))

    return submit_clip


@pytest.fixture
def settings(scratch):
    return MediaWorkerSettings(scratch_dir=scratch, ingest=IngestPolicy.PRIVATE)


@pytest.fixture
def work(settings):
    """Have the next message of a stage handled by the real consumer; returns whether there was one."""
    handlers = {
        Stage.INGEST: partial(ingest, settings=settings),
        Stage.CHUNK: partial(chunk, settings=settings),
        Stage.REASSEMBLE: partial(reassemble, settings=settings),
        Stage.SWEEP: sweep,
        Stage.RENDITION: partial(rendition, settings=settings),
    }

    def work(platform, stage, stop=None):
        def hung(_):
            raise AssertionError("a handler hangs")

        consumer = QueueConsumer(stage, handlers[stage], platform, worker="tester", stop=stop or threading.Event(), on_hung=hung)
        deliveries = platform.queues[stage].receive()
        for delivery in deliveries:
            consumer.handle(delivery)
        return bool(deliveries)

    return work


@pytest.fixture(scope="session")
def encoder():
    """The process that encodes for all tests."""
    with EncoderProcess() as process:
        yield process


@pytest.fixture
def render(platform, tmp_path, encoder):
    """Render a segment without a video worker, and record it."""

    def render(job, index, **changes):
        manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
        spec = manifest.segments[index]
        source, output, attempt = tmp_path / f"in-{index}", tmp_path / f"out-{index}.nut", new_attempt_id()
        platform.storage.get_file(keys.segment_key(job.job_id, index, manifest.segment_container), source)
        request = RenderRequest(
            job_id=job.job_id, attempt_id=attempt, input_uri=source.as_uri(), output_uri=output.as_uri(), video=manifest.video,
            pts_offset=manifest.pts_offset, last_duration=manifest.last_duration, segment=spec, params=job.params,
        )  # fmt: skip
        result = render_segment(request, source=source, output=output, estimator=load_estimator("basic"), encoder=encoder)
        stored = platform.storage.put_file(output, keys.rendered_key(job.job_id, index, attempt))
        fields = {
            "job_id": job.job_id, "segment_index": index, "plan_id": job.plan.plan_id, "attempt_id": attempt,
            "object_key": stored.key, "etag": stored.etag, "bytes": stored.size, "worker": "tester",
            **{name: getattr(result, name) for name in (
                "frames", "lost", "context", "width", "height", "fingerprint", "sample_aspect_ratio", "depth", "seconds",
            )},
        }  # fmt: skip
        return platform.completions.put(SegmentCompletion(**{**fields, **changes}))

    return render


@pytest.fixture
def convert(platform, work, render):
    """Take a job to its end, all but the sweep."""

    def convert(job):
        work(platform, Stage.CHUNK)
        job = platform.jobs.get(job.job_id)
        for index in range(job.plan.segment_count):
            render(job, index)
        advance(platform, job.job_id)
        work(platform, Stage.REASSEMBLE)
        return platform.jobs.get(job.job_id)

    return convert


@pytest.fixture
def all_keys(platform):
    """Keys of all objects of a job."""

    def all_keys(job_id):
        return [found.key for found in platform.storage.list(keys.job_prefix(job_id)).objects]

    return all_keys


class HookedStorage:
    """The real storage, with something happening at each put (a fault, or another actor that is faster)."""

    def __init__(self, storage, hook):
        self._storage, self._hook = storage, hook

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def put_file(self, path, key, *, if_absent=False):
        self._hook(key)
        return self._storage.put_file(path, key, if_absent=if_absent)


@pytest.fixture
def hooked(platform):
    """The platform, with `hook(key)` called before each file is stored."""
    from dataclasses import replace

    return lambda hook: replace(platform, storage=HookedStorage(platform.storage, hook))
