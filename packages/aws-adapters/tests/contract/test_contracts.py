"""The AWS platform keeps every promise of the interfaces."""

from __future__ import annotations

from functools import partial
from itertools import count

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
from stereo_spot_aws_adapters.activity_store import DynamoActivityStore
from stereo_spot_aws_adapters.job_store import DynamoJobStore
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.provision import make_queue
from stereo_spot_aws_adapters.queue import SqsQueue
from stereo_spot_aws_adapters.segment_completion_store import DynamoSegmentCompletionStore
from stereo_spot_aws_adapters.slot_store import DynamoSlotStore
from stereo_spot_aws_adapters.upload_store import S3UploadStore


class TestJobStore(JobStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoJobStore, aws)


class TestSegmentCompletionStore(SegmentCompletionStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoSegmentCompletionStore, aws)


class TestSlotStore(SlotStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoSlotStore, aws)


class TestActivityStore(ActivityStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoActivityStore, aws)


class TestQueue(QueueContract):
    @pytest.fixture
    def make_queue(self, aws):
        names = (f"{aws.settings.prefix}-{number}" for number in count())

        def make(visibility_seconds):
            name = next(names)
            make_queue(aws, name, visibility_seconds=visibility_seconds, max_attempts=50)
            return partial(SqsQueue, aws, name, visibility_seconds=visibility_seconds)

        return make


class TestObjectStorage(ObjectStorageContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(S3ObjectStorage, aws)


class TestUploadStore(UploadStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(S3UploadStore, aws)

    @pytest.fixture
    def storage(self, aws):
        return S3ObjectStorage(aws)
