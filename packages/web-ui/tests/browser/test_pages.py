"""The pages in a real browser, with real workers behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from video_server import serving

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
PATIENCE = 60_000
BROKEN = "net::ERR_CONNECTION_RESET"

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, server) -> Iterator[Page]:
    """A page that complains of nothing and asks nobody but our server."""
    context = browser.new_context(base_url=server.address, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    # A connection that a test breaks itself is told on the console, whatever the page does.
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" and BROKEN not in message.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((server.address, "data:", "blob:")) else troubles.append(request.url))
    yield page
    context.close()
    assert troubles == []


def drop(page: Page, clip: Path) -> None:
    page.goto("/")
    page.set_input_files("[data-drop] input", clip)


def axe(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: ./nx run web-ui:vendor")
    page.evaluate(AXE.read_text())  # not as a script of the page, which its policy would refuse
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def shown(page: Page) -> np.ndarray:
    """The player's picture, made smaller: (height, 320, 3), 0..255."""
    height, data = page.evaluate(
        "() => { const c = document.querySelector('[data-screen] canvas'); const high = Math.round(320 * c.height / c.width);"
        " const small = new OffscreenCanvas(320, high).getContext('2d'); small.drawImage(c, 0, 0, 320, high);"
        " return [high, Array.from(small.getImageData(0, 0, 320, high).data)]; }"
    )
    return np.array(data, np.int32).reshape(height, 320, 4)[..., :3]


def choose(page: Page, view: str) -> np.ndarray:
    page.click(f"[data-view='{view}']")
    page.wait_for_selector(f"[data-player][data-drawn='{view}']")
    page.wait_for_timeout(300)
    return shown(page)


def plays_h264(page: Page) -> bool:
    return bool(page.evaluate("document.createElement('video').canPlayType('video/mp4; codecs=\"avc1.640028\"')"))


@pytest.fixture
def urls_are_taken(monkeypatch):
    """To be asked for before the server."""
    monkeypatch.setenv("STEREO_SPOT_INGEST", "private")


def test_from_a_url_to_the_start(urls_are_taken, server, page, workers, clip):
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
        page.goto(f"/new/{job.job_id}")
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


def test_from_a_dropped_file_to_watching_it(page, server, workers, clip):
    """The whole way, with the connection breaking while the file is sent."""
    broken = []

    def break_once(route):
        if broken or route.request.method != "PATCH":
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    page.route("**/api/v1/uploads/**", break_once)
    drop(page, clip)
    expect(page.locator("[data-uploads] li[data-here]")).to_have_count(1)
    assert broken
    expect(page.locator(".moments canvas")).to_have_count(3)
    assert axe(page) == []
    page.locator("label", has_text="Strong").click()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    job = server.platform.jobs.get(page.url.rpartition("/")[2])
    assert job.params.max_disparity == 3.0
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert axe(page) == []
    if not plays_h264(page):
        pytest.skip("this browser has no H.264: everything but the player was tried")
    page.wait_for_selector("[data-player][data-drawn]")
    flat, sides, crossed = (choose(page, view) for view in ("2d", "side-by-side", "cross-eyed"))
    half = sides.shape[1] // 2
    left, right = sides[:, :half], sides[:, half : 2 * half]
    assert np.abs(left - right).mean() > 1  # two eyes see two pictures
    assert np.abs(np.hstack([right, left]) - crossed[:, : 2 * half]).mean() < 3
    of_flat = flat[: 2 * left.shape[0] : 2, ::2]  # half as wide, as a view is beside the other
    rows, columns = min(of_flat.shape[0], left.shape[0]), min(of_flat.shape[1], left.shape[1])
    near, far = (np.abs(of_flat[:rows, :columns] - one[:rows, :columns]).mean() for one in (left, right))
    assert near < far
    anaglyph = choose(page, "anaglyph")
    assert np.abs(anaglyph - flat).mean() > 2
    page.keyboard.press("s")
    page.wait_for_timeout(200)
    assert np.abs(shown(page) - anaglyph).mean() > 0.5
    page.keyboard.press("v")
    expect(page.locator("[data-view='side-by-side']")).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="Play or pause").click()
    expect(page.locator("[data-now]")).not_to_have_text("0:00")


def test_a_job_is_stopped_removed_and_brought_back(page, server):
    with server.client() as client:
        job = client.post("/api/v1/jobs", json={"name": "a film.mp4", "bytes": 5, "start": True}).json()
        client.patch(job["upload_url"], content=b"12345", headers={"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"})
        page.goto(job["url"])
        expect(page.get_by_text("In the queue").first).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped").first).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url("**/")
        expect(page.locator(f"#card-{job['id']}")).to_be_hidden()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(f"#card-{job['id']}")).to_be_visible()
        assert client.get(job["url"]).status_code == 200
        page.goto(job["url"])
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url("**/")
        page.goto("/settings")  # the moment for second thoughts ends here
        page.wait_for_timeout(500)
        assert client.get(f"/api/v1/jobs/{job['id']}").status_code == 404


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/new", "/settings", "/api/docs"])
def test_pages_fit_a_phone_and_serve_everybody(page, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, a.button, nav a, select')].filter(e => e.offsetParent"
        " && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert small == []
    assert axe(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to the content"


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
