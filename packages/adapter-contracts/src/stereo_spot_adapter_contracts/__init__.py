"""The conformance suites that every StereoSpot adapter must pass: a cloud is added by inheriting them.

class TestJobStore(JobStoreContract):
    @pytest.fixture
    def recipe(self, tmp_path):
        return partial(MyJobStore, "address")  # picklable: other processes open the same backend with it
"""

import pytest

_SUITES = ("activity_store", "job_store", "object_storage", "queue", "segment_completion_store", "slot_store", "upload_store")
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES))  # before they are imported

from stereo_spot_adapter_contracts.activity_store import ActivityStoreContract  # noqa: E402
from stereo_spot_adapter_contracts.job_store import JobStoreContract  # noqa: E402
from stereo_spot_adapter_contracts.object_storage import ObjectStorageContract  # noqa: E402
from stereo_spot_adapter_contracts.queue import QueueContract  # noqa: E402
from stereo_spot_adapter_contracts.racing import Recipe, race  # noqa: E402
from stereo_spot_adapter_contracts.segment_completion_store import SegmentCompletionStoreContract  # noqa: E402
from stereo_spot_adapter_contracts.slot_store import SlotStoreContract  # noqa: E402
from stereo_spot_adapter_contracts.upload_store import UploadStoreContract  # noqa: E402

__all__ = [
    "ActivityStoreContract",
    "JobStoreContract",
    "ObjectStorageContract",
    "QueueContract",
    "Recipe",
    "SegmentCompletionStoreContract",
    "SlotStoreContract",
    "UploadStoreContract",
    "race",
]
