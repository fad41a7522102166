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


class Shown(Protocol):
    """What a display shows at a time."""

    @property
    def words(self) -> str:
        """What is going on."""

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""

    @property
    def details(self) -> str:
        """Counts, rate and time left, as far as they are known."""


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

    @property
    def words(self) -> str:
        return WORDS[self.progress.status]

    @property
    def fraction(self) -> float:
        return self.progress.fraction

    @property
    def details(self) -> str:
        """`120 of 300 frames, 12.3 fps, 15 s left`, as far as it is known."""
        parts = []
        if self.progress.bytes_done:
            parts.append(size(self.progress.bytes_done))
        if self.progress.frames_total:
            parts.append(f"{self.progress.frames_done:,} of {count(self.progress.frames_total, 'frame')}")
        if self.frames_per_second is not None:
            parts.append(f"{self.frames_per_second:.1f} fps")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        if self.waiting is not None:
            parts.append(self.waiting)
        return ", ".join(parts)


class Display(Protocol):
    """Something that shows how far a conversion is."""

    def update(self, shown: Shown) -> None: ...


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

    def update(self, shown: Shown) -> None:
        self.progress.update(self.task, completed=shown.fraction, description=shown.words, detail=shown.details)


@dataclass
class Lines:
    """A line when the stage changes, and one every few seconds."""

    name: str
    shown: str | None = None
    shown_at: float = 0.0

    def update(self, shown: Shown) -> None:
        now = time.monotonic()
        if shown.words == self.shown and now < self.shown_at + LINE_EVERY_SECONDS:
            return
        self.shown, self.shown_at = shown.words, now
        output.note(", ".join(filter(None, [f"{self.name}: {shown.words}, {shown.fraction:.0%}", shown.details])))


class Silence:
    """Nothing is shown."""

    def update(self, shown: Shown) -> None:
        pass
