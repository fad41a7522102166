"""A video that the server fetches, named on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from video_server import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def urls_are_taken(monkeypatch):
    """To be asked for before the server."""
    monkeypatch.setenv("STEREO_SPOT_INGEST", "private")


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
        page.goto("/new")
        page.get_by_label("Or the address of a video").fill(video.url("/gone.mp4"))
        page.get_by_role("button", name="Fetch it").click()
        expect(page.locator("#toasts")).to_contain_text("has no such video")
        expect(row).to_have_count(0)
