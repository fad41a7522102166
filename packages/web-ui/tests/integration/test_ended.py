"""Jobs that have ended are told of, and what is old is removed."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stereo_spot_runtime.operations import cancel_job, submit
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.jobs import JobError, JobStatus
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui.app import create_app
from stereo_spot_web_ui.notify.ended import EndedJobs
from stereo_spot_web_ui.preferences import Preferences
from stereo_spot_web_ui.retention import enforce
from stereo_spot_web_ui.settings import WebSettings

ERROR = JobError(code="render_failed", message="Segment 3 is broken.")


@pytest.fixture
def hook():
    """A server that remembers what it is told: (headers, body)."""
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_address[1]}/told", told
    listener.shutdown()
    listener.server_close()


def job_of(server, name="a film.mp4"):
    path = server.data_dir / name
    path.write_bytes(b"x")
    return submit(server.platform, path, RenderParams(), keep_source=True)


def test_a_webhook_is_told_of_jobs_that_ended_and_of_each_once(server, hook):
    address, told = hook
    app = create_app(server.platform, WebSettings(webhook_url=address, webhook_secret="secret"))
    ended = EndedJobs(app.state.web)
    job, stopped = job_of(server), job_of(server)
    ended.look()
    update_job(server.platform, job.job_id, lambda now: pipeline.fail(now, ERROR))
    cancel_job(server.platform, stopped.job_id)  # whoever stops a job knows
    ended.look()
    ended.look()
    [(headers, body)] = told
    assert (headers["X-StereoSpot-Event"], json.loads(body)["id"]) == ("job.failed", job.job_id)
    assert headers["X-StereoSpot-Signature"] == f"sha256={hmac.new(b'secret', body, hashlib.sha256).hexdigest()}"


def test_what_is_older_than_people_chose_is_removed(server, client):
    platform = server.platform
    upload = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 10}).json()
    done = job_of(server)
    platform.jobs.update(platform.jobs.get(done.job_id).evolve(status=JobStatus.COMPLETED))
    now = utc_now()
    wanted = Preferences(keep_sources_days=3, keep_results_days=30, keep_uploads_days=7)
    enforce(platform, wanted, now=now + timedelta(days=2))
    assert platform.storage.stat(done.source.key)
    enforce(platform, wanted, now=now + timedelta(days=4))
    with pytest.raises(NotFound):
        platform.storage.stat(done.source.key)
    assert platform.jobs.get(upload["id"]).status is JobStatus.UPLOADING
    enforce(platform, wanted, now=now + timedelta(days=8))
    assert platform.jobs.get(upload["id"]).status is JobStatus.DELETED
    assert platform.jobs.get(done.job_id).status is JobStatus.COMPLETED
    enforce(platform, wanted, now=now + timedelta(days=31))
    assert platform.jobs.get(done.job_id).status is JobStatus.DELETED


def test_for_ever_is_for_ever(server):
    job = job_of(server)
    server.platform.jobs.update(server.platform.jobs.get(job.job_id).evolve(status=JobStatus.COMPLETED))
    never = Preferences(keep_sources_days=None, keep_results_days=None, keep_uploads_days=None)
    enforce(server.platform, never, now=utc_now() + timedelta(days=9999))
    assert server.platform.storage.stat(job.source.key)


def test_subscriptions_are_kept_under_one_key(server, client):
    key = client.get("/api/v1/push/key").json()["key"]
    assert key == client.get("/api/v1/push/key").json()["key"]
    body = {"endpoint": "https://push.example/send/1", "keys": {"p256dh": "x", "auth": "y"}}
    for _ in range(2):
        assert client.post("/api/v1/push/subscriptions", json=body).status_code == 204
    assert len(server.platform.storage.list("web/subscriptions/").objects) == 1
    assert client.delete("/api/v1/push/subscriptions", params={"endpoint": body["endpoint"]}).status_code == 204
    assert server.platform.storage.list("web/subscriptions/").objects == ()
