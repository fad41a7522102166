"""The embedded platform, wired together."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_local_adapters.activity_store import SqlActivityStore
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_local_adapters.segment_completion_store import SqlSegmentCompletionStore
from stereo_spot_local_adapters.settings import LocalSettings
from stereo_spot_local_adapters.slot_store import SqlSlotStore
from stereo_spot_local_adapters.upload_store import FileUploadStore
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.pipeline import STAGES

DATABASE_NAME = "stereo-spot.db"


def create_platform() -> Platform:
    """The platform in the data directory of the settings (`STORAGE_ADAPTER=local`)."""
    settings = LocalSettings()
    return open_platform(settings.data_dir, queue_group=settings.queue_group)


def open_platform(data_dir: Path, *, queue_group: str = "main") -> Platform:
    """The platform in `data_dir`, made where there is none; of its messages, those of `queue_group`.

    StoreUnavailable, StorageUnavailable, NoSpaceLeft or UnknownSchema say in one sentence why it cannot be used.
    """
    data_dir = data_dir.expanduser().absolute()
    storage = FileObjectStorage(data_dir)
    database = Database(data_dir / DATABASE_NAME)
    return Platform(
        name="local",
        jobs=SqlJobStore(database),
        completions=SqlSegmentCompletionStore(database),
        activity=SqlActivityStore(database),
        queues={
            stage: SqlQueue(database, f"{queue_group}/{spec.queue}", visibility_seconds=spec.visibility_seconds)
            for stage, spec in STAGES.items()
        },
        slots=SqlSlotStore(database),
        storage=storage,
        uploads=FileUploadStore(data_dir, storage),
        close=database.close,
        place=str(data_dir),
    )
