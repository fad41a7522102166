"""How far an upload or a download is, as it is shown."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from stereo_spot_cli.conversion.display import Display
from stereo_spot_cli.words import duration, size
from stereo_spot_shared.progress import RateMeter

SHOW_EVERY_SECONDS = 0.25


@dataclass
class Transfer:
    """Bytes on their way; shown whenever that makes sense."""

    words: str
    total: int
    show: Display
    done: int = 0
    waiting: str | None = None
    meter: RateMeter = field(default_factory=RateMeter)
    shown_at: float = float("-inf")

    @property
    def fraction(self) -> float:
        return self.done / self.total if self.total else 1.0

    @property
    def details(self) -> str:
        parts = [f"{size(self.done)} of {size(self.total)}"]
        if (rate := self.meter.frames_per_second) is not None:
            parts.append(f"{size(rate)}/s")
        if self.done < self.total and (left := self.meter.seconds_left(self.total - self.done)) is not None:
            parts.append(f"{duration(left)} left")
        if self.waiting is not None:
            parts.append(self.waiting)
        return ", ".join(parts)

    def reached(self, done: int) -> None:
        """So many bytes are there."""
        now = time.monotonic()
        self.done, self.waiting = done, None
        self.meter.add(now, done)
        if now >= self.shown_at + SHOW_EVERY_SECONDS or done == self.total:
            self.shown_at = now
            self.show.update(self)

    def waits(self, why: str) -> None:
        """Nothing moves, and why."""
        self.waiting = why
        self.show.update(self)
