"""The whole way without a mouse: each step by keys, with the focus in sight."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

MOST_STEPS = 60


def reach(page: Page, selector: str) -> None:
    """Press Tab until the focus is on what a person looks for; on the way it is always in sight."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        assert seen(page), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"no way to {selector}")


def seen(page: Page) -> bool:
    """Whether what has the focus, or the label that stands for it, is marked by an outline."""
    return bool(
        page.evaluate(
            """() => {
              const it = document.activeElement;
              if (it === document.body) return true;  // between the page's end and its beginning
              const style = (one) => getComputedStyle(one);
              const marked = (one) => one && style(one).outlineStyle !== 'none' && parseFloat(style(one).outlineWidth) >= 2;
              const hidden = it.offsetWidth < 8;
              return (!hidden && marked(it)) || marked(it.nextElementSibling) || marked(it.closest('label'));
            }"""
        )
    )


def test_the_whole_way(page, server, workers, clip):
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reach(page, "a[href='/new']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new")
    reach(page, "[data-drop] input")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press(" ")
    chooser.value.set_files(clip)
    expect(page.locator("[data-uploads] li[data-here]")).to_be_visible()
    reach(page, "input[name='strength']")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Strong")).to_be_checked()
    expect(page.locator(".moments canvas")).to_have_count(3)
    reach(page, "button[type='submit']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    assert server.platform.jobs.get(page.url.rpartition("/")[2]).params.max_disparity == 3.0
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.wait_for_selector("[data-player][data-drawn]")
    reach(page, "[data-do='play']")
    page.keyboard.press(" ")
    expect(page.locator("[data-now]")).not_to_have_text("0:00")
    reach(page, "[data-view][aria-checked='true']")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Side by side")).to_be_checked()
    reach(page, "[data-window]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-window]")).to_have_value("0.1")
    reach(page, "[data-act='delete']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.locator(".card[id]")).to_be_hidden()
    reach(page, "#toasts button")
    page.keyboard.press("Enter")
    expect(page.locator(".card[id]")).to_be_visible()


def test_looks_are_chosen_by_arrows(page, server, clip):
    page.goto("/new")
    page.set_input_files("[data-drop] input", clip)
    expect(page.locator(".moments canvas")).to_have_count(3)
    reach(page, "[data-look][aria-checked='true']")
    expect(page.get_by_role("radio", name="Wiggle")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Red-cyan", exact=True)).to_be_focused()
    expect(page.get_by_role("radio", name="Red-cyan", exact=True)).to_be_checked()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="2D", exact=True)).to_be_checked()
    assert page.locator("[data-look][tabindex='0']").count() == 1
    for held in ("Alt", "Control", "Meta"):  # what the browser makes of them is its own
        page.keyboard.press(f"{held}+ArrowUp")
        expect(page.get_by_role("radio", name="2D", exact=True)).to_be_checked()


def test_escape_closes_what_was_told_and_leaves_the_full_screen(page, server, awaited, finished):
    page.goto(f"/jobs/{awaited(start=True)}")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.goto(f"/jobs/{finished().job_id}")
    page.wait_for_selector("[data-player][data-drawn]")
    page.keyboard.press("f")
    expect(page.locator("[data-player]:fullscreen")).to_be_visible()


def test_the_focus_can_be_seen_in_either_light(page, screenshot):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/new")
        calm = screenshot(page, "main")
        page.locator("[data-drop] input").focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        changed = np.abs(screenshot(page, "main").astype(int) - calm).max(axis=-1) > 40
        assert cv2.countNonZero(changed.astype(np.uint8)) > 500, scheme
