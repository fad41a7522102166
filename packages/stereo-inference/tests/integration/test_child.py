"""The rendering process as its parent meets it: a real process, its lines, its limits and its deaths."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rendering_fixtures import SMALL, Cut, cut, times_of

from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.scene import Scene
from stereo_spot_shared.inference import RenderRequest, RenderResult

# numba then prints to standard output, as any library might: it must not get between the answers.
COMMAND = ["env", "NUMBA_DEBUG_CACHE=1", sys.executable, "-m", "stereo_inference.main", "worker", "--threads", "1"]
PATIENCE = 60.0


class Worker:
    """A running rendering process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self._pending = b""

    def send(self, line: RenderRequest | bytes) -> None:
        self._in.write((line if isinstance(line, bytes) else line.model_dump_json().encode()) + b"\n")
        self._in.flush()

    def message(self) -> tuple[str, Any]:
        """The next line: its kind and its value. Anything but one JSON object with one key fails the test."""
        while b"\n" not in self._pending:
            assert select.select([self._out], [], [], PATIENCE)[0], "the process says nothing"
            data = os.read(self._out.fileno(), 1 << 16)
            assert data, "the process ended"
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        ((kind, value),) = json.loads(line).items()
        return kind, value

    def answer(self) -> tuple[str, Any]:
        """The next line that is no progress."""
        while (message := self.message())[0] == "progress":
            assert set(message[1]) == {"frames"}
        return message

    def end(self) -> int:
        self._in.close()
        return self.process.wait(PATIENCE)


@pytest.fixture
def start() -> Iterator[Callable[[], Worker]]:
    running: list[Worker] = []

    def begin() -> Worker:
        running.append(Worker())
        return running[-1]

    yield begin
    for worker in running:
        worker.process.kill()
        worker.process.wait()
        worker.process.stdin.close()
        worker.process.stdout.close()


def test_it_answers_one_request_after_the_other_and_ends_with_its_input(tmp_path: Path, start: Callable[[], Worker]) -> None:
    worker = start()
    job = cut(tmp_path, Clip(scene=SMALL, frames=24, options={"g": "12"}), segment_seconds=0.5)
    kind, ready = worker.message()
    assert kind == "ready"
    assert ready["pid"] == worker.process.pid
    assert ready["threads"] == 1
    assert "basic" in ready["estimators"]
    for index in range(len(job.segments)):
        worker.send(job.request(index))
        kind, value = worker.answer()
        assert kind == "result"
        assert RenderResult.model_validate(value).frames == len(job.manifest.segments[index].core)
        rendered = job.segments[index].with_suffix(".rendered")
        assert times_of(rendered, job.manifest) == list(job.manifest.segments[index].core.times())
    assert worker.end() == 0


def test_what_is_no_request_or_fails_is_answered_and_work_goes_on(tmp_path: Path, start: Callable[[], Worker]) -> None:
    worker = start()
    job = cut(tmp_path, Clip(scene=SMALL, frames=3))
    good = job.request()
    assert worker.message()[0] == "ready"
    for line, kind in [
        (b"no json", "InvalidMessage"),
        (b'{"job_id": "x"}', "InvalidMessage"),
        (b"\xff\xfe\x00", "InvalidMessage"),
        (job.request(input_uri="https://example.org/a.nut"), "InvalidMessage"),
        (job.request(output_uri="file://elsewhere/a.nut"), "InvalidMessage"),
        (job.request(input_uri=(tmp_path / "absent").as_uri()), "MissingSource"),
        (job.request(params=job.params.model_copy(update={"depth": "unheard-of"})), "PermanentError"),
    ]:
        worker.send(line)
        answered, error = worker.answer()
        assert (answered, error["type"]) == ("error", kind)
        assert error["message"]
        assert error["code"]
    worker.send(b"")
    worker.send(good)
    assert worker.answer()[0] == "result"


def test_it_runs_under_limits(start: Callable[[], Worker]) -> None:
    worker = start()
    _, ready = worker.message()
    process = psutil.Process(worker.process.pid)
    assert process.rlimit(psutil.RLIMIT_AS) == (8 << 30, 8 << 30)
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert {"address_space", "no_core_dump", "dies_with_parent", "no_new_privileges"} <= set(ready["limits"])
    if "no_network" in ready["limits"]:
        here, there = (Path(f"/proc/{pid}/ns/net").readlink() for pid in ("self", worker.process.pid))
        assert here != there


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    """More work than a test waits for."""
    clip = Clip(scene=Scene(width=640, height=360), frames=120, options={"preset": "ultrafast"})
    return cut(tmp_path_factory.mktemp("long"), clip, quality="high")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_in_the_middle_it_leaves_no_output(tmp_path: Path, start: Callable[[], Worker], long_job: Cut, number: int) -> None:
    worker = start()
    assert worker.message()[0] == "ready"
    worker.send(long_job.request(output=tmp_path / "out"))
    assert worker.message()[0] == "progress"
    assert [path.suffix[:6] for path in tmp_path.iterdir()] == [".part-"]
    worker.process.send_signal(number)
    kind, error = worker.answer()
    assert (kind, error["type"]) == ("error", "Interrupted")
    assert worker.process.wait(PATIENCE) == 0
    assert not list(tmp_path.iterdir())


def test_asked_to_end_while_idle_it_ends(start: Callable[[], Worker]) -> None:
    worker = start()
    assert worker.message()[0] == "ready"
    worker.send(b"no request")
    assert worker.answer()[0] == "error"
    time.sleep(0.3)  # until it waits for the next line
    worker.process.terminate()
    assert worker.process.wait(PATIENCE) == 0


def test_it_dies_with_its_parent(tmp_path: Path, long_job: Cut) -> None:
    """A parent that is killed while its child renders: neither the child nor its encoder lives on."""
    (tmp_path / "request").write_text(long_job.request(output=tmp_path / "out").model_dump_json() + "\n")
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent(f"""
        import subprocess, sys, time
        child = subprocess.Popen({COMMAND!r}, stdin=subprocess.PIPE, stdout=sys.stdout)
        child.stdin.write(open({str(tmp_path / "request")!r}, "rb").read())
        child.stdin.flush()
        time.sleep(600)
        """)
    )
    with subprocess.Popen([sys.executable, str(parent)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert "progress" in json.loads(process.stdout.readline())
            child = psutil.Process(ready["ready"]["pid"])
            assert child.ppid() == process.pid
            family = [child, *child.children()]
            assert len(family) == 2
        finally:
            process.kill()
    deadline = time.monotonic() + PATIENCE
    while any(map(lives, family)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(lives, family))


def lives(process: psutil.Process) -> bool:
    """Whether it still does anything."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_when_its_encoder_dies_the_segment_is_lost_and_not_the_renderer(tmp_path: Path, start: Callable[[], Worker], long_job: Cut) -> None:
    worker = start()
    small_job = cut(tmp_path / "small", Clip(scene=SMALL, frames=3))
    assert worker.message()[0] == "ready"
    worker.send(long_job.request(output=tmp_path / "out"))
    assert worker.message()[0] == "progress"
    (encoder,) = psutil.Process(worker.process.pid).children()
    encoder.kill()
    kind, error = worker.answer()
    assert (kind, error["type"]) == ("error", "RenderFailed")
    assert "SIGKILL" in error["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    worker.send(small_job.request(output=tmp_path / "next"))
    assert worker.answer()[0] == "result"
