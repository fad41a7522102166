"""A video that the server fetches, named on the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect
from video_server import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def urls_are_taken(monkeypatch):
    """To be asked for before the server."""
    monkeypatch.setenv("STEREO_SPOT_INGEST", "private")


def fetch(page: Page, url: str) -> str:
    """Have the server fetch a video; the id of its job."""
    page.goto("/new")
    page.get_by_label("Or the address of a video").fill(url)
    page.get_by_role("button", name="Fetch it").click()
    return page.locator("[data-uploads] li[data-job]").get_attribute("data-job") or ""


def test_from_a_url_to_the_start(urls_are_taken, server, page, workers, clip, axe):
    """The address is typed, the bar follows the server, the page may be loaded again, and what will not come is told."""
    with serving(clip.read_bytes()) as video:
        video.hold_at = len(video.content) // 2
        page.goto("/new")
        page.get_by_label("Or the address of a video").fill(video.url())
        page.get_by_role("button", name="Fetch it").click()
        row = page.locator("[data-uploads] li[data-job]")
        expect(row).to_contain_text("fetched")
        assert axe(page) == []
        job = server.platform.jobs.list().jobs[0]
        for address in (page.url, f"/new/{job.job_id}"):
            page.goto(address)
            expect(row).to_contain_text("fetched")
        video.let_go.set()
        expect(page.locator("[data-uploads] li[data-here]")).to_have_count(1)
        expect(page.locator(".moments canvas")).to_have_count(3)
        page.get_by_role("button", name="Start").click()
        page.wait_for_url(f"**/jobs/{job.job_id}")
        expect(page.get_by_text(video.url())).to_be_visible()
        video.status = 404
        fetch(page, video.url("/gone.mp4"))
        expect(page.locator("#toasts")).to_contain_text("has no such video")
        expect(row).to_have_count(0)


def test_what_is_removed_elsewhere_is_waited_for_no_longer(urls_are_taken, client, page, allowed):
    allowed += ["404"]
    job_id = fetch(page, "http://127.0.0.1:9/a%20film.mp4")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert client.delete(f"/api/v1/jobs/{job_id}").status_code == 204
    expect(page.locator("[data-uploads] li")).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    expect(page).to_have_url(re.compile("/new$"))
    expect(page.locator(".toast")).to_have_count(0)


def test_a_look_that_fails_leaves_the_bar_where_it_was(urls_are_taken, client, page, allowed):
    allowed += ["503"]
    looks = []

    def look(route: Route) -> None:
        looks.append(route)
        if len(looks) > 1:
            route.fulfill(status=503)
            return
        job = route.fetch().json()
        job["source"] |= {"bytes": 1000, "received": 400}
        route.fulfill(json=job)

    page.route(re.compile(r"/api/v1/jobs/\w{26}$"), look)
    fetch(page, "http://127.0.0.1:9/a%20film.mp4")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", "0.4")
    while len(looks) < 3:
        page.wait_for_timeout(50)
    expect(bar).to_have_attribute("value", "0.4")
    expect(page.locator("[data-told]")).to_have_text("400 B fetched")


def test_what_was_converted_before_the_next_look_is_waited_for_no_longer(urls_are_taken, client, page):
    job_id = fetch(page, "http://127.0.0.1:9/a%20film.mp4")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-uploads] li[data-started]")).to_be_visible()

    def look(route: Route) -> None:
        job = route.fetch().json()
        assert job["source"]["is_here"] is False  # as that of a completed job, which was swept
        route.fulfill(json=job | {"status": "completed"})

    page.route(f"**/api/v1/jobs/{job_id}", look)
    page.wait_for_url(f"**/jobs/{job_id}")
