"""Where the storage has addresses, a page sends videos straight there, through breaks, a pause, a reload; and saves them from there."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from playwright.sync_api import Page, Request, expect

from stereo_spot_aws_adapters import upload_state
from stereo_spot_aws_adapters.provision import cors_rules
from stereo_spot_shared.keys import source_key

pytestmark = pytest.mark.browser

SLOW = 2_000_000
"""Bytes a second."""
PART, BYTES = 2 << 20, 8_000_000


@pytest.fixture
def line(moto, line_to):
    """The way to the storage, for the page and for the server."""
    return line_to(moto.url)


@pytest.fixture
def server(serving, open_aws, line, tmp_path, monkeypatch, allowed):
    """A server in the cloud, whose pages may ask the storage too."""
    monkeypatch.setattr(upload_state, "DIRECT_PART_BYTES", PART)
    allowed.append(line.address)
    with serving(tmp_path, open_aws(line.address)) as server:
        bucket = urlsplit(server.platform.storage.uri("any")).netloc
        boto3.client("s3", "eu-central-1").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors_rules(server.address)})
        yield server


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "a long film.mp4"
    path.write_bytes(os.urandom(BYTES))
    return path


class Asked:
    """What pages ask for."""

    def __init__(self, page: Page) -> None:
        self.parts: list[int] = []
        """Where each part began whose address was asked for."""
        self.patches = self.puts = self.broken_off = 0
        page.context.on("request", self._note)
        page.context.on("requestfailed", self._note_end)

    def _note_end(self, request: Request) -> None:
        self.broken_off += request.method == "PUT"

    def _note(self, request: Request) -> None:
        self.patches += request.method == "PATCH"
        self.puts += request.method == "PUT"
        if request.url.endswith("/parts"):
            self.parts.append(request.post_data_json["offset"])


@pytest.fixture
def asked(page: Page) -> Asked:
    return Asked(page)


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("[data-drop] input", files)


def on_its_way(page: Page, asked: Asked) -> str:
    """The job of the one video of the page, once a part of it is there and another on its way."""
    expect(page.locator("[data-told]")).to_contain_text("/s")
    while not asked.parts or not asked.parts[-1]:
        page.wait_for_timeout(20)
    return job_of(page)


def job_of(page: Page) -> str:
    return page.locator("[data-uploads] li[data-job]").get_attribute("data-job") or ""


def arrived(server, page: Page, job_id: str) -> bytes:
    expect(page.locator(f"[data-uploads] li[data-job='{job_id}'][data-here]")).to_be_visible()
    return server.platform.storage.read_range(source_key(job_id))


def test_a_video_passes_the_server_by(page, server, film, asked):
    page.goto("/new")
    choose(page, film)
    assert arrived(server, page, job_of(page)) == film.read_bytes()
    assert (asked.parts, asked.puts, asked.patches) == ([0, PART, 2 * PART, 3 * PART], 4, 0)


def test_a_connection_that_breaks_costs_one_part(page, server, film, line, asked, allowed):
    allowed += ["net::ERR", "503", "409"]  # the server is cut off too, and an answer that it lost is asked for again
    line.bytes_per_second = SLOW
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page, asked)
    line.cut()
    expect(page.get_by_text("The connection broke. Trying again.")).to_be_visible()
    line.is_cut, line.bytes_per_second = False, None
    assert arrived(server, page, job_id) == film.read_bytes()
    assert asked.parts[0] == 0
    assert 0 not in asked.parts[1:]
    assert asked.patches == 0


def test_a_part_is_tried_again_and_again_each_time_at_another_address(page, server, film, asked, allowed):
    allowed += ["net::ERR"]
    addresses: list[str] = []
    page.context.on("request", lambda request: addresses.append(request.url) if request.method == "PUT" else None)
    page.route("**/source?*", lambda route: route.abort(), times=3)
    page.goto("/new")
    choose(page, film)
    assert arrived(server, page, job_of(page)) == film.read_bytes()
    assert asked.parts == [0, 0, 0, 0, PART, 2 * PART, 3 * PART]
    assert len(set(addresses)) == len(addresses)


def test_a_pause_is_a_pause(page, server, film, line, asked):
    line.bytes_per_second = SLOW
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page, asked)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    line.bytes_per_second = None
    before, puts = server.platform.uploads.stat(source_key(job_id)).offset, asked.puts
    page.wait_for_timeout(500)
    assert (server.platform.uploads.stat(source_key(job_id)).offset, asked.puts, asked.broken_off) == (before, puts, 1)
    page.get_by_role("button", name="Go on").click()
    assert arrived(server, page, job_id) == film.read_bytes()
    assert asked.parts.count(0) == 1
    assert asked.patches == 0


def test_after_a_reload_the_file_is_chosen_once_more_and_goes_on(page, server, film, line, asked):
    page.on("dialog", lambda dialog: dialog.accept())
    line.bytes_per_second = SLOW
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page, asked)
    page.reload()
    expect(page.get_by_text("Choose this file once more to go on.")).to_be_visible()
    assert page.get_by_role("progressbar", name=film.name).get_attribute("value") != "0"
    line.bytes_per_second = None
    choose(page, film)
    assert arrived(server, page, job_id) == film.read_bytes()
    assert asked.parts.count(0) == 1
    assert asked.patches == 0


def test_what_another_client_began_by_tus_goes_on_by_tus(page, server, client, film, asked):
    job = client.post("/api/v1/jobs", json={"name": film.name, "bytes": BYTES}).json()
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    client.patch(job["upload_url"], content=film.read_bytes()[:100], headers=headers)
    page.goto(f"/new/{job['id']}")
    choose(page, film)
    assert arrived(server, page, job["id"]) == film.read_bytes()
    assert (asked.parts, asked.puts) == ([100], 0)
    assert asked.patches > 0


def test_two_at_a_time(page, server, film, line, asked):
    films = [film, *(film.with_name(f"part {number}.mp4") for number in range(2, 5))]
    for copy in films[1:]:
        copy.write_bytes(film.read_bytes())
    line.bytes_per_second = SLOW
    page.goto("/new")
    choose(page, *films)
    expect(page.get_by_text("Waits for its turn")).to_have_count(len(films) - 2)
    line.bytes_per_second = None
    expect(page.locator("[data-uploads] li[data-here]")).to_have_count(len(films))
    assert asked.patches == 0


def test_a_finished_film_is_saved_from_the_storage_under_its_name(page, server, finished, line):
    job = finished(name="Größe & Co.mkv")
    begun: list[str] = []
    page.context.on("request", lambda request: begun.append(request.url))
    page.goto(f"/jobs/{job.job_id}")
    with page.expect_download() as found:
        page.get_by_role("link", name="Download").click()
    assert found.value.suggested_filename == "Größe & Co_3D_SBS_LRF.mp4"
    assert found.value.path().read_bytes() == server.platform.storage.read_range(job.result.output_key)
    assert found.value.url.startswith(line.address)
