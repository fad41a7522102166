from __future__ import annotations

import os
import signal
import sys
import threading
from fractions import Fraction

import psutil
import pytest

from stereo_spot_shared.errors import InferenceUnavailable, Interrupted, RenderFailed, UnsupportedMedia
from stereo_spot_shared.inference import RenderRequest, RenderResult
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks
from video_worker.backends.rendering_process import RenderingProcess

RESULT = RenderResult(frames=3, width=32, height=16, codec="h264", fingerprint="f", depth="basic", bytes=7)

READY = """
import json, os, signal, sys, time
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()
say(ready={})
result = json.loads(sys.argv[1])
"""

ANSWERS_ALL = (
    READY
    + """
for line in sys.stdin:
    request = json.loads(line)
    say(progress={"frames": 1})
    say(progress={"frames": 3})
    say(result=result | {"codec": request["attempt_id"], "bytes": os.getpid()})
"""
)


def request(attempt="a1"):
    video = VideoStream(
        index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
        time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
    )  # fmt: skip
    return RenderRequest(
        job_id="jobrendered", attempt_id=attempt, input_uri="file:///in", output_uri="file:///out", video=video, pts_offset=0,
        last_duration=10, segment=SegmentSpec(index=0, first_frame=0, core=Ticks.of([0, 10, 20]), packets=(0, 3)), params=RenderParams(),
    )  # fmt: skip


@pytest.fixture
def start():
    started = []

    def start(program, *, stall_seconds=60.0):
        command = [sys.executable, "-c", program, RESULT.model_dump_json()]
        started.append(RenderingProcess(command, environment={}, stall_seconds=stall_seconds))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def ask(process, *, attempt="a1", should_stop=lambda: False):
    seen = []
    result = process.render(request(attempt), on_progress=lambda progress: seen.append(progress.frames), should_stop=should_stop)
    return result, seen


def test_one_child_answers_one_request_after_the_other(start):
    process = start(ANSWERS_ALL)
    first, seen = ask(process, attempt="a1")
    second, _ = ask(process, attempt="a2")
    assert seen == [1, 3]
    assert (first.codec, second.codec) == ("a1", "a2")
    assert first.bytes == second.bytes, "the same process answered both"
    assert process.alive()


def test_an_error_comes_back_as_itself_and_the_child_lives_on(start):
    process = start(
        READY
        + """
for line in sys.stdin:
    say(error={"type": "UnsupportedMedia", "message": "no picture", "hint": "other file", "code": "x"})
"""
    )
    for _ in range(2):
        with pytest.raises(UnsupportedMedia, match="no picture") as caught:
            ask(process)
        assert caught.value.hint == "other file"
    assert process.alive()


def test_a_child_that_is_killed_while_it_renders_is_a_failed_rendering_that_names_memory(start):
    process = start(READY + "sys.stdin.readline(); print('last words', file=sys.stderr); os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RenderFailed, match="want of memory") as caught:
        ask(process)
    assert "last words" in caught.value.__notes__[0]
    assert not process.alive()


def test_a_child_that_crashes_is_a_failed_rendering(start):
    with pytest.raises(RenderFailed, match="SIGSEGV"):
        ask(start(READY + "sys.stdin.readline(); os.kill(os.getpid(), signal.SIGSEGV)"))


def test_a_child_that_somebody_stops_is_interrupted_not_failed(start):
    with pytest.raises(Interrupted):
        ask(start(READY + "sys.stdin.readline(); os.kill(os.getpid(), signal.SIGTERM)"))


def test_a_child_that_ends_before_it_is_ready_is_the_platforms_fault(start):
    with pytest.raises(InferenceUnavailable, match="exit status 3 before it was ready"):
        ask(start("import sys; sys.exit(3)"))


def test_a_command_that_does_not_exist_is_the_platforms_fault():
    with pytest.raises(InferenceUnavailable, match="could not be started"):
        RenderingProcess(["/no/such/command"], environment={}, stall_seconds=1)


def test_a_child_that_does_not_move_is_killed(start):
    process = start(READY + "sys.stdin.readline(); say(progress={'frames': 1}); time.sleep(3600)", stall_seconds=0.3)
    with pytest.raises(RenderFailed, match="no progress"):
        ask(process)
    assert not process.alive()


def test_a_child_that_moves_slowly_is_not_killed(start):
    slow = "sys.stdin.readline()\nfor n in range(8):\n    say(progress={'frames': n}); time.sleep(0.2)\nsay(result=result)"
    result, _ = ask(start(READY + slow, stall_seconds=1.2))
    assert result == RESULT


def test_work_that_is_to_stop_ends_the_child(start):
    process = start(READY + "sys.stdin.readline(); say(progress={'frames': 1}); time.sleep(3600)")
    stop = threading.Event()
    with pytest.raises(Interrupted):
        process.render(request(), on_progress=lambda _: stop.set(), should_stop=stop.is_set)
    assert not process.alive()


@pytest.mark.parametrize("answer", ["sys.stdout.write('hello\\n')", "say(anything=1)", "say(result={'frames': 'many'})"])
def test_nonsense_is_a_failed_rendering(start, answer):
    process = start(READY + f"sys.stdin.readline(); {answer}; sys.stdout.flush(); time.sleep(3600)")
    with pytest.raises(RenderFailed, match="nobody understands"):
        ask(process)
    assert not process.alive()


def test_the_child_inherits_no_credentials(start, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    result, _ = ask(start(READY + "sys.stdin.readline(); say(result=result | {'codec': ' '.join(os.environ)})"))
    assert "AWS" not in result.codec


def test_killing_it_leaves_nothing_behind(start):
    process = start(ANSWERS_ALL)
    result, _ = ask(process)
    assert psutil.pid_exists(result.bytes)
    process.kill()
    assert not psutil.pid_exists(result.bytes)
    with pytest.raises(ProcessLookupError):
        os.kill(result.bytes, signal.SIGCONT)
