"""A platform: all interfaces of one place to run, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stereo_spot_shared.interfaces.activity_store import ActivityStore
from stereo_spot_shared.interfaces.job_store import JobStore
from stereo_spot_shared.interfaces.object_storage import ObjectStorage
from stereo_spot_shared.interfaces.queue import Queue
from stereo_spot_shared.interfaces.segment_completion_store import SegmentCompletionStore
from stereo_spot_shared.interfaces.slot_store import SlotStore
from stereo_spot_shared.interfaces.upload_store import UploadStore
from stereo_spot_shared.jobs import Stage

ADAPTER_ENTRY_POINTS = "stereo_spot.adapters"
"""Entry-point group under which an adapter package registers a function `() -> Platform`."""


@dataclass(frozen=True)
class Platform:
    """One platform, opened: every store, queue and storage that a worker may need. Safe to use from many threads."""

    name: str
    jobs: JobStore
    completions: SegmentCompletionStore
    activity: ActivityStore
    queues: Mapping[Stage, Queue]
    slots: SlotStore
    storage: ObjectStorage
    uploads: UploadStore
    close: Callable[[], None]
    """Release connections and files."""
    place: str = ""
    """Where what it holds is kept, as its operator knows it: a folder, a bucket."""
