"""Processes that are killed for good at the worst moment."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_local_adapters.segment_completion_store import SqlSegmentCompletionStore
from stereo_spot_shared.errors import Conflict, NotFound, StoreUnavailable

HANG = """
import sys, time
from pathlib import Path
root = Path(sys.argv[1])
def hang(*_):
    print("now", flush=True)
    time.sleep(600)
"""

HOLD_A_MESSAGE = (
    HANG
    + """
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.queue import SqlQueue
queue = SqlQueue(Database(root / "x.db"), "q", visibility_seconds=36000)
assert len(queue.receive(max_messages=2, wait_seconds=10)) == 2
hang()
"""
)

HANG_BEFORE_FSYNC = (
    HANG
    + """
import os
from stereo_spot_local_adapters.object_storage import FileObjectStorage
storage = FileObjectStorage(root)
os.fsync = hang  # like a disk that does not answer
storage.put_file(root / "in", "a/b")
"""
)

HANG_IN_A_TRANSACTION = (
    HANG
    + """
from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters import job_store
insert = job_store.insert_if_absent
def insert_and_hang(*args):
    insert(*args)
    hang()
job_store.insert_if_absent = insert_and_hang
job_store.SqlJobStore(Database(root / "x.db")).create(a_job(cut=1))
"""
)

WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from stereo_spot_adapter_contracts.examples import a_completion, a_job
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.segment_completion_store import SqlSegmentCompletionStore
root = Path(sys.argv[1])
database = Database(root / "x.db")
jobs, completions, storage = SqlJobStore(database), SqlSegmentCompletionStore(database), FileObjectStorage(root)
for number in range(100_000):
    job = jobs.create(a_job())
    completions.put(a_completion(job.job_id, number))
    storage.put_bytes(b"%d" % number * 1000, f"{job.job_id}/{number}")
    print(job.job_id, number, flush=True)
"""


@pytest.fixture
def start(tmp_path: Path):
    running: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def database(tmp_path: Path):
    database = Database(tmp_path / "x.db", busy_seconds=0.3)
    yield database
    database.close()


def test_what_a_killed_process_held_comes_back_at_once(start, database):
    queue = SqlQueue(database, "q", visibility_seconds=36_000)
    queue.send_batch(["a", "b"])
    holder = start(HOLD_A_MESSAGE)
    assert holder.stdout.readline() == "now\n"
    assert queue.receive(wait_seconds=2.5) == []  # it lives: nobody takes its messages away
    holder.kill()
    holder.wait()
    deliveries = queue.receive(max_messages=2, wait_seconds=60)
    assert [(delivery.body, delivery.attempt) for delivery in deliveries] == [("a", 2), ("b", 2)]
    for delivery in deliveries:
        queue.ack(delivery)


@pytest.mark.parametrize("standing", [None, b"the object before"])
def test_an_object_that_was_being_written_is_whole_or_not_there(start, tmp_path, standing):
    storage = FileObjectStorage(tmp_path)
    if standing is not None:
        storage.put_bytes(standing, "a/b")
    (tmp_path / "in").write_bytes(b"x" * 1000)
    writer = start(HANG_BEFORE_FSYNC)
    assert writer.stdout.readline() == "now\n"
    FileObjectStorage(tmp_path)
    assert len(list((tmp_path / "temporary").iterdir())) == 1  # its maker lives: it is not swept
    writer.kill()
    writer.wait()
    again = FileObjectStorage(tmp_path)
    assert list((tmp_path / "temporary").iterdir()) == []
    if standing is None:
        with pytest.raises(NotFound):
            again.stat("a/b")
        assert again.list("").objects == ()
    else:
        assert again.read_range("a/b") == standing


def test_a_transaction_of_a_killed_process_never_was(start, tmp_path, database):
    store = SqlJobStore(database)
    writer = start(HANG_IN_A_TRANSACTION)
    assert writer.stdout.readline() == "now\n"
    assert store.list().jobs == ()  # readers do not wait for a writer
    with pytest.raises(StoreUnavailable, match="locked by another process"):
        store.create(a_job())
    writer.kill()
    writer.wait()
    job = store.create(a_job())
    assert store.list().jobs == (job,)


def test_whatever_was_reported_as_stored_is_there(start, tmp_path, database):
    chance = random.Random(4)
    reported: list[tuple[str, int]] = []
    for _ in range(3):
        writers = [start(WRITE_UNTIL_KILLED) for _ in range(2)]
        first = [writer.stdout.readline() for writer in writers]
        time.sleep(chance.uniform(0.05, 0.4))
        for writer, line in zip(writers, first, strict=True):
            writer.kill()
            lines = [line, *writer.communicate()[0].splitlines()]
            reported.extend((job_id, int(number)) for job_id, number in (line.split() for line in lines))
    jobs, completions, storage = SqlJobStore(database), SqlSegmentCompletionStore(database), FileObjectStorage(tmp_path)
    for job_id, number in reported:
        assert jobs.get(job_id).version == 1
        assert completions.get(job_id, number) is not None
        assert storage.read_range(f"{job_id}/{number}") == b"%d" % number * 1000
    assert len(reported) >= 6
    assert list((tmp_path / "temporary").iterdir()) == []
    with database.transactions(StoreUnavailable, durable=False).read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


def test_a_key_that_a_killed_process_won_stays_taken(start, tmp_path):
    storage = FileObjectStorage(tmp_path)
    script = HANG + (
        "from stereo_spot_local_adapters import files\n"
        "from stereo_spot_local_adapters.object_storage import FileObjectStorage\n"
        "files.sync_directory = hang\n"
        "FileObjectStorage(root).put_bytes(b'first', 'a/b', if_absent=True)\n"
    )
    writer = start(script)
    assert writer.stdout.readline() == "now\n"
    writer.kill()
    writer.wait()
    with pytest.raises(Conflict):
        storage.put_bytes(b"second", "a/b", if_absent=True)
    assert storage.read_range("a/b") == b"first"
    FileObjectStorage(tmp_path)
    assert list((tmp_path / "temporary").iterdir()) == []
