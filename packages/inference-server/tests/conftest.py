"""A real server on a real platform; its rendering process is the real one, or a small program that does as it is told."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
import uvicorn

from stereo_spot_inference_server.app import create_app
from stereo_spot_inference_server.device import Device
from stereo_spot_inference_server.renders import Renders
from stereo_spot_inference_server.settings import ServerSettings
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared import keys
from stereo_spot_shared.inference import RenderRequest, RenderResult
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks
from video_worker.backends.local import LocalBackend
from video_worker.settings import VideoWorkerSettings

JOB = "jobrendered"

RESULT = RenderResult(frames=3, width=32, height=16, codec="h264", fingerprint="f", depth="basic", bytes=7)

PROGRAM = """
import json, os, pathlib, sys, time
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()
result, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
(folder / "starts").open("a").write(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
if (folder / "broken").exists():
    sys.exit("out of order")
while (folder / "loads").exists():
    time.sleep(0.01)
say(ready={})
for line in sys.stdin:
    request = json.loads(line)
    (folder / "asked").open("a").write(request["attempt_id"] + "\\n")
    say(progress={"frames": 1})
    while (folder / "hold").exists():
        time.sleep(0.01)
    fails = [path for path in (folder / "fails", folder / f"fails on {os.environ.get('CUDA_VISIBLE_DEVICES')}") if path.exists()]
    if fails:
        say(error={"type": fails[0].read_text(), "message": "it burns", "hint": "put it out"})
        continue
    pathlib.Path(request["output_uri"].removeprefix("file://")).write_bytes(b"picture")
    say(result=result)
"""
"""A rendering process that writes down who asks, waits while the files `loads` and `hold` are there, and fails as the file `fails` says
(for the device 1 alone, `fails on 1`)."""


@dataclass
class Server:
    """A server that answers at `address`; its small rendering program looks into `folder`."""

    address: str
    platform: Platform
    folder: Path
    renders: Renders

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, **options)

    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().split() if path.exists() else []


@contextlib.contextmanager
def serve(platform: Platform, folder: Path, *, command=None, port=0, **options) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    settings = ServerSettings(**options)
    program = (sys.executable, "-c", PROGRAM, RESULT.model_dump_json(), str(folder))
    worker = VideoWorkerSettings(scratch_dir=folder / "scratch", inference_command=command or program)
    devices = [
        Device(name or "device 0", LocalBackend(worker, platform.storage, environment={"CUDA_VISIBLE_DEVICES": name} if name else {}))
        for name in settings.devices
    ]
    waits = {"abandon_seconds": settings.abandon_seconds, "keep_seconds": settings.keep_seconds}
    renders = Renders(devices, max_waiting=settings.max_waiting, **waits)
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(create_app(renders, settings), log_config=None, access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    until(lambda: server.started)
    try:
        yield Server(f"http://127.0.0.1:{listener.getsockname()[1]}", platform, folder, renders)
    finally:
        server.should_exit = True
        thread.join()


def until(condition, *, seconds=60.0):
    """Wait for a condition that must come true."""
    end = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return met


@pytest.fixture
def eventually():
    return until


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = open_platform(tmp_path / "data")
    platform.storage.put_bytes(b"a segment", keys.segment_key(JOB, 0, "nut"))
    yield platform
    platform.close()


@pytest.fixture
def serving(platform, tmp_path):
    """Serve as a test wants it: `with serving(max_waiting=0) as server`."""
    return lambda **options: serve(platform, tmp_path / "program", **options)


@pytest.fixture
def server(serving):
    """A server that is ready."""
    with serving() as server, server.client() as client:
        until(lambda: client.get("/ping").status_code == 200)
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def asking(platform):
    """A request for the segment of the platform."""

    def asking(attempt="a1", **changes) -> RenderRequest:
        video = VideoStream(
            index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
            time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
        )  # fmt: skip
        storage = platform.storage
        request = RenderRequest(
            job_id=JOB, attempt_id=attempt, input_uri=storage.uri(keys.segment_key(JOB, 0, "nut")),
            output_uri=storage.uri(keys.rendered_key(JOB, 0, attempt)), video=video, pts_offset=0, last_duration=10,
            segment=SegmentSpec(index=0, first_frame=0, core=Ticks.of([0, 10, 20]), packets=(0, 3)), params=RenderParams(),
        )  # fmt: skip
        return request.model_copy(update=changes)

    return asking
