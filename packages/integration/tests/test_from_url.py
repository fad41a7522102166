"""The real command on the URL of a video, at a real server: killed in the middle of fetching it, and begun again."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_media.scene import read_frame_number
from stereo_spot_runtime.operations import submit_url
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.rendering import RenderParams

sys.path.insert(0, str(Path(__file__).parents[2] / "media-worker" / "tests"))

from video_server import serving

MIB = 1 << 20
QUICK = ("--depth", "basic", "--quality", "draft", "--depth-profile", "quality", "--segment-seconds", "2", "--workers", "1", "--json")
COMMAND = (sys.executable, "-m", "stereo_spot_cli.main")


@pytest.fixture
def video(clip):
    """A server of the clip, with 6 MiB of nothing at its end: more than a worker holds back before it stores what came."""
    free = struct.pack(">I4s", 6 * MIB, b"free") + bytes(6 * MIB - 8)
    with serving(clip.read_bytes() + free) as video:
        yield video


class Shell:
    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STEREO_SPOT_")},
            "STEREO_SPOT_DATA_DIR": str(self.data), "STEREO_SPOT_OFFLINE": "1", "STEREO_SPOT_MODELS_DIR": str(folder / "models"),
        }  # fmt: skip
        self.running = []

    def start(self, *arguments, **settings):
        environment = {**self.environment, **settings}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*COMMAND, *arguments], cwd=self.folder, env=environment, start_new_session=True, **pipes)
        self.running.append(process)
        return process

    def run(self, *arguments, **settings):
        process = self.start(*arguments, **settings)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def stored(self):
        """How many bytes of the source of the only job are here."""
        if not (self.data / "stereo-spot.db").exists():
            return 0
        platform = open_platform(self.data)
        try:
            jobs = platform.jobs.list().jobs
            return platform.uploads.stat(jobs[0].source.key).offset if jobs else 0
        except NotFound:
            return 0
        finally:
            platform.close()

    def kill(self, process):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    yield shell
    for process in shell.running:
        if process.poll() is None:
            shell.kill(process)


def numbers(path):
    with av.open(str(path)) as container:
        return [read_frame_number(frame.to_ndarray(format="gray")[:, :160]) for frame in container.decode(video=0)]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_was_ended_goes_on_where_it_was(shell, video, end):
    url = video.url("/films/a%20film.mp4?signature=secret")
    video.hold_at = 4 * MIB
    first = shell.start("convert", url, *QUICK, STEREO_SPOT_INGEST="private")
    give_up = time.monotonic() + 120
    while shell.stored() < 3 * MIB:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.05)
    if end is signal.SIGKILL:
        shell.kill(first)
    else:
        os.killpg(first.pid, end)
        out, _ = first.communicate(timeout=60)
        assert (first.returncode, json.loads(out)["error"]["code"]) == (130, "stopped")
    kept = shell.stored()
    video.let_go.set()
    status, out, err = shell.run("convert", url.replace("secret", "renewed"), *QUICK, STEREO_SPOT_INGEST="private")
    assert status == 0, err
    assert video.ranges_asked == [None, f"bytes={kept}-"]
    assert [path.rpartition("=")[2] for path, _ in video.asked] == ["secret", "renewed"]
    answer = json.loads(out)
    assert Path(answer["output"]) == shell.folder / "a film_3D_SBS_LRF.mp4"
    assert numbers(answer["output"]) == list(range(96))
    status, out, err = shell.run("jobs", "show", answer["job_id"], "--json")
    assert (status, json.loads(out)["source"]["url"]) == (0, video.url("/films/a%20film.mp4"))
    for place in (shell.data / "scratch", shell.data / "uploads"):
        assert list(place.iterdir()) == [], "nothing is left but the row and the record"
    assert not list((shell.data / "objects").rglob("source"))
    assert not [
        path for path in shell.data.rglob("*") if path.is_file() and b"renewed" in path.read_bytes() and "stereo-spot.db" not in path.name
    ]


def test_by_itself_the_command_fetches_nothing_from_inside(shell, video):
    status, out, err = shell.run("convert", video.url("/film.mp4?signature=secret"), *QUICK)
    answer = json.loads(out)
    error = answer["error"]
    assert (status, error["code"]) == (1, "source_refused")
    assert "an address inside" in error["message"]
    assert "STEREO_SPOT_INGEST=private" in error["hint"]
    assert video.asked == []
    told = [out, err]
    for command in (
        ("list", "--json"),
        ("show", answer["job_id"], "--json"),
        ("show", answer["job_id"]),
        ("cancel", answer["job_id"], "--json"),
    ):
        status, out, err = shell.run("jobs", *command)
        assert status == 0, err
        told += [out, err]
    told += [path.read_text() for path in (shell.data / "logs").rglob("*.log")]
    assert "secret" not in "".join(told)
    assert "film.mp4" in told[2]


@pytest.mark.parametrize(
    ("url", "told"),
    [("ftp://a.example/f.mp4", "no URL of a video"), ("https://me:secret@a.example/f.mp4", "user name or a password")],
)
def test_what_is_no_url_of_a_video_is_refused_before_anything_is_started(shell, url, told):
    status, out, err = shell.run("convert", url, *QUICK)
    assert status == 1
    assert told in json.loads(out)["error"]["message"]
    assert "secret" not in out + err
    assert not shell.data.exists()


def test_workers_convert_what_is_named_by_a_url(pipeline, video, tmp_path):
    """A web page of the server is no video; neither is something that only says that it is one."""
    pipeline.start(STEREO_SPOT_INGEST="private")
    params = RenderParams(segment_seconds=2.0, quality="draft", depth="basic", depth_profile="quality")
    job = submit_url(pipeline.platform, video.url(), params)
    assert numbers(pipeline.output(job, tmp_path)) == list(range(96))
    video.content = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://169.254.169.254/latest/meta-data/\n"
    failed = pipeline.finish(submit_url(pipeline.platform, video.url(), params))
    assert (failed.status, failed.error.code) == ("failed", "unsupported_media")
