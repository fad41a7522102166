"""Looks at a deployed data plane and says in words what is wrong with it: every table, every queue, the bucket.

It reads settings, and in the bucket it stores, reads and removes one small object; no job and no message is touched.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws, connect
from stereo_spot_aws_adapters.names import (
    INTAKE_ATTEMPTS,
    INTAKE_VISIBILITY_SECONDS,
    dead_letter_name,
    intake_queue_name,
    queue_name,
    table_name,
)
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.settings import settings_of_environment
from stereo_spot_aws_adapters.tables import TABLES, TableSpec
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.errors import Conflict, QueueUnavailable, StereoSpotError, StorageUnavailable, StoreUnavailable
from stereo_spot_shared.pipeline import STAGES

_ADDRESS_SECONDS = 60

Findings = Iterator[str]
"""One sentence for each thing that is wrong."""


def main() -> int:
    """Look at what the environment's settings name; the exit status is 0 where nothing is wrong."""
    try:
        found = smoke_test(connect(settings_of_environment()))
    except StereoSpotError as error:
        sys.stderr.write(f"{_sentence(error)}\n")
        return 1
    wrong = 0
    for what, sentences in found.items():
        wrong += len(sentences)
        sys.stdout.writelines(f"WRONG  {sentence}\n" for sentence in sentences)
        sys.stdout.write("" if sentences else f"ok     {what}\n")
    sys.stdout.write(f"{wrong} things are wrong\n" if wrong else "the data plane is whole\n")
    return 1 if wrong else 0


def smoke_test(aws: Aws) -> dict[str, list[str]]:
    """What is wrong with each table, queue and bucket, by what it is; [] where nothing is."""
    prefix = aws.settings.prefix
    checks: dict[str, Callable[[], Findings]] = {}
    for table, table_spec in TABLES.items():
        name = table_name(prefix, table)
        checks[f"the table {name}"] = partial(_table, aws, name, table_spec)
    for stage, stage_spec in STAGES.items():
        name = queue_name(prefix, stage)
        checks[f"the queue {name}"] = partial(_queue, aws, name, stage_spec.visibility_seconds, stage_spec.max_attempts)
    intake = intake_queue_name(prefix)
    checks[f"the queue {intake}"] = partial(_queue, aws, intake, INTAKE_VISIBILITY_SECONDS, INTAKE_ATTEMPTS)
    checks[f"the bucket {aws.settings.bucket}"] = partial(_bucket, aws)
    return {what: _found(check) for what, check in checks.items()}


def _found(check: Callable[[], Findings]) -> list[str]:
    found: list[str] = []
    try:
        found.extend(check())
    except StereoSpotError as error:
        found.append(_sentence(error))
    return found


def _sentence(error: StereoSpotError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _table(aws: Aws, name: str, spec: TableSpec) -> Findings:
    what = f"the table {name}"
    with aws_errors(StoreUnavailable, what):
        found: Mapping[str, Any] = aws.dynamodb.describe_table(TableName=name)["Table"]
        ends: Mapping[str, Any] = aws.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if found["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        yield f"{what} is {found['TableStatus']}"
    if (keys := _keys(found)) != [key.name for key in spec.keys]:
        yield f"{what} has the key {keys} instead of {[key.name for key in spec.keys]}: it is another program's, or an older one's"
    indexes = {index["IndexName"]: index for kind in ("Local", "Global") for index in found.get(f"{kind}SecondaryIndexes", [])}
    for index, index_spec in spec.indexes.items():
        wanted = [index_spec.partition.name, index_spec.sort.name]
        if index not in indexes:
            yield f"{what} lacks the index {index}"
        elif (keys := _keys(indexes[index])) != wanted:
            yield f"the index {index} of {what} has the key {keys} instead of {wanted}"
    if spec.expires is not None and ends.get("AttributeName") != spec.expires:
        yield f"{what} does not remove old items: its time to live must be the attribute {spec.expires}"


def _keys(described: Mapping[str, Any]) -> list[str]:
    return [key["AttributeName"] for key in sorted(described["KeySchema"], key=lambda key: str(key["KeyType"]))]


def _queue(aws: Aws, name: str, visibility_seconds: int, max_attempts: int) -> Findings:
    what, dead = f"the queue {name}", dead_letter_name(name)
    attributes = _queue_attributes(aws, name)
    dead_attributes = _queue_attributes(aws, dead)
    if int(attributes["VisibilityTimeout"]) != visibility_seconds:
        yield f"{what} hides messages for {attributes['VisibilityTimeout']} s instead of {visibility_seconds}"
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    if redrive.get("deadLetterTargetArn") != dead_attributes["QueueArn"]:
        yield f"{what} has no dead-letter queue {dead}"
    elif int(redrive["maxReceiveCount"]) <= max_attempts:
        yield f"{what} gives up after {redrive['maxReceiveCount']} receives, and a message may need {max_attempts}"
    if int(dead_attributes["ApproximateNumberOfMessages"]):
        yield f"the queue {dead} holds {dead_attributes['ApproximateNumberOfMessages']} messages: look why, then send them again"


def _queue_attributes(aws: Aws, name: str) -> Mapping[str, Any]:
    with aws_errors(QueueUnavailable, f"the queue {name}"):
        url = aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer: Mapping[str, Any] = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: Mapping[str, Any] = answer["Attributes"]
    return attributes


def _bucket(aws: Aws) -> Findings:
    name = aws.settings.bucket
    what = f"the bucket {name}"
    storage, key, content = S3ObjectStorage(aws), f"smoke-test/{secrets.token_hex(8)}", secrets.token_bytes(64)
    storage.put_bytes(content, key, if_absent=True)
    try:
        try:
            storage.put_bytes(b"", key, if_absent=True)
            yield f"{what} replaced an object that was to be stored only where there is none"
        except Conflict:
            pass
        if storage.read_range(key) != content or [info.key for info in storage.list(key).objects] != [key]:
            yield f"{what} does not give back what was stored in it"
        yield from _addresses(what, storage, key, content)
    finally:
        storage.delete(key)
    with aws_errors(StorageUnavailable, what):
        closed: Mapping[str, Any] = _or_nothing(
            lambda: aws.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"], "NoSuchPublicAccessBlockConfiguration"
        )
        cross_origin: Mapping[str, Any] = _or_nothing(lambda: aws.s3.get_bucket_cors(Bucket=name), "NoSuchCORSConfiguration")
        rules: Mapping[str, Any] = _or_nothing(
            lambda: aws.s3.get_bucket_lifecycle_configuration(Bucket=name), "NoSuchLifecycleConfiguration"
        )
    if not (closed and all(closed.values())):
        yield f"{what} may be made public: block public access"
    if not any("PUT" in rule["AllowedMethods"] for rule in cross_origin.get("CORSRules", [])):
        yield f"{what} takes no videos from pages: add a CORS rule that lets the web UI's origin PUT"
    if not any("AbortIncompleteMultipartUpload" in rule for rule in rules.get("Rules", [])):
        yield f"{what} keeps uploads that nobody finishes, for which you pay: add a lifecycle rule"


def _addresses(what: str, storage: S3ObjectStorage, key: str, content: bytes) -> Findings:
    """Browsers and the command send and save films at signed addresses, and at no other."""
    address, other = storage.address(key, seconds=_ADDRESS_SECONDS), f"{key}-other"
    status, got = _at(address)
    if (status, got) != (HTTPStatus.OK, content):
        yield f"{what} hands out no object at an address that was signed for it (it answers {status}): nobody sends or saves a film"
    storage.put_bytes(content, other)
    try:
        for changed, whose in ((address.replace(key, other), "another object"), (f"{address[:-8]}{'0' * 8}", "another signature")):
            if _at(changed)[0] == HTTPStatus.OK:
                yield f"{what} hands out an object at an address that was changed to {whose}: whoever reaches it has every film"
    finally:
        storage.delete(other)


def _at(address: str) -> tuple[int, bytes]:
    """The status and the content of what is at an address; 0 where nobody answers."""
    try:
        with urlopen(address, timeout=_ADDRESS_SECONDS) as answer:  # noqa: S310  # one that was signed here
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, b""
    except OSError:
        return 0, b""


def _or_nothing(ask: Callable[[], Any], missing: str) -> Any:
    try:
        return ask()
    except ClientError as error:
        if code_of(error) != missing:
            raise
        return {}


if __name__ == "__main__":
    sys.exit(main())
