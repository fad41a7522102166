"""The whole pipeline, on each platform: real workers as real processes below one supervisor, in their own process group."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import psutil
import pytest

import stereo_spot_aws_adapters.platform
import stereo_spot_local_adapters.platform
from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.moto_server import moto_server
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_runtime.operations import submit
from stereo_spot_runtime.paging import all_completions, all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import DepthProfile, Quality, RenderParams

QUICK = {"segment_seconds": 0.5, "quality": Quality.DRAFT, "depth": "basic", "depth_profile": DepthProfile.QUALITY}
"""Segments that are short, and may be: this depth needs the least context."""

PATIENCE_SECONDS = 420
"""A job that is not over by then hangs. The longest that may be waited for is a death between a move and its message while another message
was held (record 4): a minute until that comes back, three more until what was lost is sent again."""

RUNNER = """
import json, sys, time
from pathlib import Path
from stereo_spot_runtime.supervisor import ProcessSpec, Supervisor
count, logs = int(sys.argv[1]), Path(sys.argv[2])
specs = [
    ProcessSpec("media-worker", [sys.executable, "-m", "media_worker.main"]),
    ProcessSpec("video-worker", [sys.executable, "-m", "video_worker.main"], count=count),
]
with Supervisor(specs, log_dir=logs) as supervisor:
    while True:
        supervisor.poll()
        pids = logs / "pids.json.new"
        pids.write_text(json.dumps(supervisor.pids()))
        pids.replace(logs / "pids.json")
        time.sleep(0.2)
"""


class LocalHome:
    """The embedded platform in a directory."""

    def __init__(self, root):
        self.platform = stereo_spot_local_adapters.platform.open_platform(root / "data")
        self.environment = {"STEREO_SPOT_DATA_DIR": str(root / "data")}


class AwsHome:
    """The AWS platform, with all that it keeps in one account of a server that speaks AWS's API."""

    def __init__(self, server, patch):
        self.server = server
        for name, value in server.environment.items():
            patch.setenv(name, value)
        name = f"test-{secrets.token_hex(4)}"
        self.aws = connect(AwsSettings(prefix=name, bucket=name))
        provision(self.aws)
        self.platform = stereo_spot_aws_adapters.platform.open_platform(self.aws.settings)
        self.environment = {
            **server.environment,
            "STORAGE_ADAPTER": "aws",
            "STEREO_SPOT_AWS_PREFIX": name,
            "STEREO_SPOT_AWS_BUCKET": name,
        }


class Pipeline:
    """A platform and the workers that serve it."""

    def __init__(self, root, home=None):
        self.home = home or LocalHome(root)
        self.platform = self.home.platform
        self.scratch, self.logs = root / "data" / "scratch", root / "logs"
        self.logs.mkdir(parents=True)
        self._runner = None
        self._children = []
        self.seen = {}
        """Attempt ids of all completions that were ever seen, by job and segment."""

    def start(self, *, video_workers=1, **environment):
        settings = {
            **self.home.environment,
            "STEREO_SPOT_SCRATCH_DIR": str(self.scratch),
            "STEREO_SPOT_RENDER_THREADS": "1",
            "STEREO_SPOT_RECEIVE_WAIT_SECONDS": "0.2",
            "STEREO_SPOT_RECONCILE_SECONDS": "2",
            **environment,
        }
        command = [sys.executable, "-c", RUNNER, str(video_workers), str(self.logs)]
        (self.logs / "pids.json").unlink(missing_ok=True)
        self._runner = subprocess.Popen(command, env={**os.environ, **settings}, start_new_session=True)

    def worker(self, name):
        """The process id of a running worker."""
        return json.loads((self.logs / "pids.json").read_text())[name]

    def processes(self):
        """The runner and all that descends from it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._runner.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def kill_group(self):
        """SIGKILL the whole process group; returns when every process below it is gone."""
        family = self.processes()
        os.killpg(self._runner.pid, signal.SIGKILL)
        self._runner.wait()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == [], "a process outlived its group"

    def stop(self):
        if self._runner is not None and self._runner.poll() is None:
            self.kill_group()

    def submit(self, path, **params):
        return submit(self.platform, path, RenderParams(**{**QUICK, **params}))

    def wait(self, job, until):
        """Watch the job until `until(job)`; meanwhile no completion may ever be replaced by another."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until(now := self.platform.jobs.get(job.job_id)):
            assert time.monotonic() < deadline, f"the job hangs: {now}\n{self.log_tails()}"
            assert self._runner is None or self._runner.poll() is None, self.log_tails()
            self.look(job)
            time.sleep(0.05)
        return now

    def look(self, job):
        """Note the completions that stand now."""
        for completion in all_completions(self.platform.completions, job.job_id):
            key = (job.job_id, completion.segment_index)
            assert self.seen.setdefault(key, completion.attempt_id) == completion.attempt_id, "a finished segment was rendered again"

    def finish(self, job):
        """Wait until the job is over and swept."""
        return self.wait(job, lambda now: now.status is JobStatus.FAILED or (now.status.is_final and now.swept))

    def output(self, job, folder):
        """The published file of a completed job."""
        done = self.finish(job)
        assert done.status is JobStatus.COMPLETED, f"{done.error}\n{self.log_tails()}"
        path = folder / f"output-{job.job_id}.{job.params.container}"
        self.platform.storage.get_file(done.result.output_key, path)
        return path

    def keys(self, job):
        return [found.key for found in all_objects(self.platform.storage, keys.job_prefix(job.job_id))]

    def log_tails(self):
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in self.logs.glob("*.log"))


@pytest.fixture(scope="session")
def moto():
    """AWS's API over HTTP."""
    with moto_server() as server:
        yield server


@pytest.fixture
def pipeline(tmp_path):
    """Workers of one's own on the embedded platform, to be started (and killed) by the test."""
    yield from closing(Pipeline(tmp_path))


@pytest.fixture
def pipeline_on_aws(tmp_path, moto, monkeypatch):
    """Workers of one's own on AWS."""
    yield from closing(Pipeline(tmp_path, AwsHome(moto, monkeypatch)))


@pytest.fixture
def pipeline_on_own_aws(tmp_path, monkeypatch):
    """Workers and a server of one's own, which may be told to misbehave."""
    with moto_server() as server:
        yield from closing(Pipeline(tmp_path, AwsHome(server, monkeypatch)))


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """Workers on the embedded platform that run all the time, for tests that harm nobody."""
    pipeline = Pipeline(tmp_path_factory.mktemp("running"))
    pipeline.start(video_workers=2)
    yield from closing(pipeline)


@pytest.fixture(scope="session")
def running_on_aws(tmp_path_factory, moto):
    """The same on AWS."""
    with pytest.MonkeyPatch.context() as patch:
        pipeline = Pipeline(tmp_path_factory.mktemp("running-on-aws"), AwsHome(moto, patch))
        pipeline.start(video_workers=2)
        yield from closing(pipeline)


@pytest.fixture(params=["running", "running_on_aws"])
def everywhere(request):
    """Running workers on each platform in turn."""
    return request.getfixturevalue(request.param)


def closing(pipeline):
    yield pipeline
    pipeline.stop()
    pipeline.platform.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Four seconds with a number in every frame, a keyframe every six, sound and subtitles: eight segments of half a second."""
    path = tmp_path_factory.mktemp("clips") / "scene.mp4"
    scene = Scene(width=160, height=96, rate=Fraction(24))
    return write_clip(
        path,
        Clip(
            scene=scene,
            frames=96,
            options={"g": "6", "preset": "ultrafast"},
            sounds=(Sound(language="eng"), Sound(language="deu")),
            captions=(Captions(((500, 1500, "one"), (2000, 3000, "two")), codec="mov_text", language="eng"),),
        ),
    )


@pytest.fixture(scope="session")
def digest():
    """Of a file: every decoded frame with its time, and every packet of sound."""
    return digest_of


def digest_of(path):
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            digest.update(f"{frame.pts * frame.time_base}".encode() + frame.to_ndarray().tobytes())
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[0]):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.fixture(scope="session")
def undisturbed(running, clip, tmp_path_factory):
    """The digest of what the conversion of the clip gives when nobody is killed."""
    job = running.submit(clip, quality=Quality.LOSSLESS)
    return digest_of(running.output(job, tmp_path_factory.mktemp("undisturbed")))
