"""The thin, cloud-agnostic interfaces that the pipeline knows; adapters implement them.

Each offers what the pipeline uses and nothing else. Every operation may raise the `RetryableError` of its interface
(`StoreUnavailable`, `QueueUnavailable`, `StorageUnavailable`); what else it raises is in its docstring.
"""

from stereo_spot_shared.interfaces.activity_store import ActivityStore
from stereo_spot_shared.interfaces.inference_backend import AsynchronousBackend, InferenceBackend
from stereo_spot_shared.interfaces.job_store import JobPage, JobStore
from stereo_spot_shared.interfaces.object_storage import ObjectInfo, ObjectPage, ObjectStorage
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.interfaces.queue import Delivery, Queue, QueueDepth
from stereo_spot_shared.interfaces.segment_completion_store import CompletionPage, SegmentCompletionStore
from stereo_spot_shared.interfaces.slot_store import SlotStore
from stereo_spot_shared.interfaces.upload_store import PartAddress, UploadInfo, UploadStore

__all__ = [
    "ActivityStore",
    "AsynchronousBackend",
    "CompletionPage",
    "Delivery",
    "InferenceBackend",
    "JobPage",
    "JobStore",
    "ObjectInfo",
    "ObjectPage",
    "ObjectStorage",
    "PartAddress",
    "Platform",
    "Queue",
    "QueueDepth",
    "SegmentCompletionStore",
    "SlotStore",
    "UploadInfo",
    "UploadStore",
]
