"""The same promises in a real AWS account: `STEREO_SPOT_AWS_TEST_PREFIX=… AWS_PROFILE=… pytest -m aws packages/aws-adapters`.

Everything is made under names that begin with the prefix and are used by nobody else, and removed in the end. It costs cents.
"""

from __future__ import annotations

import os
import secrets
import time
from functools import partial

import pytest

from stereo_spot_adapter_contracts import (
    ActivityStoreContract,
    JobStoreContract,
    ObjectStorageContract,
    QueueContract,
    SegmentCompletionStoreContract,
    UploadStoreContract,
)
from stereo_spot_aws_adapters.activity_store import DynamoActivityStore
from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.job_store import DynamoJobStore
from stereo_spot_aws_adapters.names import dead_letter_name, table_name
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.provision import make_bucket, make_queue, make_table
from stereo_spot_aws_adapters.queue import SqsQueue
from stereo_spot_aws_adapters.segment_completion_store import DynamoSegmentCompletionStore
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_aws_adapters.tables import TABLES
from stereo_spot_aws_adapters.upload_store import S3UploadStore

PREFIX = "STEREO_SPOT_AWS_TEST_PREFIX"
LAG_SECONDS = 2.0

pytestmark = [
    pytest.mark.aws,
    pytest.mark.skipif(PREFIX not in os.environ, reason=f"{PREFIX} is not set: no account to test in"),
]


class SettledJobStore(DynamoJobStore):
    """Lists when the indexes have caught up: in a real account they lag behind their table for moments."""

    def list(self, **arguments):
        time.sleep(LAG_SECONDS)
        return super().list(**arguments)


@pytest.fixture(scope="module")
def account():
    """Clients of the account, with tables and a bucket; nothing of it is left afterwards."""
    name = f"{os.environ[PREFIX]}-{secrets.token_hex(4)}"
    aws = connect(AwsSettings(prefix=name, bucket=name))
    try:
        for table, spec in TABLES.items():
            make_table(aws, table_name(name, table), spec)
        make_bucket(aws)
        yield aws
    finally:
        for table in TABLES:
            aws.dynamodb.delete_table(TableName=table_name(name, table))
        empty_bucket(aws)
        aws.s3.delete_bucket(Bucket=name)


@pytest.fixture
def aws(account):
    """The clients, with nothing in the tables and the bucket."""
    yield account
    for table, spec in TABLES.items():
        keys = [key.name for key in spec.keys]
        names = {f"#{number}": key for number, key in enumerate(keys)}
        pages = account.dynamodb.get_paginator("scan").paginate(
            TableName=table_name(account.settings.prefix, table), ProjectionExpression=", ".join(names), ExpressionAttributeNames=names
        )
        for page in pages:
            for item in page["Items"]:
                account.dynamodb.delete_item(TableName=table_name(account.settings.prefix, table), Key=item)
    empty_bucket(account)


def empty_bucket(aws):
    bucket = aws.settings.bucket
    for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            aws.s3.delete_object(Bucket=bucket, Key=entry["Key"])
    for upload in aws.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        aws.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


class TestJobStore(JobStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoJobStore, aws)

    @pytest.fixture
    def store(self, aws):
        return SettledJobStore(aws)


class TestSegmentCompletionStore(SegmentCompletionStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoSegmentCompletionStore, aws)


class TestActivityStore(ActivityStoreContract):
    @pytest.fixture
    def recipe(self, aws):
        return partial(DynamoActivityStore, aws)


class TestQueue(QueueContract):
    depth_is_exact = False

    @pytest.fixture
    def make_queue(self, account):
        made = []

        def make(visibility_seconds):
            name = f"{account.settings.prefix}-{secrets.token_hex(4)}"
            made.append(name)
            make_queue(account, name, visibility_seconds=visibility_seconds, max_attempts=50)
            return partial(SqsQueue, account, name, visibility_seconds=visibility_seconds)

        yield make
        for name in made:
            for queue in (name, dead_letter_name(name)):
                account.sqs.delete_queue(QueueUrl=account.sqs.get_queue_url(QueueName=queue)["QueueUrl"])


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
