"""A server as a real process, its workers, and a line to it that breaks where a test wants it to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from stereo_spot_cli.remote.identity import FileIdentity, key_of
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared import keys
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Plan, Source
from stereo_spot_shared.rendering import RenderParams

TOKEN = "a-token-that-nobody-may-see"


@dataclass
class Server:
    """A StereoSpot server with a data directory of its own."""

    data_dir: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the pages, and return when they answer."""
        self._run("stereo_spot_web_ui.main")
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.address}/health")
                return
            assert self.processes[-1].poll() is None
            time.sleep(0.05)

    def work(self) -> None:
        """Start workers."""
        for name in ("media_worker", "video_worker"):
            self._run(f"{name}.main")

    def kill(self) -> None:
        """End everything at once."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def platform(self) -> Platform:
        return open_platform(self.data_dir)

    def jobs(self) -> list[Job]:
        platform = self.platform()
        try:
            return list(platform.jobs.list().jobs)
        finally:
            platform.close()

    def received(self) -> int:
        """Bytes of the newest job's source that are here."""
        platform = self.platform()
        try:
            jobs = platform.jobs.list().jobs
            return platform.uploads.stat(jobs[0].source.key).offset if jobs and jobs[0].source.etag is None else 0
        finally:
            platform.close()

    def source_of(self, job: Job) -> bytes:
        platform = self.platform()
        try:
            return platform.storage.read_range(job.source.key)
        finally:
            platform.close()

    def finished(self, source: Path, content: bytes, params: RenderParams) -> Job:
        """A job that is done, as if `source` had been sent before, with an output that a test can tell every byte of."""
        key = f"idempotency:{key_of(FileIdentity.of(source, params), 0)}"
        job_id = hashlib.sha256(key.encode()).hexdigest()[:32]
        platform = self.platform()
        try:
            output = keys.output_key(job_id, "a1", params.container.value)
            stored = platform.storage.put_bytes(content, output)
            result = JobResult(output_key=output, etag=stored.etag, bytes=stored.size, frames=48, width=384, height=108, depth="basic")
            job = Job(
                job_id=job_id,
                status=JobStatus.COMPLETED,
                swept=True,
                source=Source(key=keys.source_key(job_id), name=source.name, etag="e", size=source.stat().st_size),
                params=params,
                plan=Plan(plan_id="p", segment_count=1, frame_count=48, duration=Fraction(2)),
                result=result,
            )
            return platform.jobs.create(job)
        finally:
            platform.close()

    def _run(self, module: str) -> None:
        settings = {
            "STEREO_SPOT_DATA_DIR": str(self.data_dir),
            "STEREO_SPOT_SCRATCH_DIR": str(self.data_dir / "scratch"),
            "STEREO_SPOT_MODELS_DIR": str(self.data_dir / "models"),
            "STEREO_SPOT_RENDER_THREADS": "1",
            "STEREO_SPOT_RECEIVE_WAIT_SECONDS": "0.2",
            "STEREO_SPOT_OFFLINE": "1",
            "STEREO_SPOT_WEB_PORT": str(self.port),
            "STEREO_SPOT_WEB_TOKEN": TOKEN,
            "STEREO_SPOT_LOG_LEVEL": "warning",
            "STEREO_SPOT_INGEST": "private",
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STEREO_SPOT_")}
        self.processes.append(subprocess.Popen([sys.executable, "-m", module], env={**clean, **settings}))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(tmp_path / "server", port)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def remote():
    """`remote(address)` are the environment's words for a server and its token."""
    return lambda address, token=TOKEN: {"STEREO_SPOT_SERVER": address, "STEREO_SPOT_TOKEN": token}


@dataclass
class Break:
    """Where a line breaks, once: after `after` bytes in one direction, counted from a request that begins with `request`."""

    request: bytes
    after: int
    downwards: bool = False
    """Of what comes from the server; else of what goes to it."""
    stall: bool = False
    """Whether it only falls silent, until its ends hang up."""
    happened: threading.Event = field(default_factory=threading.Event)


class Line:
    """A TCP relay to a server, which notes what is asked and breaks as it is told."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self.breaks: list[Break] = []
        self.asked = b""
        """The beginning of every piece that went to the server, as far as its head can reach."""
        self.sent = 0
        """Bytes that went to the server."""
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Break every connection that there is."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # the server is away: as if nobody listened
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    near.close()
                    continue
                threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        """Both directions of one connection, until it is broken off: closed, so that who still sends is told so."""
        self._ends += [near, far]
        current: list[Break] = []
        directions = [(near, far, False, current), (far, near, True, current)]
        pumps = [threading.Thread(target=self._pump, args=each, daemon=True) for each in directions]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        for end in (near, far):
            end.close()

    def _pump(self, one: socket.socket, other: socket.socket, down: bool, current: list[Break]) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(16384):
                if not down:
                    self.asked += data[:1000]
                    self.sent += len(data)
                    begun = [each for each in self.breaks if data.startswith(each.request)]
                    for each in begun[:1]:
                        self.breaks.remove(each)
                        current[:] = [each]
                broken = next((each for each in current if each.downwards is down), None)
                if broken is not None:
                    data, broken.after = data[: broken.after], broken.after - len(data)
                other.sendall(data)
                if broken is not None and broken.after <= 0:
                    broken.happened.set()
                    while broken.stall and one.recv(16384):
                        pass
                    break
        for end in (one, other):  # what was sent before arrives; nothing more does
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    line = Line(server.port)
    yield line
    line.close()


@pytest.fixture
def broken(line: Line):
    """Have the line break once more: `broken(request, after, downwards=..., stall=...)`."""

    def add(request: bytes, after: int, **how: bool) -> Break:
        line.breaks.append(Break(request, after, **how))
        return line.breaks[-1]

    return add


@pytest.fixture(scope="session")
def large_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip with so much that means nothing behind it (a `free` box) that it takes a while to send."""
    path = tmp_path_factory.mktemp("large") / "film.mp4"
    size = 12_000_000
    path.write_bytes(clip.read_bytes() + struct.pack(">I4s", size, b"free") + os.urandom(size - 8))
    return path
