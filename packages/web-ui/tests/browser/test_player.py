"""The player: what each view shows is compared with what it should show, of masters whose pixels are known."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from stereo_inference.packing.anaglyph_colours import GAMMA, GLASSES
from stereo_spot_shared.rendering import FramePacking

pytestmark = pytest.mark.browser

CLOSE = 3.0
"""Mean difference (of 255) that coding and scaling make."""
CUES = """WEBVTT

00:00:00.500 --> 00:00:01.500
Tom &amp; <i>Jerry</i> &lt;3

00:00:02.500 --> 00:00:03.500
the <b>other</b> words
"""


def shown(page: Page) -> np.ndarray:
    """The player's picture: (height, 320, 3), 0..255."""
    address = page.evaluate(
        "() => { const c = document.querySelector('[data-screen] canvas'); const small = document.createElement('canvas');"
        " [small.width, small.height] = [320, Math.round(320 * c.height / c.width)];"
        " small.getContext('2d').drawImage(c, 0, 0, small.width, small.height); return small.toDataURL('image/png'); }"
    )
    png = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def choose(page: Page, view: str) -> np.ndarray:
    page.click(f"[data-view='{view}']")
    settled(page, view)
    return shown(page)


def settled(page: Page, view: str) -> None:
    """Wait until `view` is drawn on a canvas of its shape."""
    page.wait_for_selector(f"[data-player][data-drawn='{view}']")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))")


def watch(page: Page, job) -> None:
    """Open a job's player, and wait until it has a picture."""
    page.goto(f"/jobs/{job.job_id}")
    page.wait_for_selector("[data-player][data-drawn]")


def off(one: np.ndarray, other: np.ndarray) -> float:
    """The mean difference of two pictures, the second scaled to the first's size."""
    scaled = cv2.resize(other, (one.shape[1], one.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(one.astype(float) - scaled).mean())


def anaglyph(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What the renderer makes of two views for red-cyan glasses."""
    first, second = GLASSES[FramePacking.ANAGLYPH].mixing(np.zeros(3, np.float32))
    light = (left / 255.0) ** GAMMA @ first.T + (right / 255.0) ** GAMMA @ second.T
    return (255 * np.clip(light, 0, 1) ** (1 / GAMMA)).astype(np.uint8)


def seek(page: Page, seconds: float) -> None:
    page.evaluate(
        "(to) => new Promise((done) => { const video = document.querySelector('[data-player] video');"
        " video.addEventListener('seeked', done, { once: true }); video.currentTime = to; })",
        seconds,
    )


def test_each_view_shows_what_it_should(page, finished, views):
    left, right = views
    watch(page, finished())
    wanted = {
        "2d": left,
        "anaglyph": anaglyph(left, right),
        "side-by-side": np.hstack([left, right]),
        "cross-eyed": np.hstack([right, left]),
    }
    found = {view: choose(page, view) for view in wanted}
    for view, picture in found.items():
        assert picture.shape[0] == round(320 * wanted[view].shape[0] / wanted[view].shape[1]), view
        assert {name: off(picture, other) < CLOSE for name, other in wanted.items()} == {name: name == view for name in wanted}, view
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Swap eyes")).to_have_attribute("aria-pressed", "true")
    assert off(choose(page, "2d"), right) < CLOSE
    assert off(choose(page, "anaglyph"), anaglyph(right, left)) < CLOSE


def test_views_that_were_squeezed_are_shown_at_their_width(page, finished, views):
    left, right = views
    watch(page, finished(half=True))
    flat, crossed = choose(page, "2d"), choose(page, "cross-eyed")
    assert (flat.shape[0], crossed.shape[0]) == (180, 90)
    assert off(flat, left) < CLOSE
    assert off(crossed, np.hstack([right, left])) < CLOSE


def test_a_master_whose_eyes_are_swapped_is_shown_the_right_way_round(page, finished, views):
    left, right = views
    watch(page, finished(eye_swap=True))
    assert off(choose(page, "2d"), right) < CLOSE  # it lies where the left view does in other masters
    assert off(choose(page, "side-by-side"), np.hstack([right, left])) < CLOSE
    expect(page.get_by_role("button", name="Swap eyes")).to_have_attribute("aria-pressed", "false")


def test_a_master_of_one_picture_offers_nothing_that_needs_two(page, finished):
    watch(page, finished(layout="anaglyph"))
    assert page.locator("[data-view]:not(:disabled)").all_inner_texts() == ["2D"]
    expect(page.get_by_role("button", name="Full screen")).to_be_visible()
    expect(page.get_by_role("button", name="Swap eyes")).to_be_hidden()
    expect(page.locator("[data-window]")).to_be_hidden()


def test_wiggling_shows_one_eye_after_the_other(page, finished, views):
    watch(page, finished())
    page.click("[data-view='wiggle']")
    seen = set()
    for _ in range(40):
        now = shown(page)
        seen |= {number for number, view in enumerate(views) if now.shape[0] == 180 and off(now, view) < CLOSE}
        if len(seen) == 2:
            break
        page.wait_for_timeout(50)
    assert seen == {0, 1}


def test_the_window_is_moved_without_a_mouse(page, finished, views):
    left, right = views
    watch(page, finished())
    choose(page, "side-by-side")
    for _ in range(10):
        page.keyboard.press("-")
    expect(page.locator("[data-window]")).to_have_value("-2")
    moved = 320 * 2 // 200  # pixels of each view; the two go apart
    wanted = np.hstack([np.roll(left, moved, axis=1), np.roll(right, -moved, axis=1)])
    wanted[:, :moved] = wanted[:, -moved:] = 0
    settled(page, "side-by-side")
    assert off(shown(page), wanted) < off(shown(page), np.hstack([left, right])) / 3


def test_keys(page, finished):
    watch(page, finished())
    page.click("[data-view='2d']")
    page.locator("body").click(position={"x": 2, "y": 2})
    playing = "() => !document.querySelector('[data-player] video').paused"
    for key in (" ", "k"):
        page.keyboard.press(key)
        expect(page.locator("[data-now]")).not_to_have_text("0:00")
        assert page.evaluate(playing) is True
        page.keyboard.press(key)
        assert page.evaluate(playing) is False
        seek(page, 0)
    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('[data-player] video').muted") is True
    page.keyboard.press("v")
    expect(page.get_by_role("radio", name="Red-cyan")).to_be_checked()
    page.get_by_role("radio", name="Red-cyan").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Side by side")).to_be_focused()
    expect(page.get_by_role("radio", name="Side by side")).to_be_checked()
    page.locator("[data-seek]").focus()
    page.keyboard.press("End")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-now]")).to_have_text("0:00")
    page.keyboard.press("f")
    expect(page.locator("[data-player]:fullscreen")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("[data-player]:fullscreen")).to_have_count(0)


def test_on_the_full_screen_the_picture_owns_it(page, finished):
    page.clock.install()
    watch(page, finished())
    choose(page, "2d")
    page.evaluate("document.querySelector('[data-player] video').loop = true")
    page.keyboard.press("f")
    expect(page.locator("[data-player]:fullscreen")).to_be_visible()
    whole = page.evaluate("[innerWidth, innerHeight]")
    box = page.locator("[data-screen]").bounding_box()
    assert max(box["width"] / whole[0], box["height"] / whole[1]) == pytest.approx(1, abs=0.01)
    page.keyboard.press("k")
    page.clock.fast_forward(4_000)
    expect(page.locator(".bars")).to_have_css("opacity", "0")
    page.mouse.move(300, 300)
    expect(page.locator(".bars")).to_have_css("opacity", "1")
    page.clock.fast_forward(4_000)
    expect(page.locator(".bars")).to_have_css("opacity", "0")
    page.keyboard.press("k")  # whoever pauses wants them
    expect(page.locator(".bars")).to_have_css("opacity", "1")


@pytest.mark.parametrize("focus", ["document.activeElement.blur()", "document.querySelector('[data-view][tabindex=\"0\"]').focus()"])
def test_any_key_brings_the_controls_back(page, finished, focus):
    page.clock.install()
    watch(page, finished())
    full_and_idle(page)
    page.evaluate(focus)
    expect(page.locator(".bars")).to_have_css("opacity", "0")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bars")).to_have_css("opacity", "1")


def test_a_tap_that_brings_the_controls_back_presses_none(browser, server, finished):
    context = browser.new_context(base_url=server.address, has_touch=True)
    page = context.new_page()
    page.clock.install()
    watch(page, finished())
    full_and_idle(page)
    page.evaluate(
        "{ const seek = document.querySelector('[data-seek]'); seek.addEventListener('input', () => { seek.dataset.sought = 'yes'; }); }"
    )
    part = "document.querySelector('[data-player] {}')"
    dones = {
        "mute": part.format("video") + ".muted",
        "play": part.format("video") + ".paused",
        "seek": part.format("[data-sought]") + " !== null",
    }
    for name, done in dones.items():
        box = page.locator(f"[data-do='{name}'], [data-{name}]").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        expect(page.locator(".bars")).to_have_css("opacity", "0")
        page.touchscreen.tap(*middle)
        expect(page.locator(".bars")).to_have_css("opacity", "1")
        assert page.evaluate(done) is False, name
        page.touchscreen.tap(*middle)
        assert page.evaluate(done) is True, name
        page.evaluate("document.querySelector('[data-player] video').play()")
        page.clock.fast_forward(4_000)
    context.close()


def test_a_click_without_a_move_presses_nothing_that_is_hidden(page, finished):
    page.clock.install()
    watch(page, finished())
    full_and_idle(page)
    box = page.locator("[data-do='mute']").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.clock.fast_forward(4_000)
    expect(page.locator(".bars")).to_have_css("opacity", "0")
    for is_muted in (False, True):
        page.mouse.down()
        page.mouse.up()
        expect(page.locator(".bars")).to_have_css("opacity", "1")
        assert page.evaluate("document.querySelector('[data-player] video').muted") is is_muted


def full_and_idle(page: Page) -> None:
    """On the full screen, playing, until the controls have gone."""
    page.evaluate("document.querySelector('[data-player] video').loop = true")
    page.keyboard.press("f")
    expect(page.locator("[data-player]:fullscreen")).to_be_visible()
    page.keyboard.press("k")
    page.clock.fast_forward(4_000)
    expect(page.locator(".bars")).to_have_css("opacity", "0")


def test_subtitles_are_on_the_picture_at_their_times(page, finished, screenshot):
    watch(page, finished(subtitles=(CUES, CUES.replace("Tom", "Tim"))))
    choose(page, "2d")
    seek(page, 1)
    bare = screenshot(page, "[data-screen]")
    page.get_by_label("Subtitles").select_option("1")
    expect(page.locator("[data-caption]").first).to_have_text("Tim & Jerry <3")
    page.get_by_label("Subtitles").select_option("0")
    expect(page.locator("[data-caption]").first).to_have_text("Tom & Jerry <3")
    changed = np.abs(screenshot(page, "[data-screen]").astype(int) - bare).max(axis=-1) > 60
    high, wide = changed.shape
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 100
    assert rows.min() > 0.75 * high  # at the foot
    assert abs(columns.mean() / wide - 0.5) < 0.03  # in the middle
    seek(page, 2)
    expect(page.locator("[data-caption]").first).to_be_empty()
    seek(page, 3)
    expect(page.locator("[data-caption]").first).to_have_text("the other words")
    page.get_by_label("Subtitles").select_option("")
    expect(page.locator("[data-caption]").first).to_be_empty()


def test_every_eye_sees_the_words(page, finished):
    watch(page, finished(subtitles=(CUES,)))
    seek(page, 1)
    page.get_by_label("Subtitles").select_option("0")
    expect(page.locator("[data-caption]").first).to_have_text("Tom & Jerry <3")
    one, two = [0.5], [0.25, 0.75]
    for view, middles in (("2d", one), ("side-by-side", two), ("anaglyph", one), ("cross-eyed", two), ("wiggle", one)):
        choose(page, view)
        screen = page.locator("[data-screen]").bounding_box()
        places = page.locator("[data-caption]:visible").all()
        assert [place.inner_text() for place in places] == ["Tom & Jerry <3"] * len(middles), view
        boxes = [place.bounding_box() for place in places]
        assert [(box["x"] + box["width"] / 2 - screen["x"]) / screen["width"] for box in boxes] == pytest.approx(middles, abs=0.01)


@pytest.mark.parametrize("sound", [False, True], ids=["silent", "with sound"])
def test_a_master_that_this_browser_cannot_play_is_made_into_one_that_it_can(page, finished, workers, views, sound):
    if page.evaluate("document.createElement('video').canPlayType('video/mp4; codecs=\"hvc1.1.6.L93.B0\"')"):
        pytest.skip("this browser plays HEVC")
    job = finished(codec="libx265", sound=sound)
    page.goto(f"/jobs/{job.job_id}")
    expect(page.get_by_text("This browser cannot play the file as it is.")).to_be_visible()
    page.get_by_role("button", name="Make a version that it can play").click()
    expect(page.get_by_role("progressbar", name="Making a version that it can play")).to_be_visible()
    page.wait_for_selector("[data-player][data-drawn]")
    expect(page.locator("[data-trouble]")).to_be_hidden()
    assert off(choose(page, "2d"), views[0]) < CLOSE
    assert off(choose(page, "cross-eyed"), np.hstack(views[::-1])) < CLOSE
    page.reload()  # it is there now, and nobody has to ask
    page.wait_for_selector("[data-player][data-drawn]")
    expect(page.locator("[data-trouble]")).to_be_hidden()
