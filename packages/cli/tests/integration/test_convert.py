"""Conversions from end to end, as a person starts, stops, kills and repeats them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import httpx
import pytest

from stereo_spot_cli.conversion.run import rendered_segments
from stereo_spot_media.scene import read_frame_number
from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Job, JobStatus

FAST = ("--quality", "draft", "--segment-seconds", "0.5", "--workers", "1")
KEYS = [
    "job_id", "status", "output", "right", "layout", "width", "height", "frames", "segments", "segments_rendered", "left_out", "depth",
    "lost", "warnings", "seconds",
]  # fmt: skip


def frame_numbers(path: Path) -> list[int]:
    """What is drawn on the left view of every frame."""
    with av.open(str(path)) as container:
        pictures = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        return [read_frame_number(picture[:, : picture.shape[1] // 2]) for picture in pictures]


def job_of(shell) -> Job | None:
    """The newest job in the data directory."""
    if not (shell.data_dir / "stereo-spot.db").exists():
        return None
    platform = shell.platform()
    try:
        return next(iter(platform.jobs.list(limit=1).jobs), None)
    finally:
        platform.close()


def finished_segments(shell) -> dict[int, str]:
    """The attempt that stands for each finished segment of the newest job."""
    job = job_of(shell)
    if job is None or job.status.is_final:
        return {}
    platform = shell.platform()
    try:
        return {one.segment_index: one.attempt_id for one in platform.completions.query_by_job(job.job_id).completions}
    finally:
        platform.close()


def fill(ballast: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1_000_000)):
            pass


def test_json_is_one_object_and_the_output_is_whole(shell, clip: Path) -> None:
    answer = shell.run("convert", clip, "-o", "out.mp4", *FAST, "--json")
    assert answer.status == 0, answer
    facts = answer.json
    assert list(facts) == KEYS
    assert list(facts["seconds"]) == ["chunk", "render", "reassemble", "total"]
    assert (facts["status"], facts["frames"], facts["width"], facts["height"]) == ("completed", 48, 384, 108)
    assert (facts["layout"], facts["depth"], facts["left_out"], facts["lost"]) == ("full-sbs", "basic", [], [])
    assert facts["output"] == str(shell.folder / "out.mp4")
    assert facts["segments"] == facts["segments_rendered"] >= 3
    assert frame_numbers(shell.folder / "out.mp4") == list(range(48))
    assert sorted(path.name for path in shell.folder.iterdir()) == ["out.mp4"]

    # What is kept is the job's row and its record; the objects, logs and scratch files are gone.
    assert [path for path in (shell.data_dir / "objects").rglob("*") if path.is_file()] == [
        shell.data_dir / "objects" / keys.record_key(facts["job_id"])
    ]
    assert not any((shell.data_dir / "logs").iterdir())
    assert not any((shell.data_dir / "scratch").iterdir())

    assert shell.run("convert", clip, "-o", "out.mp4", *FAST, "--json").json["error"]["code"] == "output_exists"
    assert [job["status"] for job in shell.run("jobs", "list", "--json").json["jobs"]] == ["completed"]

    gathered = shell.run("gather", "-o", "records", "--json").json
    assert [record["frames"] for record in gathered["records"]] == [48]
    plots = [Path(file) for file in gathered["files"] if file.endswith(".png")]
    assert len(plots) == 3
    assert all((shell.folder / plot).read_bytes().startswith(b"\x89PNG") for plot in plots)


@pytest.mark.slow
def test_the_same_command_makes_it_anew_where_its_result_was_taken(shell, clip: Path) -> None:
    words = ("convert", clip, "-o", "out.mp4", *FAST)
    first = shell.run(*words, "--json").json
    (shell.folder / "out.mp4").unlink()
    second = shell.run(*words, "--json").json
    assert second["job_id"] != first["job_id"]
    assert second["segments_rendered"] == first["segments_rendered"] > 0
    third = shell.run(*words, "--overwrite")
    assert "out.mp4: 48 frames, 384×108, full-sbs, depth “basic”" in third.out
    assert frame_numbers(shell.folder / "out.mp4") == list(range(48))


@pytest.mark.parametrize("how", ["ctrl-c", pytest.param("terminate", marks=pytest.mark.slow), "kill"])
def test_the_same_command_goes_on_and_renders_no_finished_segment_again(
    shell, clip: Path, started: Callable[..., subprocess.Popen[str]], how: str
) -> None:
    words = ("convert", clip, "-o", "out.mp4", *FAST, "--json")
    process = started(*words)
    shell.wait_for(lambda: len(finished_segments(shell)) >= 1, process)
    everybody = shell.family(process)
    match how:
        case "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
        case "terminate":
            process.terminate()
        case "kill":
            os.killpg(process.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    if how == "kill":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, (out, err)
        assert "the same command goes on from here" in err
        assert "Traceback" not in err
    assert shell.still_running(everybody) == []
    assert list(shell.folder.iterdir()) == []

    with contextlib.closing(shell.platform()) as platform:
        before = rendered_segments(platform, job_of(shell).job_id)
    assert before >= finished_segments(shell).keys()
    assert before
    answer = shell.run(*words)
    assert answer.status == 0, answer
    facts = answer.json
    if how != "kill":
        assert json.loads(out)["job_id"] == facts["job_id"]
    assert facts["segments_rendered"] == facts["segments"] - len(before)
    assert frame_numbers(shell.folder / "out.mp4") == list(range(48))


def test_two_at_once(shell, clip: Path, started: Callable[..., subprocess.Popen[str]]) -> None:
    """The same output twice is refused; two outputs are made beside each other, and neither disturbs the other's end."""
    first = started("convert", clip, "-o", "first.mp4", *FAST, "--json")
    (shell.folder / "second.mkv").write_text("is replaced")
    second = started("convert", clip, "-o", "second.mkv", *FAST, "--layout", "half-tb", "--overwrite", "--json")
    shell.wait_for(lambda: job_of(shell) is not None, first)
    twice = shell.run("convert", clip, "-o", "first.mp4", *FAST, "--json")
    assert (twice.status, twice.json["error"]["code"]) == (1, "already_running"), twice
    for process in (first, second):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (out, err)
    assert frame_numbers(shell.folder / "first.mp4") == list(range(48))
    with av.open(str(shell.folder / "second.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 48
    assert sorted(path.name for path in shell.folder.iterdir()) == ["first.mp4", "second.mkv"]


def test_an_interrupted_job_can_be_deleted_with_all_that_it_holds(shell, clip: Path, started: Callable[..., subprocess.Popen[str]]) -> None:
    process = started("convert", clip, "-o", "out.mp4", *FAST)
    shell.wait_for(lambda: (job := job_of(shell)) is not None and job.cut > 0, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    job = job_of(shell)
    assert job is not None
    assert not job.status.is_final
    shown = shell.run("jobs", "show", job.job_id[:8])
    assert job.job_id in shown.out
    assert shell.run("jobs", "retry", job.job_id, "--json").json["error"]["code"] == "conflict"
    assert shell.run("jobs", "delete", job.job_id[:8]).status == 0
    assert not [path for path in (shell.data_dir / "objects").rglob("*") if path.is_file()]
    assert job_of(shell).status is JobStatus.DELETED


def test_up_does_what_smoke_test_asks_and_stops_cleanly(shell, started: Callable[..., subprocess.Popen[str]]) -> None:
    address = free_address()
    process = started("up", "--workers", "1", "--port", str(address.port))
    answer = shell.run("smoke-test", "--running-workers", "--json")
    assert answer.status == 0, answer
    assert answer.json["ok"]
    assert [step["what"] for step in answer.json["steps"]][-1] == "what it held was removed"
    assert httpx.get(address, headers={"Accept": "text/html"}, timeout=30).status_code == 200
    everybody = shell.family(process)
    assert len(everybody) >= 4
    taken = shell.run("up", "--port", str(address.port))
    assert (taken.status, "stereo-spot runs already" in taken.err) == (1, True)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == f"{address}\n"
    assert "media-worker-0: process" in err
    assert shell.still_running(everybody) == []


@pytest.mark.skipif(sys.platform != "linux", reason="where BROWSER names the browser")
def test_up_opens_the_pages_when_asked_and_they_are_served(shell, started: Callable[..., subprocess.Popen[str]]) -> None:
    address, opened = free_address(), shell.folder / "opened"
    browser = shell.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    process = started("up", "--workers", "1", "--port", str(address.port), "--open", env={"BROWSER": str(browser)})
    shell.wait_for(opened.exists, process)
    assert opened.read_text() == f"{address}\n"
    assert httpx.get(address, timeout=30).status_code == 200


def free_address() -> httpx.URL:
    """An address of this machine at whose port nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}/")


def test_up_does_not_open_the_pages_to_everybody(shell) -> None:
    answer = shell.run("up", "--host", "0.0.0.0")
    assert answer.status == 1
    assert "0.0.0.0 can be reached by others: set STEREO_SPOT_WEB_PASSWORD" in answer.err


def test_the_pages_are_measured(shell) -> None:
    found = shell.run("bench", "pages", "--jobs", "30", "--requests", "20", "--json").json
    assert found["jobs"] == 30
    assert all(0 < page["median"] <= page["p95"] for page in found["pages"])


def test_smoke_test_says_what_is_missing(shell) -> None:
    answer = shell.run("smoke-test", "--running-workers", "--timeout", "1")
    assert answer.status == 1
    assert "no media worker took the job" in answer.err


def test_probe_and_doctor(shell, clip: Path) -> None:
    facts = shell.run("probe", clip, "--json").json
    assert (facts["conversion"]["frames"], facts["conversion"]["width"], facts["source"]["video"]["codec"]) == (48, 384, "h264")
    assert "h264" in shell.run("probe", clip).out
    answer = shell.run("doctor", "--json")
    assert answer.status == 0, answer
    assert answer.json["fit"]
    (shell.folder / "file").touch()
    sick = shell.run("doctor", "--data-dir", "file/data", "--json")
    assert sick.status == 1
    assert {finding["what"] for finding in sick.json["findings"] if finding["verdict"] == "missing"} == {"data directory", "platform"}


@pytest.mark.slow
def test_a_disk_that_fills_up_meanwhile_ends_it_with_a_sentence_and_it_goes_on_when_there_is_room(
    shell, clip: Path, tmp_path: Path, started: Callable[..., subprocess.Popen[str]]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        shell.data_dir = disk / "data"
        process = started("convert", clip, "-o", "out.mp4", *FAST, "--json")
        shell.wait_for(lambda: (job := job_of(shell)) is not None and job.cut > 0, process)
        fill(disk / "ballast")
        out, err = process.communicate(timeout=120)
        assert (process.returncode, json.loads(out)["error"]["code"]) == (1, "no_space_left"), (out, err)
        assert "no space left" in err
        assert list(shell.folder.iterdir()) == []
        (disk / "ballast").unlink()
        answer = shell.run("convert", clip, "-o", "out.mp4", *FAST, "--json")
        assert answer.status == 0, answer
        assert frame_numbers(shell.folder / "out.mp4") == list(range(48))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
def test_the_demo_and_the_benchmark(shell) -> None:
    answer = shell.run("convert", "--demo", "--json")
    assert answer.status == 0, answer
    assert frame_numbers(shell.folder / "demo_3D_SBS_LRF.mp4") == list(range(192))
    answer = shell.run("bench", "--seconds", "2", "--size", "160x96", "--runs", "1", "--segment-seconds", "0.5", "--json")
    assert answer.status == 0, answer
    facts = answer.json
    assert set(facts["ratios"]) == {
        "chunking_share_of_demuxing",
        "chunking_share_of_demuxing_cached",
        "stage_overlap",
        "pipeline_over_whole",
        "two_workers_over_one",
    }
    assert [kernels["pixel_format"] for kernels in facts["kernels"]] == ["yuv420p", "yuv420p10le"]
    assert all(kernels[step] > 0 for kernels in facts["kernels"] for step in ("depth", "refinement", "views", "squeezed", "anaglyph"))
    assert facts["pipeline"]["segments"] > 1
    assert facts["whole"]["frames"] == 48
