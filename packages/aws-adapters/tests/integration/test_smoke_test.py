"""The commands that make a data plane and look at it, as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys

import boto3
import pytest

from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_aws_adapters.smoke_test import smoke_test
from stereo_spot_aws_adapters.tables import TABLES
from stereo_spot_shared.pipeline import STAGES


@pytest.fixture
def plane(account):
    provision(account)
    return account


def wrong(plane):
    return [sentence for sentences in smoke_test(plane).values() for sentence in sentences]


def run(module, account, **changes):
    settings = {"STEREO_SPOT_AWS_PREFIX": account.settings.prefix, "STEREO_SPOT_AWS_BUCKET": account.settings.bucket, **changes}
    command = [sys.executable, "-m", f"stereo_spot_aws_adapters.{module}"]
    return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False)


def test_what_was_made_is_whole(account):
    assert run("smoke_test", account).returncode == 1
    made = run("provision", account)
    assert made.returncode == 0
    assert len(made.stdout.splitlines()) == len(TABLES) + 2 * (len(STAGES) + 1) + 1
    looked = run("smoke_test", account)
    assert (looked.returncode, looked.stderr) == (0, "")
    assert looked.stdout.splitlines()[-1] == "the data plane is whole"
    assert account.s3.list_objects_v2(Bucket=account.settings.bucket).get("Contents", []) == []


@pytest.mark.parametrize("module", ["smoke_test", "provision"])
def test_without_its_settings_each_command_names_what_is_missing(account, module):
    ended = run(module, account, STEREO_SPOT_AWS_BUCKET="")
    assert ended.returncode == 1
    assert "STEREO_SPOT_AWS_BUCKET" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_everything_that_is_missing_is_named(account):
    found = smoke_test(account)
    assert len(found) == len(TABLES) + len(STAGES) + 2
    assert all("does not exist" in sentence for (sentence,) in found.values())


def url(plane, name):
    return plane.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def set_queue(plane, name, **attributes):
    plane.sqs.set_queue_attributes(QueueUrl=url(plane, name), Attributes=attributes)


def redrive(plane, name, receives):
    arn = plane.sqs.get_queue_attributes(QueueUrl=url(plane, f"{name}-dead"), AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {receives}}}'


def another_table(plane):
    plane.dynamodb.delete_table(TableName="test-activity")
    plane.dynamodb.create_table(
        TableName="test-activity",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def test_an_address_that_opens_more_than_it_was_signed_for_is_said(plane, moto):
    moto.misbehave(Fault("trusting"))
    assert [sentence.partition(" that was changed to ")[2] for sentence in wrong(plane)] == [
        "another object: whoever reaches it has every film",
        "another signature: whoever reaches it has every film",
    ]


def test_an_address_that_opens_nothing_is_said(plane, moto):
    plane.__dict__["signer"] = boto3.client("s3", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="another")
    try:
        sentences = wrong(plane)
    finally:
        del plane.__dict__["signer"]
    assert sentences == [
        "the bucket test-bucket hands out no object at an address that was signed for it (it answers 403): nobody sends or saves a film"
    ]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: set_queue(p, "test-render", VisibilityTimeout="5"), "test-render hides messages for 5 s"),
        (lambda p: set_queue(p, "test-render", RedrivePolicy=""), "test-render has no dead-letter queue"),
        (lambda p: set_queue(p, "test-chunk", RedrivePolicy=redrive(p, "test-chunk", 1)), "test-chunk gives up after 1 receives"),
        (lambda p: p.sqs.send_message(QueueUrl=url(p, "test-sweep-dead"), MessageBody="x"), "test-sweep-dead holds 1 messages"),
        (lambda p: p.s3.delete_public_access_block(Bucket="test-bucket"), "test-bucket may be made public"),
        (lambda p: p.s3.delete_bucket_cors(Bucket="test-bucket"), "takes no videos from pages"),
        (lambda p: p.s3.delete_bucket_lifecycle(Bucket="test-bucket"), "keeps uploads that nobody finishes"),
        (lambda p: p.dynamodb.delete_table(TableName="test-jobs"), "the table test-jobs does not exist"),
        (another_table, "test-activity has the key"),
    ],
    ids=["visibility", "no dead letters", "few receives", "dead letters", "public", "pages", "lifecycle", "table", "other table"],
)
def test_each_thing_that_is_wrong_is_said(plane, spoil, words):
    assert wrong(plane) == []
    spoil(plane)
    assert any(words in sentence for sentence in wrong(plane)), wrong(plane)
