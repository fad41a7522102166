"""The video worker's `http` backend, at a real server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stereo_spot_shared.errors import InferenceUnavailable, Interrupted, ModelMissing, UnsupportedMedia
from stereo_spot_shared.inference import RenderState
from video_worker.backends import http, open_backend
from video_worker.settings import VideoWorkerSettings


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(http, "POLL_SECONDS", 0.02)


@pytest.fixture
def backend_at(platform):
    """A backend that asks at an address."""
    opened = []

    def backend_at(address, **settings):
        opened.append(open_backend(VideoWorkerSettings(inference_backend="http", inference_url=address, **settings), platform.storage))
        return opened[-1]

    yield backend_at
    for backend in opened:
        backend.close()


def render(backend, request, *, on_progress=lambda _: None, should_stop=lambda: False):
    return backend.render(request, on_progress=on_progress, should_stop=should_stop)


def test_a_segment_is_rendered_elsewhere_and_its_progress_told(server, backend_at, asking):
    seen = []

    def note(progress):
        seen.append(progress.frames)
        if progress.frames == 1:
            (server.folder / "hold").unlink(missing_ok=True)

    (server.folder / "hold").touch()
    assert render(backend_at(server.address), asking(), on_progress=note).frames == 3
    assert seen[-1] == 1
    assert server.asked() == ["a1"]


@pytest.mark.parametrize(("name", "kind"), [("UnsupportedMedia", UnsupportedMedia), ("ModelMissing", ModelMissing)])
def test_what_fails_there_fails_here_in_the_same_way(server, backend_at, asking, name, kind):
    (server.folder / "fails").write_text(name)
    with pytest.raises(kind, match="It burns") as raised:
        render(backend_at(server.address), asking())
    assert raised.value.hint == "Put it out."


def test_a_worker_that_stops_takes_its_request_back(server, backend_at, asking, eventually):
    (server.folder / "hold").touch()
    with pytest.raises(Interrupted):
        render(backend_at(server.address), asking(), should_stop=lambda: server.asked() == ["a1"])
    eventually(lambda: server.renders.find("a1").status().state is RenderState.FAILED)


def test_a_server_that_has_forgotten_the_request_gets_it_again(server, backend_at, asking):
    """As one does that was started anew in between."""
    (server.folder / "hold").touch()

    def forget(_):
        if (server.folder / "hold").exists():
            server.renders._known.clear()
            (server.folder / "hold").unlink()

    assert render(backend_at(server.address), asking(), on_progress=forget).frames == 3
    assert server.asked() == ["a1", "a1"]


def test_a_server_that_is_still_loading_gives_the_segment_back(serving, backend_at, asking):
    with serving() as server:
        server.renders.trouble = lambda: "It is being started."
        with pytest.raises(InferenceUnavailable, match="being started"):
            render(backend_at(server.address), asking())


def test_a_server_that_stays_away_gives_the_segment_back(backend_at, asking, monkeypatch):
    monkeypatch.setattr(http, "LOST_SECONDS", 0.2)
    with pytest.raises(InferenceUnavailable, match="cannot be reached"):
        render(backend_at("http://127.0.0.1:9"), asking())


def test_a_server_that_is_full_gives_the_segment_back(serving, backend_at, asking, eventually):
    with serving(max_waiting=0) as server:
        eventually(lambda: server.renders.trouble() is None)
        (server.folder / "hold").touch()
        server.renders.submit(asking("a1"))
        with pytest.raises(InferenceUnavailable, match="devices are busy"):
            render(backend_at(server.address), asking("a2"))
        (server.folder / "hold").unlink()


def test_a_wrong_token_fails_no_job(serving, backend_at, asking):
    with serving(token="right") as server, pytest.raises(InferenceUnavailable, match="token is missing or wrong") as raised:
        render(backend_at(server.address, inference_token="wrong"), asking())
    assert raised.value.hint == "Set STEREO_SPOT_INFERENCE_TOKEN."


def test_a_request_that_the_server_does_not_understand_fails_no_job(server, backend_at, asking):
    with pytest.raises(InferenceUnavailable, match="does not understand this worker") as raised:
        render(backend_at(server.address), asking(input_uri="s3://elsewhere/jobs/jobrendered/segments/0"))
    assert "same version, and platform" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "kind", "body"), [(200, "text/html", b"<h1>hello</h1>"), (404, "text/plain", b"no"), (200, "application/json", b"{}")]
)
def test_something_else_at_the_address_fails_no_job(backend_at, asking, status, kind, body):
    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(InferenceUnavailable, match=r"no inference server|does not understand"):
            render(backend_at(f"http://127.0.0.1:{other.server_port}"), asking())
        other.shutdown()


@pytest.mark.parametrize("path", ["/v1", "/invocations"])
def test_a_wrong_path_fails_no_job_and_ends_at_once(server, backend_at, asking, path):
    with pytest.raises(InferenceUnavailable) as raised:
        render(backend_at(server.address + path), asking())
    assert raised.value.hint == "Check STEREO_SPOT_INFERENCE_URL."


def test_a_worker_without_the_address_says_which_variable_is_missing(platform):
    with pytest.raises(InferenceUnavailable) as raised:
        open_backend(VideoWorkerSettings(inference_backend="http"), platform.storage)
    assert "STEREO_SPOT_INFERENCE_URL" in raised.value.hint
