"""A disk without room: a small file system of its own where the system lets us make one."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

IN_A_SMALL_DISK = """
set -e
mount -t tmpfs -o size=1536k tmpfs "$1"
exec "$2" -c "$3" "$1"
"""

FILL = """
import json, os, sys
from pathlib import Path
from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.errors import NoSpaceLeft
root = Path(sys.argv[1])
platform = open_platform(root / "data")
said = {}

def attempt(name, use):
    try:
        use()
    except NoSpaceLeft as error:
        said[name] = [error.message, error.hint]

platform.storage.put_bytes(b"x" * 1000, "a/small")
kept = platform.jobs.create(a_job())
attempt("put_bytes", lambda: platform.storage.put_bytes(b"x" * 5_000_000, "a/big"))
roomy = FileObjectStorage(root.parent / "roomy")
roomy.put_bytes(b"x" * 5_000_000, "big")
attempt("put_file", lambda: platform.storage.put_file(root.parent / "roomy/objects/big", "a/big"))
attempt("get_file", lambda: roomy.get_file("big", root / "out"))
said["out"] = sorted(path.name for path in root.iterdir())
said["temporary"] = len(list((root / "data" / "temporary").iterdir()))
said["objects"] = [info.key for info in platform.storage.list("").objects]
room = root / "room"
with room.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        pass
attempt("create", lambda: [platform.jobs.create(a_job()) for _ in range(500)])
attempt("send", lambda: [platform.queues[s].send("x" * 5000) for s in platform.queues for _ in range(500)])
said["readable"] = platform.jobs.get(kept.job_id) == kept
room.unlink()
platform.jobs.create(a_job())
platform.storage.put_bytes(b"x" * 1000, "a/again")
said["works again"] = True
print(json.dumps(said))
"""


def test_a_full_disk_is_said_and_survived(tmp_path: Path):
    place = tmp_path / "small"
    place.mkdir()
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_SMALL_DISK, "sh", str(place), sys.executable, FILL]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"a small file system cannot be made here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for name in ("put_bytes", "put_file", "get_file", "create", "send"):
        sentence, hint = said[name]
        assert "no space left" in sentence
        assert "Make room" in hint
    assert said["temporary"] == 0
    assert said["out"] == ["data"]
    assert said["objects"] == ["a/small"]
    assert said["readable"]
    assert said["works again"]


def test_a_file_that_the_file_system_cannot_hold_is_said(tmp_path: Path):
    script = """
import signal, sys
from pathlib import Path
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_shared.errors import StorageUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
storage = FileObjectStorage(Path(sys.argv[1]))
try:
    storage.put_bytes(b"x" * 200_000, "a/b")
except StorageUnavailable as error:
    assert "ulimit" in error.hint, error.hint
else:
    raise AssertionError
assert storage.list("").objects == ()
assert list(Path(sys.argv[1], "temporary").iterdir()) == []
"""
    limit = 100_000

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, preexec_fn=small_files_only)
