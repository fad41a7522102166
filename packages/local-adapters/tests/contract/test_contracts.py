"""The embedded platform keeps every promise of the interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from stereo_spot_adapter_contracts import (
    ActivityStoreContract,
    JobStoreContract,
    ObjectStorageContract,
    QueueContract,
    SegmentCompletionStoreContract,
    SlotStoreContract,
    UploadStoreContract,
)
from stereo_spot_local_adapters.activity_store import SqlActivityStore
from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.job_store import SqlJobStore
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_local_adapters.segment_completion_store import SqlSegmentCompletionStore
from stereo_spot_local_adapters.slot_store import SqlSlotStore
from stereo_spot_local_adapters.upload_store import FileUploadStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "data" / "stereo-spot.db")
    yield database
    database.close()


class TestJobStore(JobStoreContract):
    @pytest.fixture
    def recipe(self, database):
        return partial(SqlJobStore, database)


class TestSegmentCompletionStore(SegmentCompletionStoreContract):
    @pytest.fixture
    def recipe(self, database):
        return partial(SqlSegmentCompletionStore, database)


class TestSlotStore(SlotStoreContract):
    @pytest.fixture
    def recipe(self, database):
        return partial(SqlSlotStore, database)


class TestActivityStore(ActivityStoreContract):
    @pytest.fixture
    def recipe(self, database):
        return partial(SqlActivityStore, database)


class TestQueue(QueueContract):
    @pytest.fixture
    def make_queue(self, database):
        names = (f"queue-{number}" for number in count())
        return lambda visibility_seconds: partial(SqlQueue, database, next(names), visibility_seconds=visibility_seconds)


class TestObjectStorage(ObjectStorageContract):
    @pytest.fixture
    def recipe(self, tmp_path):
        return partial(FileObjectStorage, tmp_path / "data")


class TestUploadStore(UploadStoreContract):
    @pytest.fixture
    def recipe(self, tmp_path):
        return partial(FileUploadStore, tmp_path / "data", FileObjectStorage(tmp_path / "data"))

    @pytest.fixture
    def storage(self, tmp_path):
        return FileObjectStorage(tmp_path / "data")
