from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from stereo_spot_runtime.scratch import SPARE_BYTES, attempt_directory, remove_abandoned, require_free
from stereo_spot_shared.errors import NoSpaceLeft

HOLD = """
import sys, pathlib
from stereo_spot_runtime.scratch import attempt_directory
with attempt_directory(pathlib.Path(sys.argv[1])) as scratch:
    (scratch / "half").write_text("half-written")
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"holding\n"
        yield process
        process.kill()


def test_it_is_gone_at_the_end_whatever_happens(tmp_path):
    def work():
        with attempt_directory(tmp_path) as scratch:
            (scratch / "folder").mkdir()
            (scratch / "folder" / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert list(tmp_path.iterdir()) == []


def test_it_is_private(tmp_path):
    with attempt_directory(tmp_path) as one, attempt_directory(tmp_path) as two:
        assert one != two
        assert one.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_removed(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    (left,) = tmp_path.iterdir()
    assert (left / "half").exists()
    assert remove_abandoned(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_holds_stays(tmp_path, holder):
    assert remove_abandoned(tmp_path) == 0
    (held,) = tmp_path.iterdir()
    assert (held / "half").exists()


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "precious").mkdir()
    assert remove_abandoned(tmp_path) == 0
    assert (tmp_path / "precious").exists()


def test_a_folder_that_does_not_exist_has_nothing_to_remove(tmp_path):
    assert remove_abandoned(tmp_path / "not there") == 0


def test_space_is_asked_for_ahead(tmp_path):
    require_free(tmp_path / "new", 1, "one byte")
    with pytest.raises(NoSpaceLeft, match=r"not enough space for the moon: .* are needed, .* are free") as caught:
        require_free(tmp_path, 1 << 60, "the moon")
    assert "Free some space" in (caught.value.hint or "")


def test_some_space_is_left_to_others(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": SPARE_BYTES + 10}))
    require_free(tmp_path, 10, "ten")
    with pytest.raises(NoSpaceLeft):
        require_free(tmp_path, 11, "eleven")
