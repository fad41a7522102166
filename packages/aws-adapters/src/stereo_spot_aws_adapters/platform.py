"""The AWS platform, wired together."""

from __future__ import annotations

from stereo_spot_aws_adapters.activity_store import DynamoActivityStore
from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.job_store import DynamoJobStore
from stereo_spot_aws_adapters.names import queue_name
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.queue import SqsQueue
from stereo_spot_aws_adapters.sagemaker import Notifications
from stereo_spot_aws_adapters.segment_completion_store import DynamoSegmentCompletionStore
from stereo_spot_aws_adapters.settings import AwsSettings, settings_of_environment
from stereo_spot_aws_adapters.slot_store import DynamoSlotStore
from stereo_spot_aws_adapters.upload_store import S3UploadStore
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES


def create_platform() -> Platform:
    """The platform of the settings (`STORAGE_ADAPTER=aws`)."""
    return open_platform(settings_of_environment())


def open_platform(settings: AwsSettings) -> Platform:
    """The platform of these settings. Nothing is asked of AWS yet: what is missing there is said by whoever needs it first."""
    aws = connect(settings)
    return Platform(
        name="aws",
        jobs=DynamoJobStore(aws),
        completions=DynamoSegmentCompletionStore(aws),
        activity=DynamoActivityStore(aws),
        queues={
            stage: SqsQueue(
                aws,
                queue_name(settings.prefix, stage),
                visibility_seconds=spec.visibility_seconds,
                read=Notifications(aws).read if stage is Stage.RENDERED else str,
            )
            for stage, spec in STAGES.items()
        },
        slots=DynamoSlotStore(aws),
        storage=S3ObjectStorage(aws),
        uploads=S3UploadStore(aws),
        close=_nothing,
        place=f"s3://{settings.bucket}",
    )


def _nothing() -> None:
    """Connections belong to the process, which shares them among all that it opens."""
