"""The store of signs of life."""

from __future__ import annotations

from typing import Protocol

from stereo_spot_shared.jobs import Activity


class ActivityStore(Protocol):
    """Who works on what at this moment. Only hints: any entry may be lost or stale."""

    def report(self, activity: Activity) -> None:
        """Replace what was known of this job, stage and segment."""

    def list(self, job_id: str) -> tuple[Activity, ...]:
        """All that is known of a job, by stage and segment index."""

    def delete_by_job(self, job_id: str) -> None: ...
