"""Signed addresses say exactly what may be done, and lead where browsers get by themselves. No server is asked for them."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest

from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_aws_adapters.upload_store import S3UploadStore
from stereo_spot_shared.errors import StorageUnavailable

KEY = "jobs/aaaaaaaa/source"


@pytest.fixture
def in_the_cloud(moto, monkeypatch, tmp_path):
    """Settings of a process that speaks to AWS itself."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))  # not those of whoever runs the tests

    def settings(region, bucket="films-of-ada"):
        return AwsSettings(prefix="test", bucket=bucket, region=region)

    return settings


@pytest.mark.parametrize(
    ("region", "bucket", "origin"),
    [
        ("eu-central-1", "films-of-ada", "https://films-of-ada.s3.eu-central-1.amazonaws.com"),
        ("us-west-2", "films-of-ada", "https://films-of-ada.s3.us-west-2.amazonaws.com"),
        ("cn-north-1", "films-of-ada", "https://films-of-ada.s3.cn-north-1.amazonaws.com.cn"),
        ("eu-central-1", "films.of.ada", "https://s3.eu-central-1.amazonaws.com"),  # no certificate is for more than one name below
    ],
)
def test_they_lead_to_the_region_of_the_bucket(in_the_cloud, region, bucket, origin):
    aws = connect(in_the_cloud(region, bucket))
    assert S3UploadStore(aws).origin == origin
    assert S3ObjectStorage(aws).address(KEY, seconds=60).startswith(f"{origin}/")


def test_they_lead_to_the_server_that_the_sdk_is_told_of(aws, moto):
    assert S3UploadStore(aws).origin == moto.url


def status(url, data=None):
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/octet-stream"}, method="PUT" if data else "GET")) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


def test_what_moto_does_not_look_at_is_looked_at_before_it(aws):
    """Or these tests would hold with addresses that open nothing, or everything."""
    storage, uploads = S3ObjectStorage(aws), S3UploadStore(aws)
    for key in ("a/ü b+c", "a/other"):
        storage.put_bytes(b"x", key)
    address = storage.address("a/ü b+c", seconds=60, name="ü b.mp4")
    assert status(address) == 200
    other_signature = f"{address[:-1]}{'1' if address[-1] == '0' else '0'}"
    for forged in (address.replace("%C3%BC%20b%2Bc", "other"), address.replace("b.mp4", "c.mp4"), other_signature):
        assert (forged != address, status(forged)) == (True, 403)
    assert status(address.partition("?")[0]) == 403
    assert status(storage.address("a/other", seconds=-1)) == 403  # its time is over
    uploads.begin(KEY, 1000)
    part = uploads.part(KEY, 0).url
    assert status(part, bytes(999)) == 403
    assert status(part.replace("partNumber=1", "partNumber=2"), bytes(1000)) == 403
    assert status(part, bytes(1000)) == 200


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_they_live_as_long_as_was_asked_and_no_part_of_them_can_be_changed(in_the_cloud, region):
    asked = parse_qs(urlsplit(S3ObjectStorage(connect(in_the_cloud(region))).address(KEY, seconds=61, name="ü.mp4")).query)
    assert (asked["X-Amz-Algorithm"], asked["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["61"])
    assert asked["response-content-disposition"] == ["attachment; filename*=UTF-8''%C3%BC.mp4"]


def test_the_address_of_a_part_is_for_one_number_and_one_length(aws):
    uploads = S3UploadStore(aws)
    uploads.begin(KEY, 1000)
    asked = [parse_qs(urlsplit(uploads.part(KEY, 0).url).query) for _ in range(2)]
    assert [one["partNumber"] for one in asked] == [["1"], ["2"]]
    assert asked[0]["uploadId"] == asked[1]["uploadId"]
    assert {(*one["X-Amz-SignedHeaders"], *one["X-Amz-Expires"]) for one in asked} == {("content-length;host", "3600")}


def test_without_credentials_it_is_said(in_the_cloud, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StorageUnavailable, match="credentials"):
        S3ObjectStorage(connect(in_the_cloud("eu-west-1"))).address(KEY, seconds=60)
