"""How far a conversion is, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from stereo_spot_cli import output
from stereo_spot_cli.words import count, duration, size
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.progress import JobProgress

LINE_EVERY_SECONDS = 10.0

WORDS = {
    JobStatus.CREATED: "preparing",
    JobStatus.UPLOADING: "taking in the video",
    JobStatus.INGESTING: "fetching the video",
    JobStatus.QUEUED: "starting",
    JobStatus.CHUNKING: "cutting and rendering",
    JobStatus.RENDERING: "rendering",
    JobStatus.REASSEMBLING: "joining",
    JobStatus.COMPLETED: "finishing",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
    JobStatus.DELETED: "deleted",
}
"""What a person is told that is going on."""


@dataclass(frozen=True)
class Tick:
    """One look at a job, as it is shown."""

    progress: JobProgress
    frames_per_second: float | None
    seconds_left: float | None
    completed_frames: int = 0
    """Of finished segments only."""
    waiting: str | None = None
    """Why nothing moves, where that is known."""


class Display(Protocol):
    """Something that shows ticks."""

    def update(self, tick: Tick) -> None: ...


@contextmanager
def display(name: str, *, quiet: bool) -> Iterator[Display]:
    """The display that suits where standard error goes; `quiet` leaves out all but a terminal's bar."""
    if sys.stderr.isatty():
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[detail]}"))
        with Progress(*columns, console=output.console(stderr=True), transient=True) as progress:
            yield Bar(progress, progress.add_task(name, total=1.0, detail=""))  # type: ignore[arg-type]  # see `RichProgress`
    elif quiet:
        yield Silence()
    else:
        yield Lines(name)


class RichProgress(Protocol):
    """What is used of rich.progress.Progress, which is imported only where there is a terminal."""

    def update(self, task_id: object, *, completed: float, description: str, detail: str) -> None: ...


@dataclass
class Bar:
    """A progress bar."""

    progress: RichProgress
    task: object

    def update(self, tick: Tick) -> None:
        self.progress.update(self.task, completed=tick.progress.fraction, description=WORDS[tick.progress.status], detail=details(tick))


@dataclass
class Lines:
    """A line when the stage changes, and one every few seconds."""

    name: str
    shown: JobStatus | None = None
    shown_at: float = 0.0

    def update(self, tick: Tick) -> None:
        now = time.monotonic()
        if tick.progress.status is self.shown and now < self.shown_at + LINE_EVERY_SECONDS:
            return
        self.shown, self.shown_at = tick.progress.status, now
        words = f"{WORDS[tick.progress.status]}, {tick.progress.fraction:.0%}"
        output.note(", ".join(filter(None, [f"{self.name}: {words}", details(tick)])))


class Silence:
    """Nothing is shown."""

    def update(self, tick: Tick) -> None:
        pass


def details(tick: Tick) -> str:
    """`120 of 300 frames, 12.3 fps, 15 s left`, as far as it is known."""
    parts = []
    if tick.progress.bytes_done:
        parts.append(size(tick.progress.bytes_done))
    if tick.progress.frames_total:
        parts.append(f"{tick.progress.frames_done:,} of {count(tick.progress.frames_total, 'frame')}")
    if tick.frames_per_second is not None:
        parts.append(f"{tick.frames_per_second:.1f} fps")
    if tick.seconds_left is not None:
        parts.append(f"{duration(tick.seconds_left)} left")
    if tick.waiting is not None:
        parts.append(tick.waiting)
    return ", ".join(parts)
