"""Every page on a phone, in either light: nothing is cut off, everything can be hit, nobody is left out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from playwright.sync_api import expect

from stereo_spot_shared.jobs import JobError, JobStatus, Plan, Stage
from stereo_spot_shared.pipeline import enter

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}
LONG = "A film with a rather long name, which-does-not-break-anywhere-because-there-are-no-spaces-in-it.1080p.mkv"
SMALL = """() => [...document.querySelectorAll('a, button, input, select, summary')].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  const inText = one.matches('p a, td a, dd a') || one.matches('.unseen, .skip');
  const asLargeAsItsCard = one.matches('.card h3 a');
  const least = one.matches('button, a.button, nav a, select') ? 44 : 24;
  const label = one.closest('label')?.getBoundingClientRect();
  const isSmall = Math.max(height, label?.height ?? 0) < least || Math.max(width, label?.width ?? 0) < 24;
  return one.checkVisibility() && !inText && !asLargeAsItsCard && isSmall;
}).map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture
def places(server, awaited, finished):
    """The address of each kind of page."""
    rendering, failed = awaited(LONG, start=True), awaited(start=True)
    plan = Plan(plan_id="p", segment_count=300, frame_count=7200, duration=Fraction(300))
    jobs = server.platform.jobs
    jobs.update(jobs.get(rendering).evolve(status=JobStatus.RENDERING, plan=plan, cut=300))
    error = JobError(code="render_failed", message="It did not work.", stage=Stage.RENDER, segment_index=3, hint="Do something about it.")
    jobs.update(enter(jobs.get(failed).evolve(plan=plan, error=error), JobStatus.FAILED))
    watched = finished(name=LONG, subtitles=("WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nwords\n",))
    return {
        "library": "/",
        "an empty library": "/?show=running&name=nothing",
        "new": "/new",
        "options": f"/new/{awaited(LONG)}",
        "rendering": f"/jobs/{rendering}",
        "failed": f"/jobs/{failed}",
        "watch": f"/jobs/{watched.job_id}",
        "settings": "/settings",
        "for programs": "/api/docs",
        "nothing": "/nothing",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_serve_everybody(page, places, scheme, axe, allowed):
    allowed += ["404", "422"]  # the page that is not there, and the preview of what is no video
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(PHONE)
    for name, path in places.items():
        page.goto(path)
        if name == "watch":
            page.wait_for_selector("[data-player][data-drawn]")
        for details in page.locator("details").all():
            details.evaluate("(one) => { one.open = true; }")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        assert page.evaluate(SMALL) == [], name
        assert axe(page) == [], name


def test_a_phone_chooses_views_by_touch(page, finished):
    page.set_viewport_size(PHONE)
    page.goto(f"/jobs/{finished().job_id}")
    page.wait_for_selector("[data-player][data-drawn]")
    screen = page.locator("[data-screen]").bounding_box()
    for view in ("2d", "anaglyph", "side-by-side", "cross-eyed", "wiggle"):
        page.click(f"[data-view='{view}']")
        expect(page.locator(f"[data-player][data-drawn='{view}']")).to_be_visible()
        box = page.locator("[data-screen]").bounding_box()
        assert (box["x"], box["width"]) == (screen["x"], screen["width"])
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
