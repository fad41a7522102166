"""The store of finished segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stereo_spot_shared.jobs import SegmentCompletion


@dataclass(frozen=True)
class CompletionPage:
    """Completions in order of segment index; `cursor` continues the list and is None at its end."""

    completions: tuple[SegmentCompletion, ...]
    cursor: str | None = None


class SegmentCompletionStore(Protocol):
    """Which segments are finished. At most one completion stands for a segment."""

    def put(self, completion: SegmentCompletion) -> SegmentCompletion:
        """Record it unless one stands already (the first writer wins); returns the one that stands."""

    def get(self, job_id: str, segment_index: int) -> SegmentCompletion | None: ...

    def query_by_job(self, job_id: str, *, cursor: str | None = None, limit: int = 500) -> CompletionPage: ...

    def count(self, job_id: str) -> int:
        """How many segments are finished; includes every `put` that has returned."""

    def delete_by_job(self, job_id: str) -> None:
        """Forget all of a job's completions; nothing happens where there are none."""
