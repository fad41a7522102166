"""A headset's browser, emulated: each eye is shown its own view, from its own half of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

CLOSE = 6.0
"""Mean difference (of 255) that projection and coding make."""
EDGE = 24
"""Pixels at a side, where the page's scroll bar may be."""
CUES = "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nwords before the screen\n"


@pytest.fixture
def eyes(page, screenshot):
    """What each eye is shown: the screen that stands in the dark before it."""

    def look() -> list[np.ndarray]:
        picture = screenshot(page, "canvas[data-engine^='three']")
        half = picture.shape[1] // 2
        return [lit(one[:, EDGE:-EDGE]) for one in (picture[:, :half], picture[:, half:])]

    return look


def lit(picture: np.ndarray) -> np.ndarray:
    """The part of a picture that is not black."""
    bright = picture.max(axis=-1) > 24
    rows, columns = np.nonzero(bright.mean(axis=1) > 0.1)[0], np.nonzero(bright.mean(axis=0) > 0.1)[0]
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def off(one: np.ndarray, other: np.ndarray) -> float:
    scaled = cv2.resize(one, (other.shape[1], other.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(scaled.astype(float) - other).mean())


def enter(page: Page, job, emulator: str) -> None:
    page.add_init_script(emulator)
    page.goto(f"/jobs/{job.job_id}")
    page.wait_for_selector("[data-player][data-drawn]")
    page.get_by_role("button", name="Headset").click()
    page.wait_for_selector("canvas[data-engine^='three']")
    page.wait_for_timeout(500)


@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
def test_each_eye_sees_its_own_view(page, finished, views, emulator, eyes, half):
    left, right = views
    enter(page, finished(half=half), emulator)
    assert page.evaluate("headset.activeSession.enabledFeatures").count("local-floor") == 1
    first, second = eyes()
    assert first.shape[1] / first.shape[0] == pytest.approx(16 / 9, abs=0.03)
    assert off(first, left) < CLOSE < off(first, right)
    assert off(second, right) < CLOSE < off(second, left)
    page.keyboard.press("s")
    page.wait_for_timeout(300)
    first, second = eyes()
    assert off(first, right) < CLOSE < off(first, left)
    assert off(second, left) < CLOSE < off(second, right)


def test_a_master_whose_eyes_are_swapped_is_shown_the_right_way_round(page, finished, views, emulator, eyes):
    enter(page, finished(eye_swap=True), emulator)
    assert off(eyes()[0], views[1]) < CLOSE


def test_the_words_are_seen_too(page, finished, views, emulator, eyes):
    job = finished(subtitles=(CUES,))
    page.add_init_script(emulator)
    page.goto(f"/jobs/{job.job_id}")
    page.wait_for_selector("[data-player][data-drawn]")
    page.evaluate("document.querySelector('[data-player] video').currentTime = 0.5")
    page.get_by_label("Subtitles").select_option("0")
    expect(page.locator("[data-caption]").first).to_have_text("words before the screen")
    page.get_by_role("button", name="Headset").click()
    page.wait_for_selector("canvas[data-engine^='three']")
    page.wait_for_timeout(500)
    for seen, view in zip(eyes(), views, strict=True):
        scaled = cv2.resize(view, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_AREA)
        changed = np.abs(seen.astype(int) - scaled).max(axis=-1) > 60
        high, wide = changed.shape
        assert changed[int(0.75 * high) : int(0.97 * high), wide // 4 : -wide // 4].mean() > 0.05
        assert changed[int(0.1 * high) : int(0.7 * high), wide // 4 : -wide // 4].mean() < 0.1


def test_a_controller_plays_and_swaps_and_the_page_is_there_afterwards(page, finished, views, emulator, eyes):
    enter(page, finished(), emulator)
    paused = "document.querySelector('[data-player] video').paused"
    page.evaluate("document.querySelector('[data-player] video').loop = true")
    assert page.evaluate(paused) is False
    press(page, "trigger")
    assert page.evaluate(paused) is True
    press(page, "squeeze")
    assert off(eyes()[0], views[1]) < CLOSE
    page.evaluate("headset.activeSession.end()")
    expect(page.locator("canvas[data-engine^='three']")).to_have_count(0)
    page.get_by_role("radio", name="2D").click()
    expect(page.get_by_role("radio", name="2D")).to_be_checked()
    page.get_by_role("button", name="Headset").click()  # and in again
    page.wait_for_selector("canvas[data-engine^='three']")
    page.wait_for_timeout(500)
    assert off(eyes()[0], views[1]) < CLOSE


def press(page: Page, button: str) -> None:
    for value in (1, 0):
        page.evaluate("([name, value]) => headset.controllers.right.updateButtonValue(name, value)", [button, value])
        page.wait_for_timeout(200)


def test_without_a_headset_there_is_no_button(page, finished):
    page.goto(f"/jobs/{finished().job_id}")
    page.wait_for_selector("[data-player][data-drawn]")
    expect(page.get_by_role("radio", name="Wiggle")).to_be_visible()
    expect(page.get_by_role("button", name="Headset")).to_have_count(0)
