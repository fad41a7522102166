"""Everything that the pages do is in the API, and errors are sentences."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.jobs import JobError, JobStatus, Stage
from stereo_spot_shared.keys import source_key

CONTENT = b"not really a video"


def made(client, name="a film.mp4", **more):
    answer = client.post("/api/v1/jobs", json={"name": name, "bytes": len(CONTENT)} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def arrived(client, name="a film.mp4", **more):
    """A job whose source is here."""
    job = made(client, name, **more)
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert client.patch(job["upload_url"], content=CONTENT, headers=headers).status_code == 204
    return client.get(f"/api/v1/jobs/{job['id']}").json()


def test_a_job_begins_with_defaults_and_waits_for_a_word(client):
    job = arrived(client)
    assert (job["status"], job["params"]["layout"], job["params"]["max_disparity"]) == ("uploading", "full-sbs", 2.0)
    changed = client.patch(f"/api/v1/jobs/{job['id']}", json={"params": {"layout": "anaglyph", "max_disparity": 1.2}}).json()
    assert (changed["params"]["layout"], changed["params"]["max_disparity"]) == ("anaglyph", 1.2)
    started = client.post(f"/api/v1/jobs/{job['id']}/start").json()
    assert (started["status"], started["params"]["layout"]) == ("queued", "anaglyph")
    assert [event["kind"] for event in started["events"]] == ["queued", "uploading", "created"]


def test_options_of_a_job_that_runs_cannot_be_changed(client):
    job = arrived(client, start=True)
    answer = client.patch(f"/api/v1/jobs/{job['id']}", json={"params": {"layout": "anaglyph"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "hint" in answer.json()


def test_a_request_that_is_repeated_makes_one_job(client):
    key = {"Idempotency-Key": "the same request"}
    first = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 10}, headers=key).json()
    again = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 10}, headers=key).json()
    assert first["id"] == again["id"]
    assert len(client.get("/api/v1/jobs").json()["jobs"]) == 1
    other = client.post("/api/v1/jobs", json={"name": "b.mp4", "bytes": 11}, headers=key)
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "a.mp4"}, "bytes"),
        ({"name": "", "bytes": 1}, "name"),
        ({"name": "a.mp4", "bytes": 0}, "bytes"),
        ({"name": "a.mp4", "bytes": 1, "params": {"max_disparity": 99}}, "max_disparity"),
        ({"name": "a.mp4", "bytes": 1, "params": {"layout": "hologram"}}, "layout"),
        ({"name": "a.mp4", "bytes": 1, "params": {"depth_file": "/etc/passwd"}}, "workers' machines"),
        ({"name": "a.mp4", "bytes": 1, "params": {"depth": "own-model", "depth_model": "/etc/passwd"}}, "workers' machines"),
        ({"name": "a.mp4", "bytes": 1, "surprise": True}, "surprise"),
    ],
)
def test_what_makes_no_job_is_refused_with_a_sentence(client, body, told):
    answer = client.post("/api/v1/jobs", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert told in answer.json()["detail"]
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_a_video_that_is_too_large_is_refused_before_it_is_sent(client):
    assert client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 10**15}).status_code == 413


@pytest.mark.parametrize(
    ("name", "kept"), [("C:\\films\\a.mp4", "a.mp4"), ("../../etc/passwd", "passwd"), ("a\nb\x1b.mp4", "a b .mp4"), ("/", "video")]
)
def test_names_are_only_names(client, name, kept):
    assert made(client, name=name)["source"]["name"] == kept


def test_the_list_is_searched_filtered_and_paged(client):
    jobs = [arrived(client, name=f"Film {number}.mp4", start=number % 2 == 0) for number in range(5)]
    names = [job["source"]["name"] for job in client.get("/api/v1/jobs").json()["jobs"]]
    assert names == [job["source"]["name"] for job in reversed(jobs)]
    page = client.get("/api/v1/jobs", params={"limit": 2}).json()
    seen = [job["id"] for job in page["jobs"]]
    while page["cursor"]:
        page = client.get("/api/v1/jobs", params={"limit": 2, "cursor": page["cursor"]}).json()
        seen += [job["id"] for job in page["jobs"]]
    assert seen == [job["id"] for job in reversed(jobs)]
    assert [job["id"] for job in client.get("/api/v1/jobs", params={"name": "fILM 3"}).json()["jobs"]] == [jobs[3]["id"]]
    queued = client.get("/api/v1/jobs", params={"status": "queued"}).json()["jobs"]
    assert {job["id"] for job in queued} == {jobs[number]["id"] for number in (0, 2, 4)}
    assert client.get("/api/v1/jobs", params={"cursor": "nonsense"}).status_code == 422


def test_cancel_and_delete(client, server):
    job = arrived(client, start=True)
    assert client.post(f"/api/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
    again = client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
    assert client.get(f"/api/v1/jobs/{job['id']}").status_code == 404
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_a_failure_says_why_and_a_retry_goes_on(client, server):
    job = arrived(client, start=True)
    error = JobError(code="render_failed", message="Segment 3 is broken.", hint="Try again.", stage=Stage.RENDER, segment_index=3)
    update_job(server.platform, job["id"], lambda now: pipeline.fail(now, error))
    failed = client.get(f"/api/v1/jobs/{job['id']}").json()
    assert (failed["error"]["message"], failed["error"]["hint"]) == ("Segment 3 is broken.", "Try again.")
    assert client.post(f"/api/v1/jobs/{job['id']}/retry").json()["status"] == "queued"
    assert client.post(f"/api/v1/jobs/{job['id']}/retry").status_code == 409


def test_a_job_is_made_again_of_the_same_source(client, server):
    job = arrived(client)
    copy = client.post(f"/api/v1/jobs/{job['id']}/duplicate", json={"params": {"layout": "half-tb"}}).json()
    assert copy["id"] != job["id"]
    assert (copy["params"]["layout"], copy["source"]["is_here"], copy["status"]) == ("half-tb", True, "uploading")
    client.delete(f"/api/v1/jobs/{job['id']}")
    server.platform.storage.delete(source_key(job["id"]))
    assert server.platform.storage.read_range(source_key(copy["id"])) == CONTENT
    gone = client.post(f"/api/v1/jobs/{job['id']}/duplicate", json={})
    assert gone.status_code == 404


def test_without_its_source_no_job_is_made_again(client, server):
    job = arrived(client)
    server.platform.storage.delete(source_key(job["id"]))
    answer = client.post(f"/api/v1/jobs/{job['id']}/duplicate", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "missing_source")
    assert len(client.get("/api/v1/jobs").json()["jobs"]) == 1


def test_events_tell_of_every_change_until_the_end(client, server):
    job = arrived(client, start=True)
    seen = []
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: "))["status"])
                if len(seen) == 1:
                    client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert seen == ["queued", "cancelled"]


@pytest.mark.parametrize("path", ["/api/v1/jobs/00000000", "/api/v1/jobs/00000000/events", "/api/v1/nothing", "/api/v1/uploads/00000000"])
def test_what_is_not_there_is_a_problem(client, path):
    answer = client.get(path)
    assert answer.status_code in {404, 405}
    assert answer.json()["status"] == answer.status_code


def test_one_of_a_newer_version_hides_no_other(client, server):
    job = arrived(client)
    database = server.platform.jobs._transactions
    other = made(client)["id"]
    with database.write() as connection:
        connection.execute(text("update jobs set body = '{\"schema_version\": 99}' where job_id = :id"), {"id": other})
    found = client.get("/api/v1/jobs").json()
    assert [one["id"] for one in found["jobs"]] == [job["id"]]
    assert len(found["unreadable"]) == 1


def test_statuses_that_no_list_shows(client):
    assert client.get("/api/v1/jobs", params={"status": JobStatus.DELETED.value}).json()["jobs"] == []
