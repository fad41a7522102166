"""A real server on a real platform, in a thread; and, where a test converts, real workers."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Error, expect, sync_playwright

from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.moto_server import MotoServer, moto_server
from stereo_spot_aws_adapters.platform import open_platform as open_aws_platform
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import new_job_id
from stereo_spot_web_ui.app import create_app
from stereo_spot_web_ui.main import bound, config_of
from stereo_spot_web_ui.settings import WebSettings

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
sys.path.insert(0, str(Path(__file__).parents[2] / "media-worker" / "tests"))  # for its server of a video


PATIENCE = 60_000
"""Milliseconds; no page needs so long."""


@dataclass(frozen=True)
class Server:
    """A server that answers at `address`."""

    address: str
    platform: Platform
    data_dir: Path

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, **options)


@contextlib.contextmanager
def serve(data_dir: Path, platform: Platform | None = None, **settings) -> Iterator[Server]:
    """Serve a platform, or the one of this machine in `data_dir`, for the length of a `with` block."""
    platform = platform or open_platform(data_dir)
    chosen = WebSettings(port=0, scratch_dir=data_dir / "scratch", **settings)
    listener = bound(chosen)
    server = uvicorn.Server(config_of(create_app(platform, chosen), chosen))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Server(f"http://127.0.0.1:{listener.getsockname()[1]}", platform, data_dir)
    finally:
        server.should_exit = True
        thread.join(20)
        platform.close()


@pytest.fixture(scope="session")
def serving():
    """Serve as a test wants it: `with serving(data_dir, password=...) as server`."""
    return serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path / "data") as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    """AWS's services on this machine. A part may be small there."""
    with moto_server(smallest_part=1 << 20) as moto:
        yield moto


@pytest.fixture
def open_aws(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Platform]:
    """Open a platform of its own on AWS's services, at `moto.url` or another way to it."""

    def open_it(url: str) -> Platform:
        for name, value in {**moto.environment, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        name = f"films-{new_job_id()}"
        settings = AwsSettings(prefix=name, bucket=name)
        provision(connect(settings))
        return open_aws_platform(settings)

    return open_it


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video with sound."""
    path = tmp_path_factory.mktemp("clip") / "a film & more.mp4"
    scene = Scene(width=256, height=144, cut_frames=24)
    return write_clip(path, Clip(scene=scene, frames=36, sounds=(Sound(),), options={"preset": "veryfast", "crf": "23"}))


@contextlib.contextmanager
def work(server: Server, **settings: str) -> Iterator[None]:
    """Real workers on the server's platform for the length of a `with` block; `settings` are more of their environment."""
    environment = {
        "STEREO_SPOT_DATA_DIR": str(server.data_dir),
        "STEREO_SPOT_SCRATCH_DIR": str(server.data_dir / "scratch"),
        "STEREO_SPOT_OFFLINE": "1",
        "STEREO_SPOT_INGEST": "private",
        "STEREO_SPOT_MODELS_DIR": str(server.data_dir / "models"),
        "STEREO_SPOT_RENDER_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "HOME": str(server.data_dir),
        **settings,
    }
    started = [subprocess.Popen([sys.executable, "-m", f"{name}.main"], env=environment) for name in ("media_worker", "video_worker")]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


@pytest.fixture(scope="session")
def working():
    """Have workers as a test wants them: `with working(server, STEREO_SPOT_…="…")`."""
    return work


@pytest.fixture
def workers(server: Server) -> Iterator[None]:
    """Real workers on the server's platform."""
    with work(server):
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A chromium of this machine, else Playwright's own, else the tests are skipped."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"no browser can be started here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()
