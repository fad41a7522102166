"""From a dropped file to watching it, with real workers; the library, the settings, signing in."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.scene import Scene

pytestmark = pytest.mark.browser


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A short video with sound and subtitles."""
    captions = Captions(((200, 1200, "What he says"),), codec="mov_text", language="eng")
    scene = Scene(width=256, height=144, cut_frames=24)
    options = {"preset": "veryfast", "crf": "23"}
    return write_clip(
        tmp_path / "a film & more.mp4", Clip(scene=scene, frames=36, sounds=(Sound(),), captions=(captions,), options=options)
    )


def test_from_a_dropped_file_to_watching_it(page, server, workers, spoken, axe):
    page.goto("/")
    page.set_input_files("[data-drop] input", spoken)
    expect(page.locator("[data-uploads] li[data-here]")).to_have_count(1)
    expect(page.locator(".moments canvas")).to_have_count(3)
    assert axe(page) == []
    page.locator("label", has_text="Strong").click()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    job = server.platform.jobs.get(page.url.rpartition("/")[2])
    assert job.params.max_disparity == 3.0
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert axe(page) == []
    page.wait_for_selector("[data-player][data-drawn]")
    page.get_by_label("Subtitles").select_option("0")
    page.get_by_role("button", name="Play or pause").click()
    expect(page.locator("[data-caption]").first).to_have_text("What he says")
    expect(page.locator("[data-now]")).not_to_have_text("0:00")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "a film & more_3D_SBS_LRF.mp4"
    page.goto("/")
    expect(page.get_by_role("link", name="a film & more.mp4")).to_be_visible()
    assert page.locator(".card img").evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 256


def test_signing_in(browser, serving, tmp_path):
    with serving(tmp_path / "closed", password="correct horse") as server:
        context = browser.new_context(base_url=server.address)
        page = context.new_page()
        page.goto("/settings")
        expect(page).to_have_url(f"{server.address}/sign-in?next=/settings")
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not the password")
        page.get_by_label("Password").fill("correct horse")
        page.keyboard.press("Enter")
        page.wait_for_url("**/settings")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        context.close()


def test_a_library_whose_reader_was_signed_out_says_that_it_takes_nothing(browser, serving, tmp_path, clip):
    with serving(tmp_path / "closed", password="correct horse") as server:
        context = browser.new_context(base_url=server.address)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Password").fill("correct horse")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.address}/")
        context.clear_cookies()
        page.set_input_files("[data-drop] input", clip)
        expect(page.locator(".toast.bad")).to_contain_text("That did not work.")
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
        assert page.url == f"{server.address}/"
        context.close()


def test_a_library_finds_what_it_holds(page, server):
    with server.client() as client:
        for number in range(30):
            client.post("/api/v1/jobs", json={"name": f"Film {number}.mp4", "bytes": 5})
    page.goto("/")
    expect(page.locator(".card[id]")).to_have_count(24)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".card[id]")).to_have_count(30)
    page.get_by_label("Search by name").fill("film 17")
    expect(page.locator(".card[id]")).to_have_count(1)
    expect(page).to_have_url(f"{server.address}/?name=film+17&show=all")


@pytest.mark.parametrize("sign", ["hover", "focus"])
def test_a_poster_wiggles_while_somebody_looks(page, finished, views, screenshot, sign):
    card = f"#card-{finished().job_id}"
    page.goto("/")
    expect(page.locator(".card canvas")).to_have_count(0)
    getattr(page.locator(f"{card} h3 a"), sign)()
    expect(page.locator(f"{card} canvas")).to_be_visible()
    seen: set[int] = set()
    for _ in range(100):
        if len(seen) == 2:
            break
        now = screenshot(page, f"{card} canvas")
        seen |= {number for number, view in enumerate(views) if off(now, view) < 12}
    assert seen == {0, 1}
    page.mouse.move(0, 0)
    page.get_by_label("Search by name").focus()
    expect(page.locator(".card canvas")).to_have_count(0)


def test_a_poster_keeps_still_for_who_wants_that_and_where_there_is_one_view(page, finished):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/video/" in request.url else None)
    flat, stereo = finished(layout="anaglyph"), finished()
    page.goto("/")
    expect(page.locator(f"#card-{flat.job_id}")).to_contain_text("anaglyph")  # or nobody could tell the two of one name
    page.hover(f"#card-{flat.job_id} h3 a")
    page.wait_for_timeout(600)
    page.emulate_media(reduced_motion="reduce")
    page.hover(f"#card-{stereo.job_id} h3 a")
    page.wait_for_timeout(600)
    assert asked == []
    page.emulate_media(reduced_motion="no-preference")
    page.mouse.move(0, 0)
    page.hover(f"#card-{stereo.job_id} h3 a")
    expect(page.locator(".card canvas")).to_be_visible()


def off(one: np.ndarray, other: np.ndarray) -> float:
    """The mean difference of two pictures of one shape, apart from their edges, which are rounded off."""
    scaled = cv2.resize(other, (one.shape[1], one.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(one.astype(float) - scaled)[8:-8, 8:-8].mean())


def test_light_and_what_is_kept_are_remembered(page, server):
    page.goto("/settings")
    page.get_by_text("Light", exact=True).last.click()
    page.goto("/")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.goto("/settings")
    page.get_by_label("Keep results for so many days").fill("9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    with server.client() as client:
        assert client.get("/api/v1/preferences").json()["keep_results_days"] == 9


def test_another_language(page):
    page.goto("/settings")
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    page.goto("/new")
    expect(page.get_by_role("heading", name="Neue Umwandlung")).to_be_visible()


def test_the_browser_says_where_it_is(browser, server, awaited):
    context = browser.new_context(base_url=server.address, timezone_id="Asia/Tokyo", locale="en")
    page = context.new_page()
    page.goto("/")
    job_id = awaited(start=True)
    page.goto(f"/jobs/{job_id}")
    page.get_by_text("What happened").click()
    there = server.platform.jobs.get(job_id).created_at.astimezone(ZoneInfo("Asia/Tokyo"))
    expect(page.locator(".events")).to_contain_text(f", {there:%-I:%M:%S}")
    context.close()
