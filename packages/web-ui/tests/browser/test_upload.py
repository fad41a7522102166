"""Videos are taken in: through a broken connection, a pause, a reload; many at once; and given up."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.keys import source_key

pytestmark = pytest.mark.browser

SLOW = 2_000_000
"""Bytes a second."""
BYTES = 8_000_000


@pytest.fixture
def film(tmp_path: Path, clip: Path) -> Path:
    """A video large enough to be interrupted: a clip, and a box behind it that players skip."""
    padding = BYTES - clip.stat().st_size
    path = tmp_path / "a long film.mp4"
    path.write_bytes(clip.read_bytes() + padding.to_bytes(4, "big") + b"free" + os.urandom(padding - 8))
    return path


@pytest.fixture
def address(line) -> str:
    """There is a slow line between browser and server."""
    line.bytes_per_second = SLOW
    return str(line.address)


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("[data-drop] input", files)


def job_of(page: Page) -> str:
    return page.locator("[data-uploads] li[data-job]").get_attribute("data-job") or ""


def on_its_way(page: Page) -> str:
    """The job of the one video of the page, once some of it has been sent."""
    expect(page.locator("[data-told]")).to_contain_text("/s")
    return job_of(page)


def received(server, job_id: str) -> int:
    return server.platform.uploads.stat(source_key(job_id)).offset


def arrived(server, page: Page, job_id: str) -> bytes:
    expect(page.locator(f"[data-uploads] li[data-job='{job_id}'][data-here]")).to_be_visible()
    return server.platform.storage.read_range(source_key(job_id))


def offsets(page: Page) -> list[int]:
    """Where each request went on that carried a part of a video."""
    found: list[int] = []
    page.context.on(
        "request", lambda request: found.append(int(request.headers["upload-offset"])) if "upload-offset" in request.headers else None
    )
    return found


def test_a_connection_that_breaks_costs_nothing_that_came_before(page, server, film, line, allowed):
    allowed += ["net::ERR"]
    begun = offsets(page)
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page)
    line.cut()
    expect(page.get_by_text("The connection broke. Trying again.")).to_be_visible()
    line.is_cut = False
    assert arrived(server, page, job_id) == film.read_bytes()
    assert begun[0] == 0
    assert 0 < begun[-1] < BYTES


def test_the_time_without_a_connection_is_not_taken_for_a_slow_one(page, film, line, allowed):
    allowed += ["net::ERR"]
    page.clock.install()
    page.goto("/new")
    choose(page, film)
    on_its_way(page)
    line.cut()
    expect(page.get_by_text("The connection broke. Trying again.")).to_be_visible()
    page.clock.fast_forward(300_000)
    line.is_cut = False
    expect(page.locator("[data-told]")).to_contain_text(re.compile(r"MB/s, 0:\d\d left"))


def test_a_pause_is_a_pause(page, server, film, line):
    begun = offsets(page)
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    line.bytes_per_second = None
    page.wait_for_timeout(300)  # what had left already arrives
    before = received(server, job_id)
    page.wait_for_timeout(300)
    assert received(server, job_id) == before < BYTES
    page.get_by_role("button", name="Go on").click()
    assert arrived(server, page, job_id) == film.read_bytes()
    assert begun == [0, before]


def test_an_upload_that_is_given_up_leaves_nothing(page, server, client, film, line):
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page)
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-uploads] li")).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    assert client.get(f"/api/v1/jobs/{job_id}").status_code == 404
    with pytest.raises(NotFound):
        received(server, job_id)
    page.reload()
    expect(page.locator("[data-uploads] li")).to_have_count(0)


def test_after_a_reload_the_file_is_chosen_once_more_and_goes_on(page, server, film, line, allowed):
    allowed += ["net::ERR"]
    page.on("dialog", lambda dialog: dialog.accept())
    begun = offsets(page)
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-uploads] li[data-started]")).to_be_visible()
    line.cut()
    while not received(server, job_id):
        page.wait_for_timeout(50)
    line.is_cut = False
    page.reload()
    expect(page.get_by_text("Choose this file once more to go on.")).to_be_visible()
    assert page.get_by_role("progressbar", name=film.name).get_attribute("value") != "0"
    assert job_of(page) == job_id
    line.bytes_per_second = None
    choose(page, film)
    page.wait_for_url(f"**/jobs/{job_id}")  # it was started before the reload, and has arrived
    assert server.platform.storage.read_range(source_key(job_id)) == film.read_bytes()
    assert 0 < begun[-1] < BYTES


def test_an_upload_is_found_again_in_the_library(page, server, film, line, allowed):
    allowed += ["409"]  # what was under way may still arrive, and its place is asked for anew
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/")
    choose(page, film)
    job_id = on_its_way(page)
    page.goto("/")
    page.get_by_role("link", name=film.name).click()
    expect(page.get_by_text(f"Choose “{film.name}” once more: it goes on where it stopped.")).to_be_visible()
    line.bytes_per_second = None
    choose(page, film)
    assert arrived(server, page, job_id) == film.read_bytes()


def test_videos_that_the_library_could_not_take_can_be_dropped_again(page, clip, line, allowed):
    allowed += ["net::ERR", "500"]
    line.bytes_per_second = None
    page.goto("/")
    line.cut()
    choose(page, clip)
    expect(page.get_by_text("The server cannot be reached.")).to_be_visible()
    line.is_cut = False
    page.route("**/new", lambda route: route.fulfill(status=500, body="<main id='main'>a proxy's own page</main>"), times=1)
    choose(page, clip)
    expect(page.get_by_text("That did not work.")).to_be_visible()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    choose(page, clip)
    expect(page.locator("[data-uploads] li[data-here]")).to_have_count(1)
    expect(page).to_have_url(re.compile("/new"))
    expect(page.locator("header [aria-current='page']")).to_have_text("New")


def test_many_at_once_leave_the_page_its_connections(page, server, client, film, line):
    films = [film, *(film.with_name(f"part {number}.mp4") for number in range(2, 8))]
    for copy in films[1:]:
        copy.write_bytes(film.read_bytes())
    page.goto("/new")
    choose(page, *films)
    rows = page.locator("[data-uploads] li[data-job]")
    expect(rows).to_have_count(len(films))
    assert rows.locator(".name").all_inner_texts() == [one.name for one in films]
    expect(page.get_by_text("Waits for its turn")).to_have_count(len(films) - 2)
    page.locator("label", has_text="Gentle").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-uploads] li[data-started]")).to_have_count(len(films))
    assert page.locator("[data-uploads] li[data-here]").count() < len(films)  # it did not have to wait for them
    line.bytes_per_second = None
    page.wait_for_url(lambda url: url.endswith("/"))
    expect(page.locator(".card[id]")).to_have_count(len(films))
    jobs = client.get("/api/v1/jobs").json()["jobs"]
    assert {(job["source"]["name"], job["status"], job["params"]["max_disparity"]) for job in jobs} == {
        (one.name, "queued", 1.2) for one in films
    }


def test_a_second_start_is_for_what_is_still_to_come(page, server, clip, film):
    page.goto("/new")
    choose(page, clip)
    first = job_of(page)
    arrived(server, page, first)
    choose(page, film)
    expect(page.locator("[data-uploads] li[data-sending] [data-told]")).to_contain_text("/s")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-uploads] li[data-started]")).to_have_count(2)
    page.locator("label", has_text="Gentle").click()
    with page.expect_response("**/start") as answer:
        page.get_by_role("button", name="Start").click()
    second = answer.value.url.split("/")[-2]
    assert second != first
    expect(page.locator("[data-refused]")).to_be_hidden()
    jobs = server.platform.jobs
    assert (jobs.get(first).params.max_disparity, jobs.get(second).params.max_disparity) == (2.0, 1.2)


DROP = """(files) => {
  const held = new DataTransfer();
  for (const [name, text] of files) held.items.add(new File([text], name, { type: 'video/mp4' }));
  const drag = { dataTransfer: held, bubbles: true, cancelable: true };
  const happen = (kind) => document.querySelector('main').dispatchEvent(new DragEvent(kind, drag));
  const kept = happen('dragover');
  const marked = document.body.classList.contains('dragging');
  happen('drop');
  return [kept, marked, document.body.classList.contains('dragging')];
}"""


@pytest.mark.parametrize("place", ["/", "/new"])
def test_files_are_dropped_anywhere_on_the_page(page, server, client, line, place):
    line.bytes_per_second = None
    page.goto(place)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(DROP, [["one.mp4", "the first"], ["two.mp4", "the second"]]) == [False, True, False]
    expect(page.locator("[data-uploads] li[data-here] .name")).to_have_text(["one.mp4", "two.mp4"])
    jobs = client.get("/api/v1/jobs").json()["jobs"]
    assert {job["source"]["name"]: server.platform.storage.read_range(source_key(job["id"])) for job in jobs} == {
        "one.mp4": b"the first",
        "two.mp4": b"the second",
    }


def test_a_file_that_is_chosen_twice_is_one_job(page, server, client, film, line):
    page.goto("/new")
    choose(page, film)
    job_id = on_its_way(page)
    choose(page, film)
    line.bytes_per_second = None
    assert arrived(server, page, job_id) == film.read_bytes()
    assert len(client.get("/api/v1/jobs").json()["jobs"]) == 1


def test_what_the_server_refuses_is_said_and_can_be_tried_again(page, server, film, line, allowed):
    allowed += ["403"]
    line.bytes_per_second = None
    page.goto("/new")
    refused = []

    def refuse_once(route) -> None:
        if refused or route.request.method != "PATCH":
            route.continue_()
        else:
            refused.append(route.fulfill(status=403, body="<h1>a proxy's own page</h1>"))

    page.route("**/api/v1/uploads/**", refuse_once)
    choose(page, film)
    expect(page.locator(".toast.bad")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    assert arrived(server, page, job_of(page)) == film.read_bytes()
