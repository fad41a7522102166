"""Where the storage has addresses, what a film has of bytes passes the web server by, on its way in and out."""

from __future__ import annotations

from fractions import Fraction

import httpx
import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Plan, Source, new_job_id
from stereo_spot_shared.keys import source_key
from stereo_spot_shared.rendering import RenderParams

CONTENT = b"film" * 2000
FILM = bytes(range(256)) * 10


@pytest.fixture
def platform(open_aws, moto) -> Platform:
    return open_aws(moto.url)


@pytest.fixture
def cloud(serving, platform, tmp_path):
    with serving(tmp_path, platform) as server:
        yield server


@pytest.fixture
def client(cloud):
    with cloud.client() as client:
        yield client


def made(client, **more):
    return client.post("/api/v1/jobs", json={"name": "a film.mp4", "bytes": len(CONTENT)} | more).json()


def part(client, job, offset):
    return client.post(f"{job['upload_url']}/parts", json={"offset": offset})


def arrived(client, job, offset):
    return client.post(f"{job['upload_url']}/parts/arrived", json={"offset": offset})


def finished(server, name="a film.mkv"):
    """The id of a job that is done."""
    job_id = new_job_id()
    stored = server.platform.storage.put_bytes(FILM, keys.output_key(job_id, "a1", "mp4"))
    job = Job(
        job_id=job_id,
        status=JobStatus.COMPLETED,
        swept=True,
        source=Source(key=source_key(job_id), name=name, etag="e", size=5),
        params=RenderParams(),
        plan=Plan(plan_id="p", segment_count=1, frame_count=48, duration=Fraction(2)),
        result=JobResult(output_key=stored.key, etag=stored.etag, bytes=stored.size, frames=48, width=640, height=180, depth="basic"),
        created_at=utc_now(),
    )
    return server.platform.jobs.create(job).job_id


def output(client, job_id):
    """What the API says of its file."""
    return client.get(f"/api/v1/jobs/{job_id}").json()["result"]["files"][0]


def put(address, content):
    return httpx.put(address["url"], content=content)


def test_a_part_that_was_stored_elsewhere_is_the_source_and_sets_the_job_going(client, cloud):
    job = made(client, start=True)
    address = part(client, job, 0).json()
    assert (address["bytes"], address["url"].startswith(cloud.platform.uploads.origin)) == (len(CONTENT), True)
    put(address, CONTENT)
    assert client.head(job["upload_url"]).headers["upload-offset"] == "0"
    assert arrived(client, job, 0).json() == {"offset": len(CONTENT), "bytes": len(CONTENT)}
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["status"] == "queued"
    assert cloud.platform.storage.read_range(source_key(job["id"])) == CONTENT
    assert part(client, job, len(CONTENT)).status_code == 204  # nothing is missing


def test_what_has_not_arrived_is_not_taken_for_it(client):
    job = made(client)
    assert arrived(client, job, 0).status_code == 409
    put(part(client, job, 0).json(), CONTENT[:-1])
    assert arrived(client, job, 0).status_code == 409
    assert part(client, job, 5).status_code == 409
    assert client.head(job["upload_url"]).headers["upload-offset"] == "0"


def test_what_tus_began_goes_on_by_tus(client, cloud):
    job = made(client)
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    client.patch(job["upload_url"], content=CONTENT[:100], headers=headers)
    assert part(client, job, 100).status_code == 204
    assert client.patch(job["upload_url"], content=CONTENT[100:], headers=headers | {"Upload-Offset": "100"}).status_code == 204
    assert cloud.platform.storage.read_range(source_key(job["id"])) == CONTENT


def test_a_given_up_upload_has_no_parts(client):
    job = made(client)
    address = part(client, job, 0).json()
    client.delete(job["upload_url"])
    assert put(address, CONTENT).is_error
    assert (part(client, job, 0).status_code, arrived(client, job, 0).status_code) == (404, 404)


def test_whoever_has_not_signed_in_gets_no_address(serving, platform, tmp_path):
    with serving(tmp_path, platform, password="secret", token="t") as server:
        with server.client(headers={"Authorization": "Bearer t"}) as client:
            job, download = made(client), output(client, finished(server))["download_url"]
        with server.client() as stranger:
            assert [part(stranger, job, 0).status_code, arrived(stranger, job, 0).status_code] == [401, 401]
            assert stranger.get(download).status_code == 401


def test_pages_may_speak_to_the_storage_and_to_nobody_else(client, platform):
    policy = client.get("/new").headers["content-security-policy"]
    assert f"; connect-src 'self' {platform.uploads.origin};" in policy
    assert policy.count("http") == 1


def test_who_saves_a_film_gets_it_from_the_storage_and_who_plays_it_from_here(client, cloud):
    file = output(client, finished(cloud, "Größe & Co.mkv"))
    answer = client.get(file["download_url"])
    assert (answer.status_code, answer.headers["cache-control"], answer.content) == (307, "no-store", b"")
    assert "X-Amz-Expires=600&" in answer.headers["location"]
    saved = httpx.get(answer.headers["location"], headers={"Range": "bytes=5-"})
    assert (saved.status_code, saved.content) == (206, FILM[5:])
    assert saved.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20Co_3D")
    assert client.head(file["download_url"]).headers["content-length"] == str(len(FILM))
    assert client.get(file["url"]).content == FILM
