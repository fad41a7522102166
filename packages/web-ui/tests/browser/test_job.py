"""The page of one job: live progress, also where events do not come; stopping, trying again, removing; several tabs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from playwright.sync_api import Page, expect

from stereo_spot_shared.jobs import Activity, Job, JobStatus, Plan, Stage
from stereo_spot_web_ui.rendering import sentence

pytestmark = pytest.mark.browser

FRAMES = 100


@pytest.fixture
def rendering(server, awaited):
    """A job that is being rendered, and a way to let it go on: `advance(frames)`."""

    def begin(name: str = "a film.mp4"):
        job_id = awaited(name, start=True)
        plan = Plan(plan_id="p", segment_count=2, frame_count=FRAMES, duration=Fraction(4))
        server.platform.jobs.update(server.platform.jobs.get(job_id).evolve(status=JobStatus.RENDERING, plan=plan, cut=2))

        def advance(frames: int) -> None:
            server.platform.activity.report(
                Activity(job_id=job_id, stage=Stage.RENDER, segment_index=0, worker="w", done=frames, total=FRAMES // 2)
            )

        return job_id, advance

    return begin


def end(server, job_id: str, finished) -> Job:
    """Complete a job, with the result of another one."""
    jobs = server.platform.jobs
    return jobs.update(jobs.get(job_id).evolve(status=JobStatus.COMPLETED, result=finished().result, swept=True))


def percent(client, job_id: str) -> int:
    return int(client.get(f"/api/v1/jobs/{job_id}").json()["progress"]["fraction"] * 100)


def test_progress_is_live_in_the_page_and_in_its_title(page, server, client, rendering, finished):
    job_id, advance = rendering()
    page.goto(f"/jobs/{job_id}")
    seen = []
    for frames in (5, 25, 49):
        advance(frames)
        expect(page.get_by_text(f"{frames} / {FRAMES}")).to_be_visible()
        seen.append(percent(client, job_id))
        expect(page).to_have_title(f"{seen[-1]} % · a film.mp4 – StereoSpot")
        assert float(page.get_by_role("progressbar", name="Progress").get_attribute("value") or 0) == pytest.approx(
            seen[-1] / 100, abs=0.01
        )
    assert 0 < seen[0] < seen[1] < seen[2] < 100
    expect(page.locator(".strip li")).to_have_count(2)
    end(server, job_id, finished)
    page.wait_for_selector("[data-player][data-drawn]")
    expect(page).to_have_title("a film.mp4 – StereoSpot")


@pytest.mark.parametrize("how", ["refused", "held back"])
def test_where_events_do_not_come_the_page_asks(page, server, rendering, finished, allowed, how):
    """As with a proxy that refuses them, or one that keeps them until there are more."""
    allowed += ["502"]
    job_id, advance = rendering()
    kept = []
    page.route("**/live", lambda route: route.fulfill(status=502) if how == "refused" else kept.append(route))
    page.clock.install()
    page.goto(f"/jobs/{job_id}")
    advance(25)
    expect(page.get_by_text("0 / 100")).to_be_visible()
    page.clock.fast_forward(30_000)
    expect(page.get_by_text("25 / 100")).to_be_visible()
    expect(page).to_have_title("26 % · a film.mp4 – StereoSpot")
    end(server, job_id, finished)
    page.clock.fast_forward(6_000)
    page.wait_for_selector("[data-player][data-drawn]")


def test_events_come_again_after_a_connection_broke(browser, server, line, rendering):
    job_id, advance = rendering()
    context = browser.new_context(base_url=line.address)
    page = context.new_page()
    page.route("**/state", lambda route: route.abort())  # nobody may say that asking did it
    page.goto(f"/jobs/{job_id}")
    advance(5)
    expect(page.get_by_text("5 / 100")).to_be_visible()
    line.cut()
    advance(25)
    line.is_cut = False
    expect(page.get_by_text("25 / 100")).to_be_visible()
    context.close()


def test_a_library_is_as_the_server_has_it(page, server, client, rendering, awaited, finished):
    """What is made, goes on, ends and is removed elsewhere (by the command, say), with no connection that lasts."""
    page.route("**/live**", lambda route: route.abort())
    page.goto("/")
    expect(page.locator("[data-drop]")).to_be_visible()
    expect(page.get_by_role("search")).to_be_hidden()
    page.clock.install()
    page.reload()
    job_id, advance = rendering()
    page.clock.fast_forward(11_000)
    card = page.locator(f"#card-{job_id}")
    expect(page.get_by_role("search")).to_be_visible()
    bar = card.get_by_role("progressbar", name="Progress of a film.mp4")
    before = bar.get_attribute("value")
    page.get_by_label("Search by name").fill("film")
    page.clock.fast_forward(1_000)
    page.wait_for_url("**/?name=film**")
    card.get_by_role("link").focus()
    advance(40)
    other, unlike = awaited("another film.mp4"), awaited("unlike.mp4")
    page.clock.fast_forward(3_000)
    expect(bar).not_to_have_attribute("value", before or "")
    expect(page.locator(".card[id] h3")).to_have_text(["another film.mp4", "a film.mp4"])
    expect(card.get_by_role("link")).to_be_focused()
    end(server, job_id, finished)
    for one in (other, unlike):
        client.delete(f"/api/v1/jobs/{one}")
    page.clock.fast_forward(3_000)
    expect(card.get_by_text("Ready")).to_be_visible()
    expect(page.locator(f"#card-{other}")).to_have_count(0)


def test_a_library_keeps_what_was_asked_for_in_sight(page, server, client, awaited):
    for number in range(30):
        client.post("/api/v1/jobs", json={"name": f"film {number}.mp4", "bytes": 5})
    page.clock.install()
    page.goto("/")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".card[id]")).to_have_count(30)
    awaited("the newest.mp4")
    page.clock.fast_forward(11_000)
    expect(page.locator(".card h3").first).to_have_text("the newest.mp4")
    expect(page.locator(".card[id]")).to_have_count(30)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".card[id]")).to_have_count(31)


def test_second_thoughts_are_not_disturbed_by_what_goes_on(page, rendering, awaited):
    removed, (running, advance) = awaited("removed.mp4"), rendering()
    page.goto(f"/new/{removed}")
    page.clock.install()
    page.evaluate("(job) => sessionStorage.setItem('removing', job)", removed)  # as the page of a job does
    page.goto("/")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    advance(40)
    page.clock.fast_forward(3_000)
    page.clock.fast_forward(3_000)
    expect(page.locator(f"#card-{removed}")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    page.clock.fast_forward(3_000)
    expect(page.locator(f"#card-{removed}")).to_be_visible()
    expect(page.locator(f"#card-{running} progress")).not_to_have_attribute("value", "0.0")


def test_a_library_that_became_empty_takes_a_video(page, client, awaited, clip):
    job_id = awaited()
    page.clock.install()
    page.goto("/")
    expect(page.locator(".card[id]")).to_have_count(1)
    client.delete(f"/api/v1/jobs/{job_id}")
    page.clock.fast_forward(11_000)
    expect(page.locator("[data-drop]")).to_be_visible()
    page.set_input_files("[data-drop] input", clip)
    expect(page.locator("[data-uploads] li[data-here] .name")).to_have_text(clip.name)


def test_two_tabs_do_not_disturb_each_other(page, context, server, client, rendering, clip):
    (one, go_on), (other, go_on_too) = rendering("one.mp4"), rendering("other.mp4")
    second = context.new_page()
    page.goto(f"/jobs/{one}")
    second.goto(f"/jobs/{other}")
    go_on(10)
    go_on_too(40)
    expect(page.get_by_text("10 / 100")).to_be_visible()
    expect(second.get_by_text("40 / 100")).to_be_visible()
    expect(page).to_have_title(f"{percent(client, one)} % · one.mp4 – StereoSpot")
    expect(second).to_have_title(f"{percent(client, other)} % · other.mp4 – StereoSpot")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    second.goto("/")
    expect(second.locator(f"#card-{one}")).to_be_visible()  # the time for second thoughts is not over
    expect(second.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    for tab, name in ((page, "first.mp4"), (second, "second.mp4")):
        tab.goto("/new")
        tab.set_input_files("[data-drop] input", {"name": name, "mimeType": "video/mp4", "buffer": clip.read_bytes()})
        expect(tab.locator("[data-uploads] li[data-here] .name")).to_have_text(name)
    for tab, name in ((page, "first.mp4"), (second, "second.mp4")):
        tab.reload()
        expect(tab.locator("[data-uploads] li[data-here] .name")).to_have_text([name])


def test_a_failure_says_why_and_what_to_do_and_can_be_tried_again(page, server, working, client, clip, awaited, axe):
    job_id = awaited(clip.name, clip.read_bytes(), start=True)
    page.goto(f"/jobs/{job_id}")
    with working(server, STEREO_SPOT_MEDIA_LIMITS='{"max_pixels": 4096}'):
        failure = page.get_by_role("alert")
        expect(failure).to_be_visible()
    error = client.get(f"/api/v1/jobs/{job_id}").json()["error"]
    assert error["code"] == "unsupported_media"
    expect(failure.get_by_role("heading")).to_have_text(sentence(error["message"]))
    expect(failure).to_contain_text(sentence(error["hint"]))
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert axe(page) == []
    with working(server):
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_job_is_stopped_removed_and_brought_back(page, client, awaited):
    job_id = awaited(start=True)
    page.goto(f"/jobs/{job_id}")
    expect(page.get_by_text("In the queue").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped").first).to_be_visible()
    delete_here(page)
    expect(page.locator(f"#card-{job_id}")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#card-{job_id}")).to_be_visible()
    assert client.get(f"/api/v1/jobs/{job_id}").status_code == 200
    page.goto(f"/jobs/{job_id}")
    delete_here(page)
    page.goto("/settings")  # the moment for second thoughts ends here
    while client.get(f"/api/v1/jobs/{job_id}").status_code != 404:
        page.wait_for_timeout(50)


def delete_here(page: Page) -> None:
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


def test_again_with_other_options(page, client, awaited):
    job_id = awaited(start=True)
    page.goto(f"/jobs/{job_id}")
    page.get_by_role("button", name="Again, with other options").click()
    page.wait_for_url("**/new/*")
    expect(page.locator("[data-uploads] li[data-here] .name")).to_have_text("a film.mp4")
    page.locator("label", has_text="Gentle").click()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    again = client.get(f"/api/v1/jobs/{page.url.rpartition('/')[2]}").json()
    assert (again["status"], again["params"]["max_disparity"]) == ("queued", 1.2)
    assert client.get(f"/api/v1/jobs/{job_id}").json()["params"]["max_disparity"] == 2
