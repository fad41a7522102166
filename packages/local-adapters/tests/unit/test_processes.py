from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from stereo_spot_local_adapters import processes
from stereo_spot_local_adapters.processes import ProcessIdentity, is_dead, this_process

SAY_WHO = "from stereo_spot_local_adapters.processes import this_process; print(this_process(), flush=True); input()"


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_an_identity_survives_being_written_down():
    assert ProcessIdentity.parse(str(this_process())) == this_process()
    with pytest.raises(ValueError, match="unpack"):
        ProcessIdentity.parse("someone")


def test_a_living_process_is_not_dead(child):
    identity = ProcessIdentity.parse(child.stdout.readline().strip())
    assert identity.pid == child.pid
    assert not is_dead(identity)
    assert not is_dead(this_process())


def test_a_killed_process_is_dead_even_before_its_parent_knows(child):
    identity = ProcessIdentity.parse(child.stdout.readline().strip())
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert is_dead(identity)
    child.wait()
    assert is_dead(identity)


def test_a_process_id_that_was_given_again_fools_nobody(child):
    identity = ProcessIdentity.parse(child.stdout.readline().strip())
    assert is_dead(replace(identity, started=str(int(identity.started) - 1)))


def test_only_processes_that_can_be_seen_are_called_dead():
    gone = replace(this_process(), started="1")
    assert is_dead(gone)
    assert not is_dead(replace(gone, host="elsewhere"))
    assert not is_dead(replace(gone, namespace="4026"))
    assert is_dead(replace(gone, boot="an earlier one", namespace="4026"))


def test_where_processes_cannot_be_told_apart_nobody_is_called_dead(monkeypatch, tmp_path):
    seen = this_process()
    monkeypatch.setattr(processes, "_BOOT_ID", tmp_path / "missing")
    hidden = processes._identity.__wrapped__(seen.pid)
    assert not is_dead(hidden)  # for those who can see
    monkeypatch.setattr(processes, "this_process", lambda: hidden)
    assert not is_dead(replace(seen, started="1"))  # and for those who cannot


def test_a_forked_process_is_another():
    script = """
import os
from stereo_spot_local_adapters.processes import this_process
before = this_process()
child = os.fork()
if not child:
    os._exit(0 if this_process().pid == os.getpid() != before.pid else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True)
