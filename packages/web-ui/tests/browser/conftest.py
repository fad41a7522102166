"""A real browser on a real server: pages that complain of nothing, pictures of the player, and masters whose every pixel is known."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page

from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Plan, Source, SubtitleFile, new_job_id
from stereo_spot_shared.rendering import RenderParams

VENDOR = Path(__file__).parent / "vendor"
PATIENCE = 60_000
RATE, FRAMES = 10, 40

Pixels = NDArray[np.uint8]


@pytest.fixture
def allowed() -> list[str]:
    """What the console may say because a test breaks something itself: parts of its sentences."""
    return []


class Line:
    """A way to a server that can be made slow, cut and mended. Its threads end with it."""

    def __init__(self, port: int) -> None:
        self._port, self._listener = port, socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # or a whole film is on its way at once
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._open: list[socket.socket] = []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.bytes_per_second: float | None = None
        """Of what is sent to the server."""
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and take no other until `is_cut` is set back."""
        self.is_cut = True
        for one in self._open:
            self._end(one)

    def close(self) -> None:
        self._end(self._listener)
        self._listener.close()
        for one in self._open:
            self._end(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += [near, far]
                for source, target, up in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(source, target, up), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(16384):
                if up and self.bytes_per_second:
                    time.sleep(len(piece) / self.bytes_per_second)
                target.sendall(piece)
        self._end(source)
        self._end(target)
        source.close()

    @staticmethod
    def _end(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line_to() -> Iterator[Callable[[str], Line]]:
    """Lay a line to the server at an address."""
    with contextlib.ExitStack() as laid:

        def lay(address: str) -> Line:
            line = Line(int(address.rpartition(":")[2]))
            laid.callback(line.close)
            return line

        yield lay


@pytest.fixture
def line(server, line_to) -> Line:
    return line_to(server.address)


@pytest.fixture
def address(server) -> str:
    """Where pages find the server; modules that need a `line` put it between."""
    return str(server.address)


@pytest.fixture
def context(browser: Browser, address: str, allowed: list[str]) -> Iterator[BrowserContext]:
    """A browser's profile whose pages complain of nothing and ask nobody but our server."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    troubles: list[str] = []

    def watch(page: Page) -> None:
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))

    context.on("page", watch)
    ours = (address, "data:", "blob:")
    context.on("request", lambda request: None if request.url.startswith(ours) else troubles.append(request.url))
    yield context
    context.close()
    assert [trouble for trouble in troubles if not any(part in trouble for part in allowed)] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """What axe-core finds serious or worse on a page."""
    script = VENDOR / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed: ./nx run web-ui:vendor")

    def find(page: Page) -> list[str]:
        page.evaluate(script.read_text())  # not as a script of the page, which its policy would refuse
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]

    return find


@pytest.fixture
def emulator() -> str:
    """A script that gives a page a headset: the Immersive Web Emulation Runtime, as a Meta Quest 3."""
    script = VENDOR / "iwer" / "iwer.min.js"
    if not script.exists():
        pytest.skip("iwer is not installed: ./nx run web-ui:vendor")
    become = "globalThis.headset = new IWER.XRDevice(IWER.metaQuest3, {stereoEnabled: true}); headset.installRuntime({forceInstall: true});"
    return f"{script.read_text()};{become}"


@pytest.fixture
def screenshot() -> Callable[[Page, str], Pixels]:
    """What a person sees of a part of a page: RGB pixels."""

    def take(page: Page, selector: str) -> Pixels:
        png = np.frombuffer(page.locator(selector).screenshot(animations="disabled"), np.uint8)
        return cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    return take


@pytest.fixture(scope="session")
def views() -> tuple[Pixels, Pixels]:
    """A left and a right view that nobody takes for one another: the same shapes elsewhere, of smooth colours that survive coding."""
    tall, wide = 180, 320
    rows, columns = np.mgrid[0:tall, 0:wide].astype(np.float32)

    def view(shift: int) -> Pixels:
        picture = np.stack([60 + 120 * columns / wide, 60 + 120 * rows / tall, np.full_like(rows, 110)], axis=-1)
        for centre, colour in ((80, (220, 60, 50)), (200, (40, 90, 220))):
            picture[np.hypot(columns - centre - shift, rows - 90) < 40] = colour
        return picture.astype(np.uint8)

    return view(+12), view(-12)


@pytest.fixture(scope="session")
def encoded(views, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """A master of four seconds that shows both views side by side, as the bytes of an MP4 file."""
    folder = tmp_path_factory.mktemp("masters")

    def encode(codec: str = "libx264", *, half: bool = False, sound: bool = False) -> bytes:
        path = folder / f"{codec}-{half}-{sound}.mp4"
        if not path.exists():
            write_master(path, np.hstack(views), codec, half=half, sound=sound)
        return path.read_bytes()

    return encode


def write_master(path: Path, picture: Pixels, codec: str, *, half: bool, sound: bool) -> None:
    shown = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0]), interpolation=cv2.INTER_AREA) if half else picture
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream(codec, rate=RATE, options={"crf": "12", "preset": "veryfast", **quiet})
        stream.height, stream.width = shown.shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", RATE
        track = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for _ in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))
        if track is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * FRAMES // RATE), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 48000
            container.mux(track.encode(silence))
            container.mux(track.encode(None))


@pytest.fixture
def finished(server, encoded) -> Callable[..., Job]:
    """A completed job with a master whose pixels are known."""

    def finish(
        *,
        name: str = "a film.mp4",
        codec: str = "libx264",
        half: bool = False,
        sound: bool = False,
        subtitles: tuple[str, ...] = (),
        **params,
    ) -> Job:
        job_id, chosen = new_job_id(), RenderParams(**({"layout": "half-sbs"} if half else {}), **params)
        output, storage = keys.output_key(job_id, "a1", chosen.container.value), server.platform.storage
        stored = storage.put_bytes(encoded(codec, half=half, sound=sound), output)
        tracks = [SubtitleFile(key=keys.subtitles_key(job_id, number), language="eng") for number in range(len(subtitles))]
        for track, text in zip(tracks, subtitles, strict=True):
            storage.put_bytes(text.encode(), track.key)
        result = JobResult(
            output_key=output,
            etag=stored.etag,
            bytes=stored.size,
            frames=FRAMES,
            width=320 if half else 640,
            height=180,
            depth="basic",
            subtitles=tuple(tracks),
        )
        job = Job(
            job_id=job_id,
            status=JobStatus.COMPLETED,
            swept=True,
            source=Source(key=keys.source_key(job_id), name=name, etag="e", size=5),
            params=chosen,
            plan=Plan(plan_id="p", segment_count=1, frame_count=FRAMES, duration=Fraction(FRAMES, RATE)),
            result=result,
            created_at=datetime(2026, 1, 2, tzinfo=UTC),
        )
        return server.platform.jobs.create(job)

    return finish


@pytest.fixture
def awaited(client: httpx.Client) -> Callable[..., str]:
    """The id of a job whose video is here or, without `content`, is still to come."""

    def make(name: str = "a film.mp4", content: bytes | None = b"12345", *, start: bool = False) -> str:
        job = client.post("/api/v1/jobs", json={"name": name, "bytes": len(content or b"12345"), "start": start}).json()
        if content is not None:
            headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
            assert client.patch(job["upload_url"], content=content, headers=headers).status_code == 204
        return str(job["id"])

    return make
