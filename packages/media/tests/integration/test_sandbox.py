"""Real child processes, really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from stereo_spot_media.sandbox import ChildLimits, run_in_child
from stereo_spot_shared.errors import Interrupted, MissingSource, StereoSpotError, UnsupportedMedia

BEHAVIOURS = """
import ctypes, os, resource, signal, socket, time
from stereo_spot_shared.errors import MissingSource
from stereo_spot_shared.timing import Ticks

def double(times: Ticks, report) -> Ticks:
    for frame in range(3):
        report({"frames": frame})
    print("stray output is not an answer")
    return Ticks.of([2 * time for time in times.times()])

def fail(arguments: dict, report) -> None:
    raise MissingSource(arguments["sentence"], hint="Look.")

def bug(arguments: dict, report) -> None:
    raise KeyError("oops")

def crash(arguments: dict, report) -> None:
    os.kill(os.getpid(), arguments["signal"])

def segfault(arguments: dict, report) -> None:
    ctypes.string_at(0)

def greedy(arguments: dict, report) -> int:
    return len(bytearray(2 * 1024**3))

def big_file(path: str, report) -> None:
    with open(path, "wb") as file:
        file.write(bytes(10_000_000))

def quiet(path: str, report) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    report("alive")
    time.sleep(600)

def busy(arguments: dict, report) -> None:
    while True:
        pass

def environment(arguments: dict, report) -> dict[str, str]:
    return dict(os.environ)

def connect(port: int, report) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return "no network"
    return "connected"

def limits(arguments: dict, report) -> list[int]:
    return [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CORE)]

def privileges(arguments: dict, report) -> str:
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith("NoNewPrivs"))
"""


@pytest.fixture(autouse=True)
def behaviours(tmp_path, monkeypatch):
    (tmp_path / "behaviours.py").write_text(BEHAVIOURS)
    monkeypatch.syspath_prepend(tmp_path)


def call(name, arguments=None, returns=object, **options):
    return run_in_child(f"behaviours:{name}", {} if arguments is None else arguments, returns=returns, **options)


def test_arguments_progress_and_result_cross_the_border():
    from stereo_spot_shared.timing import Ticks

    seen = []
    result = call("double", Ticks.of([1, 2, 2]), Ticks, on_progress=seen.append)
    assert list(result.times()) == [2, 4, 4]
    assert seen == [{"frames": 0}, {"frames": 1}, {"frames": 2}]


def test_an_error_of_the_tree_arrives_as_itself():
    with pytest.raises(MissingSource, match="It is gone") as caught:
        call("fail", {"sentence": "It is gone."})
    assert caught.value.hint == "Look."


def test_a_bug_arrives_with_its_traceback_as_a_note():
    with pytest.raises(StereoSpotError, match="KeyError") as caught:
        call("bug")
    assert "Traceback" in caught.value.__notes__[0]


@pytest.mark.parametrize("name", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_is_the_files_fault_and_the_parent_lives(name):
    with pytest.raises(UnsupportedMedia, match=name.name):
        call("crash", {"signal": int(name)})


def test_a_real_segmentation_fault():
    with pytest.raises(UnsupportedMedia, match="SIGSEGV"):
        call("segfault")


def test_being_stopped_from_outside_is_no_fault_of_the_file():
    with pytest.raises(Interrupted):
        call("crash", {"signal": int(signal.SIGTERM)})


def test_memory_beyond_the_limit_is_refused():
    with pytest.raises(UnsupportedMedia, match="memory"):
        call("greedy", limits=ChildLimits(address_space=1024**3))


def test_processor_time_beyond_the_limit_is_refused():
    with pytest.raises(UnsupportedMedia, match=r"processor time|SIGKILL"):
        call("busy", limits=ChildLimits(cpu_seconds=1))


def test_a_file_beyond_the_limit_is_not_written(tmp_path):
    with pytest.raises(StereoSpotError):
        call("big_file", str(tmp_path / "big"), limits=ChildLimits(file_bytes=1_000_000))
    assert (tmp_path / "big").stat().st_size <= 1_000_000


def test_no_progress_ends_the_child(tmp_path):
    with pytest.raises(UnsupportedMedia, match="no progress"):
        call("quiet", str(tmp_path / "pid"), stall_seconds=0.5)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_asking_to_stop_ends_the_child(tmp_path):
    seen = []
    with pytest.raises(Interrupted):
        call("quiet", str(tmp_path / "pid"), on_progress=seen.append, should_stop=lambda: bool(seen))
    assert not alive(int((tmp_path / "pid").read_text()))


def test_the_child_dies_with_its_parent(tmp_path):
    script = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {[str(tmp_path), *sys.path]!r}
        from stereo_spot_media.sandbox import run_in_child
        run_in_child("behaviours:quiet", {str(tmp_path / "pid")!r}, returns=object)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        child = eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    finally:
        parent.kill()
        parent.wait()
    assert eventually(lambda: not alive(int(child)))


def test_no_secret_of_the_environment_reaches_the_child(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in call("environment", returns=dict).values()


def test_limits_and_privileges_are_given_up():
    assert call("limits", returns=list, limits=ChildLimits(address_space=3 * 1024**3)) == [3 * 1024**3, 0]
    assert call("privileges", returns=str) == "1"


def test_there_is_no_network_where_the_system_permits():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert call("connect", port, str, limits=ChildLimits(network=True)) == "connected"
        if call("connect", port, str) == "connected":
            pytest.skip("this system permits no network namespace")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition):
    for _ in range(600):
        if value := condition():
            return value
        time.sleep(0.05)
    return condition()


def test_the_childs_limits_do_not_touch_the_parent():
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    call("limits", returns=list)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert os.getppid() > 0
