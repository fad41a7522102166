"""The command as a person runs it: a process with its own environment, folder and data directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from stereo_spot_cli.demo import make_clip
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.interfaces import Platform

COMMAND = [sys.executable, "-m", "stereo_spot_cli.main"]


@dataclass
class Answer:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON object and nothing else."""
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs stereo-spot in one folder, with one data directory."""

    folder: Path
    data_dir: Path

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("STEREO_SPOT_", "STORAGE_ADAPTER"))}
        places = {"STEREO_SPOT_DATA_DIR": str(self.data_dir), "STEREO_SPOT_MODELS_DIR": str(self.data_dir.parent / "models")}
        return {**clean, **places, "STEREO_SPOT_OFFLINE": "1", **(extra or {})}

    def run(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Answer:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command as the leader of its own process group, as a terminal does."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def platform(self) -> Platform:
        return open_platform(self.data_dir)

    @staticmethod
    def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait until `condition` holds, while `process` runs."""
        while not condition():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)

    @staticmethod
    def settled(look: Callable[[], int]) -> int:
        """What `look` says when it has said the same for a while: of bytes that are still on their way."""
        before = -1
        while (now := look()) != before:
            before = now
            time.sleep(0.5)
        return now

    @staticmethod
    def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
        """A process and its descendants."""
        leader = psutil.Process(process.pid)
        return [leader, *leader.children(recursive=True)]

    @staticmethod
    def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
        """Those of the processes that do not end by themselves."""
        return psutil.wait_procs(processes, timeout=30)[1]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "here"
    folder.mkdir()
    return Shell(folder, tmp_path / "data")


@pytest.fixture
def started(shell: Shell) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`shell.start`, with everything that it started killed at the end of the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        processes.append(shell.start(*arguments, env=env))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo scene with sound, at a size that renders at once."""
    return make_clip(tmp_path_factory.mktemp("clip") / "a film's clip.mp4", seconds=2, width=192, height=108)
