"""Sources arrive in parts over connections that break, and nothing is lost or taken twice."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from stereo_spot_shared.keys import source_key
from stereo_spot_web_ui.uploads import PIECE

OCTETS = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
CONTENT = bytes(range(256)) * 40


def made(client, **more):
    answer = client.post("/api/v1/jobs", json={"name": "a film.mp4", "bytes": len(CONTENT)} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def patch(client, job, content, offset):
    return client.patch(job["upload_url"], content=content, headers=OCTETS | {"Upload-Offset": str(offset)})


def offset_of(client, job):
    return int(client.head(job["upload_url"]).headers["upload-offset"])


def test_what_is_sent_in_parts_is_the_source(client, server):
    job = made(client)
    assert (job["status"], job["source"]["received"]) == ("uploading", 0)
    assert patch(client, job, CONTENT[:1000], 0).headers["upload-offset"] == "1000"
    assert offset_of(client, job) == 1000
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["source"]["received"] == 1000
    assert patch(client, job, CONTENT[1000:], 1000).status_code == 204
    after = client.get(f"/api/v1/jobs/{job['id']}").json()
    assert (after["status"], after["source"]["is_here"], after["upload_url"]) == ("uploading", True, None)
    assert server.platform.storage.read_range(source_key(job["id"])) == CONTENT


def test_a_part_that_does_not_follow_is_refused(client):
    job = made(client)
    patch(client, job, CONTENT[:1000], 0)
    for offset in (0, 999, 1001):
        answer = patch(client, job, CONTENT[offset:], offset)
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert patch(client, job, CONTENT, 1000).status_code == 409  # more than it was to be
    assert offset_of(client, job) == 1000


def test_what_came_before_a_connection_broke_stays(client, server):
    content = CONTENT * 600
    job = made(client, bytes=len(content))
    place = urlsplit(server.address)
    with socket.create_connection((place.hostname, place.port)) as connection:
        head = f"PATCH {job['upload_url']} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/offset+octet-stream\r\n"
        connection.sendall(f"{head}Upload-Offset: 0\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content[: PIECE + 1000])
        deadline = time.monotonic() + 30
        while offset_of(client, job) < PIECE:
            assert time.monotonic() < deadline, "what came is not kept before the connection ends"
            time.sleep(0.05)
    after = offset_of(client, job)
    assert patch(client, job, content[after:], after).status_code == 204
    assert server.platform.storage.read_range(source_key(job["id"])) == content


def test_a_server_that_died_after_the_last_byte_finds_it(client, server):
    job = made(client, start=True)
    key = source_key(job["id"])
    server.platform.uploads.append(key, 0, CONTENT)
    server.platform.uploads.finish(key)  # and then it died
    assert offset_of(client, job) == len(CONTENT)
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["status"] == "queued"


def test_a_job_that_was_started_before_begins_with_the_last_byte(client, server):
    job = made(client)
    assert client.post(f"/api/v1/jobs/{job['id']}/start").json()["status"] == "uploading"
    patch(client, job, CONTENT, 0)
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["status"] == "queued"


def test_an_upload_that_is_given_up_leaves_nothing(client, server):
    job = made(client)
    patch(client, job, CONTENT[:1000], 0)
    assert client.delete(job["upload_url"]).status_code == 204
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["status"] == "cancelled"
    assert client.head(job["upload_url"]).status_code == 404
    assert not list((server.data_dir / "uploads").rglob("data.*"))


def test_without_a_storage_that_has_addresses_the_server_takes_all_itself(client):
    job = made(client)
    assert client.post(f"{job['upload_url']}/parts", json={"offset": 0}).status_code == 204
    assert client.post(f"{job['upload_url']}/parts/arrived", json={"offset": 0}).status_code == 409
    assert client.post(f"{job['upload_url']}/parts", json={"offset": 1}).status_code == 409
    assert "connect-src 'self';" in client.get("/new").headers["content-security-policy"]


def test_only_a_video_may_be_long(client):
    job = made(client)
    assert client.post(f"{job['upload_url']}/parts", content=b" " * (2 << 20)).status_code == 413


def test_the_server_says_what_it_can_do(client):
    answer = client.options(made(client)["upload_url"])
    assert (answer.headers["tus-version"], answer.headers["tus-extension"]) == ("1.0.0", "termination")
    assert int(answer.headers["tus-max-size"]) > 0


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Type": ""}])
def test_other_content_is_refused(client, headers):
    job = made(client)
    assert client.patch(job["upload_url"], content=b"x", headers=OCTETS | {"Upload-Offset": "0"} | headers).status_code == 415


@pytest.mark.parametrize("offset", ["-1", "x", ""])
def test_an_offset_that_is_none_is_refused(client, offset):
    job = made(client)
    answer = client.patch(job["upload_url"], content=b"x", headers=OCTETS | {"Upload-Offset": offset})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
