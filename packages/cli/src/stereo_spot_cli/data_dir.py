"""The data directory of the embedded platform: what of it is the command line's, and how others are told of it.

<data dir>/           jobs, queues and objects (the embedded platform's own)
<data dir>/scratch/   where workers put together what they store: on the same file system, so that storing is a link
<data dir>/logs/      what the workers of `convert` wrote
<data dir>/locks/     one file per output that is being written
<data dir>/demo/      the procedural demo clip
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.settings import CliSettings, export


@dataclass(frozen=True)
class DataDir:
    """Paths under one data directory; the directories are there and can be written."""

    root: Path

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def demo(self) -> Path:
        return self.root / "demo"


def open_data_dir(chosen: Path | None) -> DataDir:
    """Make the data directory ready for work and name it to everything in and under this process.

    CommandFailed where it cannot be used.
    """
    name_data_dir(chosen)
    data_dir = DataDir(CliSettings().data_dir.expanduser().absolute())
    try:
        for place in (data_dir.scratch, data_dir.logs, data_dir.locks, data_dir.demo):
            place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir.root):
            pass
    except OSError as error:
        raise CommandFailed(
            "data_dir",
            f"the data directory {data_dir.root} cannot be used: {error.strerror or error}",
            hint="choose another with --data-dir or STEREO_SPOT_DATA_DIR",
        ) from error
    export({"STEREO_SPOT_DATA_DIR": str(data_dir.root), "STEREO_SPOT_SCRATCH_DIR": str(data_dir.scratch)})
    return data_dir


def name_data_dir(chosen: Path | None) -> None:
    """Name the data directory that a person chose to everything in and under this process."""
    if chosen is not None:
        export({"STEREO_SPOT_DATA_DIR": str(chosen.expanduser().absolute())})


@contextmanager
def locked(data_dir: DataDir, output: Path) -> Iterator[None]:
    """Be the only process that writes `output`, for the length of a `with` block. The system frees the lock however we end."""
    with (data_dir.locks / f"{lock_name(output)}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandFailed(
                "already_running",
                f"{output} is being made by another stereo-spot at this moment (process {file.read().strip() or 'unknown'})",
                hint="wait for it, or choose another output",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def lock_name(output: Path) -> str:
    """A name for the writing of one output, fit for a file and for a queue group."""
    return hashlib.sha256(os.fsencode(output)).hexdigest()[:32]
