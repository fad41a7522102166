"""Choosing how a video is to look: previews, and an estimate of what it will take."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from fractions import Fraction

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from stereo_spot_shared import keys
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.jobs import new_job_id
from stereo_spot_shared.records import ConversionRecord, Machine
from stereo_spot_shared.rendering import RenderParams

pytestmark = pytest.mark.browser

BLACK = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()


def record(server, *, seconds_per_megapixel: float, bytes_per_megapixel: int, **params) -> None:
    """An earlier conversion, of a thousand megapixels."""
    made = ConversionRecord(
        job_id=new_job_id(),
        name="earlier.mp4",
        finished_at=datetime(2026, 1, 2, tzinfo=UTC),
        params=RenderParams(**params),
        depth="basic",
        source_width=1000,
        source_height=1000,
        source_bytes=1,
        output_bytes=1000 * bytes_per_megapixel,
        frames=1000,
        context_frames=0,
        duration=Fraction(40),
        segments=1,
        workers=2,
        chunk_seconds=1,
        render=StageSeconds(wall=2000 * seconds_per_megapixel),
        reassemble_seconds=0,
        total_seconds=1,
        machine=Machine(system="s", processor="p", cores=2),
    )
    server.platform.storage.put_bytes(made.to_json(), keys.record_key(made.job_id))


def arrive(page: Page, clip) -> None:
    page.goto("/new")
    page.set_input_files("[data-drop] input", clip)
    expect(page.locator(".moments canvas")).to_have_count(3)


def hold(page: Page, asked: str) -> list[Route]:
    """Let what is asked for wait, in this list."""
    waiting: list[Route] = []

    def wait(route: Route) -> None:
        waiting.append(route)

    page.route(asked, wait)
    return waiting


def test_what_it_will_take_is_estimated_from_what_was_alike(page, server, clip):
    """The clip has 36 frames of 256 by 144: 1.327 megapixels."""
    record(server, seconds_per_megapixel=100, bytes_per_megapixel=1_000_000)
    record(server, seconds_per_megapixel=10, bytes_per_megapixel=2_000_000, depth_profile="fast", quality="draft", layout="half-sbs")
    arrive(page, clip)
    estimate = page.locator("[data-estimate]")
    expect(estimate).to_have_text("About 2:10 on this server, once it is its turn. About 1.3 MB large.")
    page.locator("label", has_text="Draft").click()
    expect(estimate).to_have_text("About 0:13 on this server, once it is its turn.")
    page.locator("label", has_text="3D TV").click()
    expect(estimate).to_have_text("About 0:13 on this server, once it is its turn. About 2.7 MB large.")
    page.locator("label", has_text="Best").click()
    expect(estimate).to_be_hidden()


def test_what_is_estimated_of_one_video_is_not_said_of_another(page, server, clip, tmp_path):
    record(server, seconds_per_megapixel=100, bytes_per_megapixel=1_000_000)
    arrive(page, clip)
    estimate = page.locator("[data-estimate]")
    expect(estimate).to_contain_text("About 2:10")
    page.get_by_role("button", name="Cancel").click()
    looks, other = hold(page, "**/moments"), tmp_path / "another film.mp4"
    other.write_bytes(clip.read_bytes())
    page.set_input_files("[data-drop] input", other)
    while not looks:
        page.wait_for_timeout(20)
    expect(estimate).to_be_hidden()
    looks[0].continue_()
    expect(estimate).to_contain_text("About 2:10")


def test_nothing_is_said_where_nothing_was_measured(page, clip):
    arrive(page, clip)
    expect(page.locator("[data-estimate]")).to_be_hidden()
    assert page.locator("[data-estimate]").inner_text() == ""


def test_a_look_shows_both_eyes_the_depth_and_the_colours_of_glasses(page, clip, screenshot):
    page.emulate_media(reduced_motion="reduce")  # or it wiggles under the camera
    arrive(page, clip)
    expect(page.get_by_role("radio", name="Red-cyan", exact=True)).to_be_checked()
    looks = {}
    for look in ("Red-cyan", "Depth", "2D"):
        page.get_by_role("radio", name=look, exact=True).click()
        looks[look] = screenshot(page, ".moments figure:first-child canvas")
    grey = {look: float((picture.max(axis=-1).astype(int) - picture.min(axis=-1)).mean()) for look, picture in looks.items()}
    assert grey["Depth"] < 3 < min(grey["2D"], grey["Red-cyan"])
    assert abs(looks["2D"].astype(int) - looks["Red-cyan"]).mean() > 2


def test_going_back_while_another_look_is_made_keeps_what_is_shown(page, clip):
    """The other look's answer is here by then, and not all of its pictures."""
    arrive(page, clip)
    black = f"data:image/png;base64,{base64.b64encode(BLACK).decode()}"
    other = {"seconds": 1, "picture": "/late.png", "depth": black, "left": black, "right": black}
    page.route("**/moments", lambda route: route.fulfill(json={"depth": "basic", "width": 4, "height": 4, "frames": 1, "moments": [other]}))
    late = hold(page, "**/late.png")
    page.locator("label", has_text="Strong").click()
    expect(page.locator(".moments[aria-busy='true']")).to_be_visible()
    while not late:
        page.wait_for_timeout(20)
    page.locator("label", has_text="Natural").click()
    expect(page.locator(".moments.busy, .moments[aria-busy='true']")).to_have_count(0)
    late[0].fulfill(body=BLACK, content_type="image/png")
    page.wait_for_timeout(300)
    expect(page.locator(".moments canvas")).to_have_count(3)


def test_videos_that_arrive_meanwhile_do_not_begin_a_look_anew(page, clip):
    arrive(page, clip)
    looks = hold(page, "**/moments")
    page.locator("label", has_text="Strong").click()
    while not looks:
        page.wait_for_timeout(20)
    for _ in range(3):
        page.evaluate("document.querySelector('[data-uploads]').dispatchEvent(new Event('uploads-changed', { bubbles: true }))")
        page.wait_for_timeout(700)
    assert len(looks) == 1
    looks[0].continue_()
    expect(page.locator(".moments canvas")).to_have_count(3)
    expect(page.locator(".moments.busy")).to_have_count(0)


def test_going_back_after_a_look_that_failed_shows_the_pictures_again(page, clip, allowed):
    allowed += ["500"]
    arrive(page, clip)
    page.route("**/moments", lambda route: route.fulfill(status=500, json={"detail": "It broke."}), times=1)
    page.locator("label", has_text="Strong").click()
    expect(page.locator(".moments")).to_have_text("It broke.")
    page.locator("label", has_text="Natural").click()
    expect(page.locator(".moments canvas")).to_have_count(3)


def test_what_cannot_be_is_refused_in_words(page, clip, allowed):
    allowed += ["422"]
    arrive(page, clip)
    page.get_by_text("All options").click()
    page.get_by_label("--max-disparity").fill("99")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-refused]")).to_contain_text("max_disparity")
    page.get_by_label("--max-disparity").fill("1,5")
    expect(page.locator("[data-refused]")).to_be_hidden()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")


def test_a_long_import_folder_leaves_the_options_in_reach(browser, serving, tmp_path, clip):
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(60):
        (folder / f"a film whose name is so long that a phone has no room for it {number:02}.mp4").write_bytes(clip.read_bytes())
    with serving(tmp_path / "data", import_dir=folder) as server:
        context = browser.new_context(base_url=server.address, viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.goto("/new")
        names = page.locator(".imports .name")
        assert names.evaluate_all("(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length") == 0
        page.locator("[data-import]").nth(59).click()
        expect(page.locator("[data-uploads] li[data-here]")).to_have_count(1)
        assert page.locator("[data-options]").bounding_box()["y"] - page.locator("details").first.bounding_box()["y"] < 844
        context.close()
