"""Makes the tables, queues and bucket that the settings name, for tests and for trying things out; what is there stays as it is.

A system that is to stay is made by Terraform, from the same names, keys and timeouts.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws, connect
from stereo_spot_aws_adapters.names import (
    INCOMING_PREFIX,
    INFERENCE_PREFIX,
    INTAKE_ATTEMPTS,
    INTAKE_VISIBILITY_SECONDS,
    UPLOADS_PREFIX,
    dead_letter_name,
    intake_queue_name,
    queue_name,
    table_name,
)
from stereo_spot_aws_adapters.settings import settings_of_environment
from stereo_spot_aws_adapters.tables import TABLES, IndexSpec, Key, TableSpec
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.errors import QueueUnavailable, StereoSpotError, StorageUnavailable, StoreUnavailable
from stereo_spot_shared.pipeline import STAGES

RETENTION_SECONDS = 14 * 24 * 3600
"""How long a message is kept: as long as SQS can."""
RECEIVES_BEYOND_ATTEMPTS = 10
"""SQS's own limit of receives lies so much above a stage's attempts: it only catches what no worker could put aside with a reason."""
UPLOAD_DAYS = 7
"""An upload that nobody has finished by then is removed."""
ANSWER_DAYS = RETENTION_SECONDS // 86400 + 1
"""What an endpoint answered is removed once no message can speak of it any more."""

LOCAL_PAGES = ("http://127.0.0.1:8088", "http://localhost:8088")
"""Where a web UI on this machine is, if nothing else was said."""


def main() -> int:
    """Make everything that the environment's settings name; the exit status says whether that went well."""
    try:
        aws = connect(settings_of_environment())
        made = provision(aws)
    except StereoSpotError as error:
        sys.stderr.write(f"stereo-spot: {error}\n{error.hint or ''}\n")
        return 1
    sys.stdout.writelines(f"{name}\n" for name in made)
    return 0


def provision(aws: Aws) -> list[str]:
    """Make what is missing; the names of all that is there now."""
    prefix = aws.settings.prefix
    made = [make_table(aws, table_name(prefix, table), spec) for table, spec in TABLES.items()]
    for stage, spec in STAGES.items():
        name = queue_name(prefix, stage)
        made += make_queue(aws, name, visibility_seconds=spec.visibility_seconds, max_attempts=spec.max_attempts)
    return [*made, make_bucket(aws), *make_intake(aws)]


def make_table(aws: Aws, name: str, spec: TableSpec) -> str:
    """A table with its indexes, when it is ready to be used."""
    client = aws.dynamodb
    keys = {key.name: key for index in spec.indexes.values() for key in (index.partition, index.sort)} | {
        key.name: key for key in spec.keys
    }
    local = [_index(index, index_spec) for index, index_spec in spec.indexes.items() if index_spec.local]
    global_ = [_index(index, index_spec) for index, index_spec in spec.indexes.items() if not index_spec.local]
    arguments: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key.name, "AttributeType": key.type} for key in keys.values()],
        "KeySchema": _key_schema(*spec.keys),
        **({"LocalSecondaryIndexes": local} if local else {}),
        **({"GlobalSecondaryIndexes": global_} if global_ else {}),
    }
    with aws_errors(StoreUnavailable, f"the table {name}"):
        try:
            client.create_table(**arguments)
        except ClientError as error:
            if code_of(error) != "ResourceInUseException":
                raise
            return name
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        if spec.expires is not None:
            client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": spec.expires})
    return name


def make_queue(aws: Aws, name: str, *, visibility_seconds: int, max_attempts: int) -> list[str]:
    """A queue and its dead-letter queue."""
    dead = dead_letter_name(name)
    common = {"MessageRetentionPeriod": str(RETENTION_SECONDS), "SqsManagedSseEnabled": "true"}
    with aws_errors(QueueUnavailable, f"the queue {name}"):
        url = aws.sqs.create_queue(QueueName=dead, Attributes=common)["QueueUrl"]  # type: ignore[arg-type]  # the stubs want literal keys
        arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_attempts + RECEIVES_BEYOND_ATTEMPTS})
        attributes: Any = {**common, "VisibilityTimeout": str(visibility_seconds), "RedrivePolicy": redrive}
        aws.sqs.create_queue(QueueName=name, Attributes=attributes)
    return [name, dead]


def make_bucket(aws: Aws) -> str:
    """The bucket: not public, written by pages of this machine, with unfinished uploads removed after a week."""
    name, client = aws.settings.bucket, aws.s3
    region = client.meta.region_name
    where: dict[str, Any] = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with aws_errors(StorageUnavailable, f"the bucket {name}"):
        try:
            client.create_bucket(Bucket=name, **where)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise
            return name
        closed: Any = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
        client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": cors_rules(*LOCAL_PAGES)})
        client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": lifecycle_rules()})
    return name


def make_intake(aws: Aws) -> list[str]:
    """The queue that S3 tells of what arrives below `incoming/`, and the order to do so."""
    name, bucket = intake_queue_name(aws.settings.prefix), aws.settings.bucket
    made = make_queue(aws, name, visibility_seconds=INTAKE_VISIBILITY_SECONDS, max_attempts=INTAKE_ATTEMPTS)
    with aws_errors(QueueUnavailable, f"the queue {name}"):
        url = aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(intake_policy(arn, bucket))})
    events: Any = {
        "QueueConfigurations": [
            {
                "QueueArn": arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": INCOMING_PREFIX}]}},
            }
        ]
    }
    with aws_errors(StorageUnavailable, f"the bucket {bucket}"):
        aws.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=events)
    return made


def intake_policy(queue_arn: str, bucket: str) -> dict[str, Any]:
    """That this bucket, and nobody else, may send to the queue."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnLike": {"aws:SourceArn": f"arn:{queue_arn.split(':')[1]}:s3:::{bucket}"}},
            }
        ],
    }


def cors_rules(*origins: str) -> Any:
    """That pages of these origins may store parts of videos, which they have addresses for."""
    return [{"ID": "uploads-by-pages", "AllowedOrigins": list(origins), "AllowedMethods": ["PUT"], "MaxAgeSeconds": 3600}]


def lifecycle_rules() -> Any:
    """What S3 removes by itself: uploads that nobody finished, a day later what was written down of them, and answers of an endpoint."""
    return [
        {
            "ID": "unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
        },
        {
            "ID": "upload-states",
            "Status": "Enabled",
            "Filter": {"Prefix": UPLOADS_PREFIX},
            "Expiration": {"Days": UPLOAD_DAYS + 1},
        },
        {
            "ID": "inference-answers",
            "Status": "Enabled",
            "Filter": {"Prefix": INFERENCE_PREFIX},
            "Expiration": {"Days": ANSWER_DAYS},
        },
    ]


def _index(name: str, spec: IndexSpec) -> dict[str, Any]:
    projection: dict[str, Any] = (
        {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(spec.include)} if spec.include else {"ProjectionType": "KEYS_ONLY"}
    )
    return {"IndexName": name, "KeySchema": _key_schema(spec.partition, spec.sort), "Projection": projection}


def _key_schema(partition: Key, sort: Key | None = None) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition.name, "KeyType": "HASH"}]
    return schema if sort is None else [*schema, {"AttributeName": sort.name, "KeyType": "RANGE"}]


if __name__ == "__main__":
    sys.exit(main())
