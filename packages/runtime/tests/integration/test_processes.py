"""Real worker processes, really killed. The toy pipeline they run is in toy_worker.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stereo_spot_runtime import ProcessSpec, Supervisor, WorkersFailed, advance, reconcile, submit
from stereo_spot_runtime.worker import EXIT_HUNG
from stereo_spot_shared.interfaces import Platform, QueueDepth
from stereo_spot_shared.jobs import Job, JobStatus, Stage
from stereo_spot_shared.messages import SegmentReady
from stereo_spot_shared.rendering import RenderParams

TOY = Path(__file__).with_name("toy_worker.py")
PATIENCE = 120.0
"""Seconds after which a test gives up; none asserts how long anything takes."""


def wait_for(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)


class Workers:
    """Toy workers of one data directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {"STEREO_SPOT_DATA_DIR": str(folder / "data"), "STEREO_SPOT_RECONCILE_SECONDS": "0", "STORAGE_ADAPTER": "local"}

    def start(self, stall_seconds: float = 300.0, **env: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(TOY), str(self.ledger), str(stall_seconds), "4"],
                env={**os.environ, **self.env, **env}, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def spec(self, count: int = 1, max_attempts: int = 4) -> ProcessSpec:
        argv = [sys.executable, str(TOY), str(self.ledger), "300", str(max_attempts)]
        return ProcessSpec("toy", argv, count=count, env=self.env)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def lines(self, kind: str) -> list[list[str]]:
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return [line.split()[1:] for line in lines if line.startswith(kind + " ")]

    def happened(self, name: str) -> bool:
        return (self.folder / name).exists()


@pytest.fixture
def workers(tmp_path: Path, platform: Platform) -> Iterator[Workers]:
    made = Workers(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


@pytest.fixture
def submit_toy(tmp_path: Path, platform: Platform) -> Callable[..., Job]:
    """`submit_toy(wish, letters)`: submit a film of so many letters with the wish of what is to go wrong."""
    film = tmp_path / "film"

    def submit_film(wish: str = "nothing", letters: bytes = b"abc") -> Job:
        film.write_bytes(letters)
        return submit(platform, film, RenderParams(), name=wish)

    return submit_film


def status(platform: Platform, job: Job) -> JobStatus:
    return platform.jobs.get(job.job_id).status


def is_done(platform: Platform, job: Job) -> bool:
    now = platform.jobs.get(job.job_id)
    return now.status is JobStatus.COMPLETED and now.swept


def assert_exact(platform: Platform, job: Job, workers: Workers) -> None:
    """One output, as if nothing had happened; nothing rendered again that was finished; nothing left behind."""
    result = platform.jobs.get(job.job_id).result
    assert result is not None
    assert platform.storage.read_range(result.output_key) == b"ABC"
    published = [line for line in workers.lines("publish") if line == [job.job_id]]
    assert len(published) <= 1
    finished: set[str] = set()
    for line in workers.ledger.read_text().splitlines():
        kind, job_id, *rest = line.split()
        if job_id == job.job_id and kind == "complete":
            finished.add(rest[0])
        if job_id == job.job_id and kind == "render":
            assert rest[0] not in finished, "a finished segment was rendered again"
    assert platform.storage.list(f"jobs/{job.job_id}/segments/").objects == ()


POINTS = [
    "chunk-planned", "chunk-stored-0", "chunk-0-before-send", "chunk-stored-2", "chunk-end-before-send",
    "render-start-1", "render-stored-1", "render-complete-1", "render-2-before-send",
    "reassemble-start", "reassemble-stored", "reassemble-published", "reassemble-before-send", "sweep-deleted",
]  # fmt: skip


def test_fault_01_sigkill_of_a_worker_at_any_durable_step_is_made_good(platform, workers, submit_toy) -> None:
    """Also faults 6 (after the upload), 7 (before the ack), 16 (between segment uploads), 17 and 19 (after the output).

    One job after the other, so that a death is the death of one job only. Most come back by redelivery; a death between
    a move and its message leaves nothing in any queue, and the reconciler notices.
    """

    def is_done_in_spite_of_all(job: Job) -> bool:
        if workers.processes[-1].poll() is not None:
            workers.start()
        if quiet(platform):
            reconcile(platform, patience=0, job_ids=[job.job_id])
        return is_done(platform, job)

    workers.start()
    for point in POINTS:
        job = submit_toy(f"die={point}")
        wait_for(lambda job=job: is_done_in_spite_of_all(job))
        assert_exact(platform, job, workers)
        renders = [line for line in workers.lines("render") if line[0] == job.job_id]
        assert len(renders) <= 4, f"{point}: more than the one segment that was interrupted was rendered again"
    assert [point for _, point in workers.lines("die")] == POINTS, "everybody died as planned"
    assert all(queue.depth().dead == 0 for queue in platform.queues.values())


def quiet(platform: Platform) -> bool:
    return all((depth := queue.depth()).waiting + depth.in_flight == 0 for queue in platform.queues.values())


def test_fault_09_a_hung_handler_ends_its_process_and_another_takes_over(platform, workers, submit_toy) -> None:
    job = submit_toy("hang")
    process = workers.start(stall_seconds=0.5, STEREO_SPOT_STOP_SECONDS="0.5")
    assert process.wait(PATIENCE) == EXIT_HUNG
    assert workers.happened("hanging")
    (delivery,) = platform.queues[Stage.RENDER].receive(wait_seconds=0.5, max_messages=1)
    deliveries = [delivery, *platform.queues[Stage.RENDER].receive(max_messages=10)]
    assert sorted(d.attempt for d in deliveries) == [1, 1, 2], "given back at once, and counted"
    assert status(platform, job) is JobStatus.RENDERING


def test_fault_10_a_segment_that_kills_every_worker_fails_its_job_and_not_the_supervisor(platform, workers, submit_toy, tmp_path) -> None:
    job = submit_toy("hang", b"a")
    with Supervisor([workers.spec(max_attempts=2)], log_dir=tmp_path) as supervisor:

        def failed() -> bool:
            supervisor.poll()
            cut = platform.queues[Stage.CHUNK].depth() == QueueDepth(0, 0, 0)
            if workers.happened("hanging") and cut:
                (tmp_path / "hanging").unlink()
                os.kill(supervisor.pids()["toy-0"], signal.SIGKILL)
            return status(platform, job) is JobStatus.FAILED

        wait_for(failed)
    error = platform.jobs.get(job.job_id).error
    assert error is not None
    assert (error.code, error.segment_index) == ("attempts_exhausted", 0)


def test_fault_28_sigterm_gives_back_what_is_held(platform, workers, submit_toy) -> None:
    submit_toy("slow")
    process = workers.start()
    wait_for(lambda: workers.happened("working"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    deliveries = platform.queues[Stage.RENDER].receive(wait_seconds=0.5, max_messages=10)
    assert [delivery.attempt for delivery in deliveries] == [1, 1, 1]
    assert '"level": "error"' not in workers.log()
    assert "Traceback" not in workers.log()


def test_fault_28_sigterm_while_a_handler_hangs_still_ends_in_time(platform, workers, submit_toy) -> None:
    submit_toy("hang")
    process = workers.start(STEREO_SPOT_STOP_SECONDS="0.5")
    wait_for(lambda: workers.happened("hanging"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == EXIT_HUNG
    deliveries = platform.queues[Stage.RENDER].receive(wait_seconds=0.5, max_messages=10)
    assert [delivery.attempt for delivery in deliveries] == [1, 1, 1], "the notice is not the segment's fault"


def test_a_worker_that_cannot_start_says_why(workers, platform) -> None:
    process = workers.start(STORAGE_ADAPTER="moon")
    assert process.wait(PATIENCE) == 1
    assert "no platform named 'moon'" in workers.log()
    assert "Traceback" not in workers.log()


class TestSupervisor:
    """One supervised process tree."""

    def test_fault_01_sigkill_of_one_worker_needs_no_restart_by_hand(self, platform, workers, submit_toy, tmp_path) -> None:
        jobs = [submit_toy() for _ in range(3)]
        with Supervisor([workers.spec(count=2)], log_dir=tmp_path / "logs") as supervisor:
            wait_for(lambda: workers.lines("render") and "started" in (tmp_path / "logs" / "toy-1.log").read_text())
            first = supervisor.pids()
            os.kill(first["toy-0"], signal.SIGKILL)

            def done() -> bool:
                supervisor.poll()
                return all(is_done(platform, job) for job in jobs) and "toy-0" in supervisor.pids()

            wait_for(lambda: supervisor.pids() != first)
            wait_for(done)
            assert supervisor.pids()["toy-1"] == first["toy-1"]
            assert supervisor.pids()["toy-0"] != first["toy-0"]
            pids = supervisor.pids().values()
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        for job in jobs:
            assert_exact(platform, job, workers)
        assert "started" in (tmp_path / "logs" / "toy-1.log").read_text()

    def test_it_gives_up_on_a_command_that_cannot_run(self, tmp_path) -> None:
        broken = ProcessSpec("broken", [sys.executable, "-c", "raise SystemExit('no such module')"])
        supervisor = Supervisor([broken], log_dir=tmp_path)

        def poll_for_ever() -> None:
            while True:
                supervisor.poll()
                time.sleep(0.02)

        with pytest.raises(WorkersFailed, match="broken-0 ended with exit status 1, 5 times") as error, supervisor:
            poll_for_ever()
        assert str(tmp_path / "broken-0.log") in (error.value.hint or "")
        assert "no such module" in (tmp_path / "broken-0.log").read_text()

    def test_workers_end_when_their_supervisor_is_killed(self, workers, tmp_path) -> None:
        program = (
            "import sys, time\n"
            "from pathlib import Path\n"
            "from stereo_spot_runtime import ProcessSpec, Supervisor\n"
            f"spec = ProcessSpec('toy', [sys.executable, {str(TOY)!r}, {str(workers.ledger)!r}, '300', '4'], env={workers.env!r})\n"
            f"with Supervisor([spec], log_dir=Path({str(tmp_path)!r})) as supervisor:\n"
            "    print(supervisor.pids()['toy-0'], flush=True)\n"
            "    time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            log = tmp_path / "toy-0.log"
            wait_for(lambda: "started" in log.read_text())
            parent.kill()
        wait_for(lambda: "stopped" in log.read_text())
        assert pid > 0

    def test_what_does_not_stop_is_killed_with_all_that_it_started(self, tmp_path) -> None:
        stubborn = (
            "import signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid) + chr(10))\n"
            "time.sleep(600)\n"
        )
        supervisor = Supervisor([ProcessSpec("stubborn", [sys.executable, "-c", stubborn])])
        supervisor.start()
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
        supervisor.stop(grace_seconds=0.2)
        grandchild = int((tmp_path / "pid").read_text())
        assert supervisor.pids() == {}
        wait_for(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text().split()[2])


def test_fault_02_a_duplicate_of_everything_changes_nothing(platform, workers, submit_toy) -> None:
    job = submit_toy()
    for index in (2, 1, 0, 2):
        platform.queues[Stage.RENDER].send(SegmentReady(job_id=job.job_id, segment_index=index).encode())
    workers.start()
    for _ in range(5):
        advance(platform, job.job_id, patience=0)
    wait_for(lambda: is_done(platform, job))
    wait_for(lambda: quiet(platform))
    assert_exact(platform, job, workers)
    assert len(workers.lines("complete")) == 3
