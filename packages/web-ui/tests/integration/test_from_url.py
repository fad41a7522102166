"""Videos that the server is asked to fetch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import Activity, JobError, JobStatus, Stage
from stereo_spot_shared.messages import IngestRequest
from stereo_spot_web_ui.preferences import Preferences
from stereo_spot_web_ui.retention import enforce
from stereo_spot_web_ui.settings import WebSettings

URL = "https://films.example/a%20film.mp4?signature=secret"


@pytest.fixture
def client(serving, tmp_path):
    with serving(tmp_path / "data", ingest=IngestPolicy.HTTPS) as server, server.client() as client:
        client.platform = server.platform
        yield client


def asked(client, url=URL, **more):
    answer = client.post("/api/v1/jobs/url", json={"url": url} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def page(client, path):
    """The text of a page, as a program without cookies sees it."""
    text = client.get(path).text
    client.cookies.clear()
    return text


def test_a_job_is_made_of_a_url_which_is_shown_without_its_secret(client):
    job = asked(client)
    assert (job["status"], job["stage"], job["upload_url"]) == ("ingesting", "ingest", None)
    source = {"name": "a film.mp4", "bytes": None, "received": 0, "url": "https://films.example/a%20film.mp4", "is_here": False}
    assert job["source"] == source
    [delivery] = client.platform.queues[Stage.INGEST].receive()
    assert IngestRequest.decode(delivery.body).job_id == job["id"]
    assert client.platform.jobs.get(job["id"]).source.url == URL
    for path in ("/", f"/new/{job['id']}", job["url"], f"{job['url']}/state", f"/api/v1/jobs/{job['id']}", "/api/v1/jobs"):
        text = page(client, path)
        assert "secret" not in text, path
        assert "a film.mp4" in text, path


def test_options_are_chosen_while_it_is_fetched_and_it_goes_on_when_it_is_here(client):
    job = asked(client)
    client.patch(f"/api/v1/jobs/{job['id']}", json={"params": {"layout": "anaglyph"}}).raise_for_status()
    here(client, job)
    waiting = client.get(f"/api/v1/jobs/{job['id']}").json()
    assert (waiting["status"], waiting["source"]["is_here"], waiting["stage"]) == ("ingesting", True, None)
    assert "Waits for you" in page(client, "/")
    started = client.post(f"/api/v1/jobs/{job['id']}/start").json()
    assert (started["status"], started["params"]["layout"]) == ("queued", "anaglyph")
    assert [event["kind"] for event in started["events"]] == ["queued", "ingesting", "created"]


def here(client, job):
    """What the media worker does when it has fetched all."""
    stored = client.platform.storage.put_bytes(b"video", client.platform.jobs.get(job["id"]).source.key)
    known = {"etag": stored.etag, "size": stored.size}
    update_job(client.platform, job["id"], lambda now: now.evolve(source=now.source.model_copy(update=known)))


def test_how_far_it_is_is_told_in_bytes(client):
    job = asked(client, start=True)
    report = {"job_id": job["id"], "stage": Stage.INGEST, "worker": "w", "done": 2_500_000}
    client.platform.activity.report(Activity(**report))
    text = page(client, f"{job['url']}/state")
    assert "Fetching" in text
    assert "2.5 MB" in text
    assert 'max="1"></progress>' in text, "nobody knows how much it is"
    update_job(client.platform, job["id"], lambda now: now.evolve(source=now.source.model_copy(update={"size": 10_000_000})))
    client.platform.uploads.begin(client.platform.jobs.get(job["id"]).source.key, 10_000_000)
    client.platform.uploads.append(client.platform.jobs.get(job["id"]).source.key, 0, bytes(4_000_000))
    text = page(client, f"{job['url']}/state")
    assert "4 MB / 10 MB" in text
    assert 'value="0.4"' in text
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["source"]["received"] == 4_000_000


def test_a_reason_to_wait_or_to_fail_is_told(client):
    job = asked(client, start=True)
    client.platform.activity.report(Activity(job_id=job["id"], stage=Stage.INGEST, worker="w", note="the disk is full"))
    assert "Waits: the disk is full" in page(client, f"{job['url']}/state")
    error = JobError(code="source_refused", message="films.example has no such video", stage=Stage.INGEST, hint="Check it.")
    update_job(client.platform, job["id"], lambda now: pipeline.fail(now, error))
    assert "has no such video" in page(client, f"{job['url']}/state")
    again = client.post(f"/api/v1/jobs/{job['id']}/retry").json()
    assert again["status"] == "ingesting"


def test_a_request_that_is_repeated_makes_one_job(client):
    key = {"Idempotency-Key": "the same request"}
    answers = [client.post("/api/v1/jobs/url", json={"url": URL}, headers=key).json()["id"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert client.post("/api/v1/jobs/url", json={"url": "https://films.example/b.mp4"}, headers=key).status_code == 409


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"url": "http://films.example/a.mp4"}, "http://"),
        ({"url": "file:///etc/passwd"}, "no URL of a video"),
        ({"url": "https://me:secret@films.example/a.mp4"}, "password"),
        ({"url": ""}, "url"),
        ({"url": "https://films.example/" + "x" * 5000}, "url"),
        ({"url": URL, "params": {"depth_file": "/etc/passwd"}}, "workers' machines"),
    ],
)
def test_what_makes_no_job_is_refused_with_a_sentence(client, body, told):
    answer = client.post("/api/v1/jobs/url", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert told in answer.json()["detail"]
    assert "secret" not in answer.text
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_it_is_offered_only_where_an_operator_says_so(client, serving, tmp_path):
    assert client.get("/api/v1/server").json()["ingest"] == "https"
    assert 'type="url"' in page(client, "/new")
    with serving(tmp_path / "other") as closed, closed.client() as other:
        assert other.get("/api/v1/server").json()["ingest"] == "off"
        assert 'type="url"' not in page(other, "/new")
        answer = other.post("/api/v1/jobs/url", json={"url": URL})
        assert (answer.status_code, answer.json()["code"]) == (422, "source_refused")
        assert "STEREO_SPOT_INGEST" in answer.json()["hint"]


@pytest.mark.parametrize(
    ("settings", "alone"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0", "password": "a"}, False),
        ({"base_url": "https://films.example"}, False),
        ({"password": "a"}, False),
    ],
)
def test_who_can_reach_a_server(settings, alone):
    """Behind a proxy it listens at this machine's own address, and yet others reach it."""
    assert WebSettings(**settings).is_for_this_machine_only == alone


def test_a_job_that_is_fetched_is_removed_like_an_upload_when_nobody_goes_on_with_it(client):
    job = asked(client)
    enforce(client.platform, Preferences(keep_uploads_days=3), now=utc_now() + timedelta(days=4))
    assert client.platform.jobs.get(job["id"]).status is JobStatus.DELETED


def test_nobody_adds_bytes_to_what_the_server_fetches(client):
    job = asked(client)
    key = client.platform.jobs.get(job["id"]).source.key
    client.platform.uploads.begin(key, 10)
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    answer = client.patch(f"/api/v1/uploads/{job['id']}", content=b"other", headers=headers)
    assert (answer.status_code, client.platform.uploads.stat(key).offset) == (409, 0)
