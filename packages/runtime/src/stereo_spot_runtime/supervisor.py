"""One supervised process tree: starts workers, starts again what dies, stops all of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from stereo_spot_runtime.logging import get_logger
from stereo_spot_runtime.retry import backoff
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.errors import StereoSpotError

_EARLY_SECONDS = 10.0
_EARLY_EXITS, _EARLY_KILLS = 5, 10
"""How many deaths right after the start are too many. By a signal more are borne: that may be a segment that crashes its
worker, which ends by itself when the segment's attempts are used up."""
_LONGEST_PAUSE = 5.0


class WorkersFailed(StereoSpotError):
    """A worker ends as soon as it is started, again and again: starting it once more would not help."""

    code = "workers_failed"


@dataclass(frozen=True)
class ProcessSpec:
    """A command and how many processes of it are to run. `env` is added to this process's environment."""

    name: str
    argv: Sequence[str]
    count: int = 1
    env: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Keeps the processes of `specs` running; call `poll` about once a second.

    Their output goes to `log_dir/<name>-<number>.log` (appended), or to this process's own where that is None. They
    stay in this process's group, so that a Ctrl-C reaches all, and end by themselves when this process dies.
    """

    def __init__(self, specs: Sequence[ProcessSpec], *, log_dir: Path | None = None) -> None:
        self._slots = [_Slot(spec, number, log_dir) for spec in specs for number in range(spec.count)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes."""
        for slot in self._slots:
            slot.start()

    def poll(self) -> None:
        """Start again what has died, each after a pause that grows. WorkersFailed when one dies at once every time."""
        for slot in self._slots:
            slot.poll()

    def pids(self) -> dict[str, int]:
        """The running processes by `<name>-<number>`."""
        return {slot.name: slot.process.pid for slot in self._slots if slot.process and slot.process.poll() is None}

    def stop(self, *, grace_seconds: float = 20.0) -> None:
        """End all: SIGTERM, and SIGKILL for what is still there after `grace_seconds`, with all that it started."""
        running = [slot.process for slot in self._slots if slot.process is not None and slot.process.poll() is None]
        families = [_family(process.pid) for process in running]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + grace_seconds
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        _kill([member for family in families for member in family])
        for slot in self._slots:
            slot.close()


class _Slot:
    """One process that is to run: the one that does now, and when the next may start."""

    def __init__(self, spec: ProcessSpec, number: int, log_dir: Path | None) -> None:
        self.name = f"{spec.name}-{number}"
        self.process: subprocess.Popen[bytes] | None = None
        self._spec = spec
        self._log_file = None if log_dir is None else log_dir / f"{self.name}.log"
        self._started = self._start_at = 0.0
        self._early_deaths = 0

    def start(self) -> None:
        # The child compares this with its parent's id: so it notices even a parent that died before it could look.
        environment = child_environment({**self._spec.env, "STEREO_SPOT_SUPERVISOR_PID": str(os.getpid())})
        self._started = time.monotonic()
        if self._log_file is None:
            self.process = subprocess.Popen(self._spec.argv, env=environment, stdin=subprocess.DEVNULL)
            return
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self._spec.argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def poll(self) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.start()
        elif (status := self.process.poll()) is not None:
            self._note_death(now, status)

    def _note_death(self, now: float, status: int) -> None:
        self.process = None
        self._early_deaths = self._early_deaths + 1 if now - self._started < _EARLY_SECONDS else 0
        how = f"by signal {-status}" if status < 0 else f"with exit status {status}"
        get_logger().warning("a process ended and is started again", process=self.name, how=how)
        if self._early_deaths >= (_EARLY_KILLS if status < 0 else _EARLY_EXITS):
            where = f"its log is {self._log_file}" if self._log_file else "its output is above"
            raise WorkersFailed(f"{self.name} ended {how}, {self._early_deaths} times in a row right after its start", hint=where)
        pause = backoff(0.2, self._early_deaths - 1, jitter=1.0) if self._early_deaths else 0.0
        self._start_at = now + min(pause, _LONGEST_PAUSE)

    def close(self) -> None:
        if self.process is not None:
            self.process.wait()
            self.process = None


def _family(pid: int) -> list[psutil.Process]:
    """A process and all that descends from it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    # psutil compares start times: a process id that was given to somebody else meanwhile is left alone.
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
