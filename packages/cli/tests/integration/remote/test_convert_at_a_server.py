"""Conversions at a server from end to end, as a person starts, stops, kills and repeats them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import av
import pytest

from stereo_spot_media.scene import read_frame_number
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import RenderParams

FAST = ("--quality", "draft", "--segment-seconds", "0.5", "--depth", "basic")
CONTENT = os.urandom(3_000_000)


@pytest.fixture
def begun(shell, remote) -> Callable[..., subprocess.Popen[str]]:
    """Start a command at a server; killed at the end of the test if it still runs."""
    processes: list[subprocess.Popen[str]] = []

    def start(address: str, *words: str | Path) -> subprocess.Popen[str]:
        processes.append(shell.start(*words, env=remote(address)))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C; what the command says then."""
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    return told


def frame_numbers(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        pictures = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        return [read_frame_number(picture[:, : picture.shape[1] // 2]) for picture in pictures]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_whole_way(shell, server, remote, clip: Path) -> None:
    server.work()
    there = ("--server", server.address)
    token = {"STEREO_SPOT_TOKEN": remote("")["STEREO_SPOT_TOKEN"]}
    answer = shell.run(*there, "convert", clip, "-o", "out.mp4", *FAST, env=token)
    assert answer.status == 0, answer
    assert "out.mp4: 48 frames, 384×108, full-sbs, depth “basic”" in answer.out
    shown = [line.partition(": ")[2].partition(",")[0] for line in answer.err.splitlines()]
    assert shown[0] == "sending the video"
    assert shown[-1] == "fetching the result"
    assert len(set(shown) & {"cutting and rendering", "rendering", "joining"}) >= 1
    assert frame_numbers(shell.folder / "out.mp4") == list(range(48))
    assert files(shell.folder) == ["out.mp4"]

    # The same once more: never over a file, and what was done is not done again, wherever it goes.
    again = shell.run(*there, "convert", clip, "-o", "out.mp4", *FAST, "--json", env=token)
    assert (again.status, again.json["error"]["code"]) == (1, "output_exists")
    other = shell.run(*there, "convert", clip, "-o", "other.mp4", *FAST, "--json", env=token)
    assert other.status == 0, other
    assert (other.json["status"], other.json["segments_rendered"], other.json["frames"]) == ("completed", 0, 48)
    assert other.json["segments"] >= 3
    assert other.json["seconds"]["render"] > 0
    assert (shell.folder / "other.mp4").read_bytes() == (shell.folder / "out.mp4").read_bytes()

    [job] = shell.run(*there, "jobs", "list", "--json", env=token).json["jobs"]
    assert (job["id"], job["status"]) == (other.json["job_id"], "completed")
    assert job["id"][:8] in shell.run(*there, "jobs", "list", env=token).out
    assert "48 frames, 384×108" in shell.run(*there, "jobs", "show", job["id"][:6], env=token).out
    cancelled = shell.run(*there, "jobs", "cancel", job["id"], "--json", env=token)
    assert (cancelled.status, cancelled.json["error"]["code"]) == (1, "conflict")
    assert "is deleted" in shell.run(*there, "jobs", "delete", job["id"][:6], env=token).out
    assert shell.run(*there, "jobs", "list", "--json", env=token).json == {"jobs": []}
    assert server.jobs()[0].status is JobStatus.DELETED


def test_a_video_that_the_server_fetches(shell, server, remote, clip: Path) -> None:
    server.work()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(clip.parent))) as films:
        threading.Thread(target=films.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{films.server_port}/{quote(clip.name)}"
        answer = shell.run("convert", url, "--json", *FAST, env=remote(server.address))
        assert answer.status == 0, answer
        gone = shell.run("convert", f"{url}.gone", "--json", *FAST, env=remote(server.address))
        films.shutdown()
    assert frame_numbers(Path(answer.json["output"])) == list(range(48))
    assert (gone.status, gone.json["error"]["code"]) == (1, "source_refused"), gone


def test_what_is_no_video_fails_with_the_servers_reason_and_a_retry_is_one(shell, server, remote) -> None:
    server.work()
    (shell.folder / "text.mp4").write_text("This is no video.\n" * 100)
    answer = shell.run("convert", "text.mp4", "-o", "out.mp4", *FAST, "--json", env=remote(server.address))
    assert (answer.status, answer.json["error"]["code"]) == (1, "unsupported_media"), answer
    [job] = server.jobs()
    assert answer.json["job_id"] == job.job_id
    assert f"{server.address}/jobs/{job.job_id}" in answer.err
    assert files(shell.folder) == ["text.mp4"]
    again = shell.run("jobs", "retry", job.job_id, env=remote(server.address))
    assert again.status == 0, again


def test_an_upload_over_a_line_that_breaks_arrives_whole(shell, server, line, broken, begun, large_clip: Path) -> None:
    breaks = [broken(b"PATCH ", 3_000_000), broken(b"PATCH ", 2_000_000), broken(b"HEAD ", 10)]
    process = begun(line.address, "convert", large_clip, "-o", "out.mp4", *FAST)
    shell.wait_for(lambda: any(job.status is JobStatus.QUEUED for job in server.jobs()), process)
    assert all(each.happened.is_set() for each in breaks)
    [job] = server.jobs()
    assert server.source_of(job) == large_clip.read_bytes()
    offsets = [int(offset) for offset in re.findall(rb"upload-offset: (\d+)", line.asked.lower())]
    assert offsets == sorted(offsets)
    assert (offsets[0], offsets[-1] > 1_000_000) == (0, True), "what had arrived was sent again"

    told = interrupted(process)
    assert f"job {job.job_id} goes on at the server" in told
    assert f"stereo-spot --server {line.address} jobs cancel {job.job_id}" in told
    assert [job.status for job in server.jobs()] == [JobStatus.QUEUED]
    assert files(shell.folder) == []


def test_ctrl_c_while_it_is_sent_and_the_same_command_goes_on(shell, server, line, broken, begun, large_clip: Path) -> None:
    words = ("convert", large_clip, "-o", "out.mp4", *FAST, "--json")
    stall = broken(b"PATCH ", 6_000_000, stall=True)
    process = begun(line.address, *words)
    shell.wait_for(stall.happened.is_set, process)
    assert "the same command goes on from here" in interrupted(process)
    shell.settled(server.received)
    assert server.received() > 4_000_000
    before = line.sent
    process = begun(line.address, *words)
    shell.wait_for(lambda: any(job.status is JobStatus.QUEUED for job in server.jobs()), process)
    assert line.sent - before < large_clip.stat().st_size - 4_000_000
    [job] = server.jobs()
    assert server.source_of(job) == large_clip.read_bytes()


def test_killed_while_it_is_sent_and_the_same_command_goes_on(shell, server, line, broken, begun, large_clip: Path) -> None:
    words = ("convert", large_clip, "-o", "out.mp4", *FAST)
    stall = broken(b"PATCH ", 6_000_000, stall=True)
    process = begun(line.address, *words)
    shell.wait_for(stall.happened.is_set, process)
    kill(process)
    shell.settled(server.received)
    before = line.sent
    process = begun(line.address, *words)
    shell.wait_for(lambda: any(job.status is JobStatus.QUEUED for job in server.jobs()), process)
    assert line.sent - before < large_clip.stat().st_size - 4_000_000
    [job] = server.jobs()
    assert server.source_of(job) == large_clip.read_bytes()


def test_a_film_that_is_written_to_while_it_is_sent_is_not_converted(shell, server, line, broken, begun, large_clip: Path) -> None:
    film = shell.folder / "film.mp4"
    film.write_bytes(large_clip.read_bytes())
    held = broken(b"PATCH ", 1_000_000, stall=True)
    process = begun(line.address, "convert", film, "-o", "out.mp4", *FAST, "--json")
    shell.wait_for(held.happened.is_set, process)
    with film.open("r+b") as file:
        file.write(b"something else")
    line.hang_up()
    out, told = process.communicate(timeout=60)
    assert process.returncode == 1, told
    assert '"source_changed"' in out
    assert [job.status for job in server.jobs()] == [JobStatus.CANCELLED]


def test_a_server_that_is_started_again_is_waited_for(shell, server, begun, clip: Path) -> None:
    process = begun(server.address, "convert", clip, "-o", "out.mp4", *FAST)
    shell.wait_for(lambda: any(job.status is JobStatus.QUEUED for job in server.jobs()), process)
    server.kill()
    server.start()
    server.work()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert frame_numbers(shell.folder / "out.mp4") == list(range(48))


@pytest.mark.parametrize("how", ["cut", "kill"])
def test_a_download_that_broke_goes_on(shell, server, line, broken, begun, clip: Path, how: str) -> None:
    job = server.finished(clip, CONTENT, RenderParams())
    words = ("convert", clip, "-o", "out.mp4")
    stop = broken(b"GET /jobs/", 1_000_000, downwards=True, stall=how == "kill")
    process = begun(line.address, *words)
    if how == "kill":
        shell.wait_for(stop.happened.is_set, process)
        shell.settled(lambda: sum(path.stat().st_size for path in shell.folder.iterdir()))
        kill(process)
        [part] = shell.folder.iterdir()
        assert part.name.startswith(".stereo-spot-")
        assert 0 < part.stat().st_size < len(CONTENT)
        process = begun(line.address, *words)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert stop.happened.is_set()
    assert b"Range: bytes=" in line.asked.title().replace(b"Bytes=", b"bytes=")
    assert (shell.folder / "out.mp4").read_bytes() == CONTENT
    assert files(shell.folder) == ["out.mp4"]
    assert [one.job_id for one in server.jobs()] == [job.job_id]


def test_a_result_that_was_removed_is_made_anew(shell, server, begun, clip: Path) -> None:
    job = server.finished(clip, CONTENT, RenderParams())
    platform = server.platform()
    platform.storage.delete(job.result.output_key)
    platform.close()
    process = begun(server.address, "convert", clip, "-o", "out.mp4")
    shell.wait_for(lambda: len(server.jobs()) == 2, process)
    assert "depth: basic, a mild relief and no real depth, since depth-anything-v2-small is not at" in interrupted(process)
    assert {one.status for one in server.jobs()} >= {JobStatus.COMPLETED}


def test_a_file_that_somebody_puts_there_meanwhile_stays(shell, server, line, broken, begun, clip: Path) -> None:
    server.finished(clip, CONTENT, RenderParams())
    stop = broken(b"GET /jobs/", 1_000_000, downwards=True, stall=True)
    process = begun(line.address, "convert", clip, "-o", "out.mp4", "--json")
    shell.wait_for(stop.happened.is_set, process)
    (shell.folder / "out.mp4").write_text("mine")
    line.hang_up()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert '"output_exists"' in out
    assert (shell.folder / "out.mp4").read_text() == "mine"
