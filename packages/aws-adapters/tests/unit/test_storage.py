"""What is particular to S3: parts, conditions, uploads that go on."""

from __future__ import annotations

import errno
import json
import os
import random
from contextlib import suppress
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_spot_aws_adapters import object_storage, objects
from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.objects import MAX_PARTS, PART_BYTES, SMALLEST_PART_BYTES, part_bytes
from stereo_spot_aws_adapters.upload_store import S3UploadStore
from stereo_spot_shared.errors import Conflict, NoSpaceLeft, NotFound, StorageUnavailable
from stereo_spot_shared.interfaces import UploadInfo

KEY = "jobs/aaaaaaaa/source"
MIB = 1 << 20


@pytest.fixture
def storage(aws):
    return S3ObjectStorage(aws)


@pytest.fixture
def uploads(aws):
    return S3UploadStore(aws)


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def unfinished(aws):
    return aws.s3.list_multipart_uploads(Bucket=aws.settings.bucket).get("Uploads", [])


@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 3 * PART_BYTES + 5])
def test_a_file_of_any_number_of_parts_comes_back(storage, aws, tmp_path, size):
    (tmp_path / "in").write_bytes(content(size))
    put = storage.put_file(tmp_path / "in", KEY)
    assert storage.get_file(KEY, tmp_path / "out") == put == storage.stat(KEY)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    assert unfinished(aws) == []


def test_a_thousand_objects_are_deleted_by_one_request(storage, moto):
    storage.put_bytes(b"content", KEY)
    before = moto.requests()
    storage.delete(KEY, *(f"nothing/{number}" for number in range(999)))
    assert moto.requests() - before == {"s3 POST delete": 1}
    assert storage.list("").objects == ()


def test_that_one_of_many_may_not_be_deleted_is_an_error_that_names_it(storage, aws):
    for key in ("a/free", "a/held", "a/other"):
        storage.put_bytes(b"content", key)
    bucket = aws.settings.bucket
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/a/held"}
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
    with pytest.raises(StorageUnavailable, match="a/held"):
        storage.delete("a/free", "a/held", "a/other")
    assert [found.key for found in storage.list("").objects] == ["a/held"]


def test_a_small_file_costs_one_request_each_way(storage, moto, tmp_path):
    (tmp_path / "in").write_bytes(content(100))
    before = moto.requests()
    storage.put_file(tmp_path / "in", KEY)
    storage.get_file(KEY, tmp_path / "out")
    assert moto.requests() - before == {"s3 PUT": 1, "s3 GET": 1}


def test_a_large_file_never_replaces_an_object_either(storage, aws, tmp_path):
    (tmp_path / "in").write_bytes(content(3 * PART_BYTES))
    first = storage.put_bytes(b"first", KEY)
    with pytest.raises(Conflict):
        storage.put_file(tmp_path / "in", KEY, if_absent=True)
    assert storage.stat(KEY) == first
    assert unfinished(aws) == []
    storage.delete(KEY)
    storage.put_file(tmp_path / "in", KEY, if_absent=True)
    assert storage.stat(KEY).size == 3 * PART_BYTES


def test_a_put_that_met_its_own_first_request_is_not_taken_for_anothers(storage, monkeypatch):
    """That one's answer was lost; the SDK's second came while it still went on, and the third finds what it stored."""
    real, met = storage._s3.put_object, []

    def put_object(**arguments):
        answer = real(**arguments)
        if not met:
            met.append(answer)
            conflict = {"Error": {"Code": "ConditionalRequestConflict", "Message": ""}, "ResponseMetadata": {"RetryAttempts": 1}}
            raise ClientError(conflict, "PutObject")
        return answer

    monkeypatch.setattr(storage._s3, "put_object", put_object)
    assert storage.put_bytes(b"ours", "a/b", if_absent=True) == storage.stat("a/b")
    with pytest.raises(Conflict):
        storage.put_bytes(b"ours", "a/b", if_absent=True)


def test_an_object_that_is_replaced_while_it_is_fetched_is_never_mixed(storage, aws, tmp_path, monkeypatch):
    old, new = content(3 * PART_BYTES, 1), content(3 * PART_BYTES, 2)
    storage.put_bytes(old, KEY)
    fetch = object_storage.download.__globals__["_fetch"]
    replaced = []

    def replacing(bucket, key, file, start, etag):
        if start and not replaced:
            replaced.append(storage.put_bytes(new, KEY))
        return fetch(bucket, key, file, start, etag)

    monkeypatch.setitem(object_storage.download.__globals__, "_fetch", replacing)
    got = storage.get_file(KEY, tmp_path / "out")
    assert got == storage.stat(KEY) == replaced[0]
    assert (tmp_path / "out").read_bytes() == new


def test_a_large_object_is_copied_in_parts(storage, aws, moto, monkeypatch):
    monkeypatch.setattr(object_storage, "_COPIED_IN_ONE_PIECE", PART_BYTES)
    monkeypatch.setattr(object_storage, "_COPY_PART_BYTES", SMALLEST_PART_BYTES)
    data = content(2 * PART_BYTES + 1)
    storage.put_bytes(data, KEY)
    before = moto.requests()
    assert storage.copy(KEY, "b/copy") == storage.stat("b/copy")
    assert (moto.requests() - before)["s3 GET"] == 0
    assert storage.read_range("b/copy") == data


def test_a_full_disk_is_said_and_leaves_nothing(storage, tmp_path, monkeypatch):
    storage.put_bytes(b"x" * 1000, KEY)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(NoSpaceLeft, match="no space left"):
        storage.get_file(KEY, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_objects_are_encrypted_with_the_key_of_the_settings(aws, tmp_path):
    encrypted = connect(aws.settings.model_copy(update={"kms_key": "alias/films"}))
    (tmp_path / "large").write_bytes(content(3 * PART_BYTES))
    storage, uploads = S3ObjectStorage(encrypted), S3UploadStore(encrypted)
    storage.put_bytes(b"x", "a/bytes")
    storage.put_file(tmp_path / "large", "a/parts")
    storage.copy("a/bytes", "a/copy")
    uploads.begin("a/upload", 6 * MIB)
    uploads.append("a/upload", 0, content(6 * MIB))
    assert head(aws, "uploads/a/upload") == ("aws:kms", "alias/films")
    uploads.finish("a/upload")
    for key in ("a/bytes", "a/parts", "a/copy", "a/upload"):
        assert head(aws, key) == ("aws:kms", "alias/films")


def head(aws, key):
    answer = aws.s3.head_object(Bucket=aws.settings.bucket, Key=key)
    return answer["ServerSideEncryption"], answer["SSEKMSKeyId"]


@settings(deadline=None)
@given(st.integers(1, 50 << 40))
def test_no_object_has_more_parts_than_s3_allows(size):
    step = part_bytes(size)
    assert -(-size // step) <= MAX_PARTS
    assert step >= objects.SMALLEST_PART_BYTES
    assert step % MIB == 0


@pytest.mark.parametrize(
    "pieces",
    [
        [6 * MIB, 1],
        [1, 6 * MIB, 5 * MIB, 5 * MIB - 1],
        [3 * MIB] * 5,
        [5 * MIB - 1, 1, 1, 5 * MIB],
        [11 * MIB],
    ],
    ids=str,
)
def test_pieces_of_any_size_become_the_object(uploads, aws, storage, pieces):
    data = content(sum(pieces))
    uploads.begin(KEY, len(data))
    at = 0
    for size in pieces:
        assert S3UploadStore(aws).append(KEY, at, data[at : at + size]) == UploadInfo(at + size, len(data))
        at += size
        assert uploads.stat(KEY) == UploadInfo(at, len(data))
    assert uploads.finish(KEY) == storage.stat(KEY)
    assert storage.read_range(KEY) == data
    assert storage.list("uploads/").objects == ()
    assert unfinished(aws) == []


def test_parts_that_were_replaced_after_they_had_arrived_make_no_object(uploads, aws, storage):
    """Whoever has an address can use it again until its hour is over."""
    uploads.begin(KEY, 1000)
    address = uploads.part(KEY, 0)
    put(address.url, b"a" * 1000)
    uploads.part_arrived(KEY, 0)
    put(address.url, b"b" * 1000)
    with pytest.raises(Conflict, match="begins anew"):
        uploads.finish(KEY)
    assert (uploads.stat(KEY), unfinished(aws)) == (UploadInfo(0, 1000), [])
    uploads.append(KEY, 0, b"c" * 1000)
    uploads.finish(KEY)
    assert storage.read_range(KEY) == b"c" * 1000


def put(url, data):
    urlopen(Request(url, data, {"Content-Type": "application/octet-stream"}, method="PUT")).close()


def test_of_two_parts_for_one_place_the_first_that_was_written_down_stands(uploads, storage):
    """Another connection is faster while this one's part is on its way."""
    first, late = b"a" * 6 * MIB, b"b" * 6 * MIB
    uploads.begin(KEY, 6 * MIB)
    put_part = uploads._put_part

    def overtaken(key, state, data):
        uploads._put_part = put_part
        uploads.append(KEY, 0, first)
        return put_part(key, state, data)

    uploads._put_part = overtaken
    with pytest.raises(Conflict, match="goes on at byte 6291456"):
        uploads.append(KEY, 0, late)
    uploads.finish(KEY)
    assert storage.read_range(KEY) == first


def test_a_part_that_nobody_lived_to_write_down_is_not_in_the_object(uploads, aws, storage):
    uploads.begin(KEY, 12 * MIB)
    uploads.append(KEY, 0, b"a" * 6 * MIB)
    state = uploads._reserve(KEY, uploads._read(KEY))
    uploads._put_part(KEY, state, b"lost" * (2 * MIB))  # and the process dies here
    assert uploads.stat(KEY).offset == 6 * MIB
    uploads.append(KEY, 6 * MIB, b"b" * 6 * MIB)
    uploads.finish(KEY)
    assert storage.read_range(KEY) == b"a" * 6 * MIB + b"b" * 6 * MIB


def test_an_aborted_upload_leaves_no_parts(uploads, aws, storage):
    uploads.begin(KEY, 12 * MIB)
    uploads.append(KEY, 0, content(6 * MIB))
    assert len(unfinished(aws)) == 1
    uploads.abort(KEY)
    assert unfinished(aws) == []
    assert storage.list("uploads/").objects == ()


def test_an_upload_that_the_bucket_has_removed_begins_anew(uploads, moto):
    uploads.begin(KEY, 12 * MIB)
    uploads.append(KEY, 0, content(6 * MIB))
    moto.misbehave(Fault("ended", "s3 PUT parts"))
    with pytest.raises(NotFound, match="no upload"):
        uploads.append(KEY, 6 * MIB, content(6 * MIB))
    assert uploads.begin(KEY, 12 * MIB) == UploadInfo(0, 12 * MIB)


def test_an_upload_that_was_finished_by_one_who_did_not_live_to_say_so_is_over(uploads, aws, storage):
    data = content(6 * MIB)
    uploads.begin(KEY, len(data))
    uploads.append(KEY, 0, data)
    state = uploads._read(KEY)
    uploads._complete(KEY, state, state.header.upload_id)  # and the process dies here
    with suppress(Conflict):  # S3 remembers for a while that it was completed so, and says so again
        uploads.finish(KEY)
    assert storage.stat(KEY).size == len(data)
    with pytest.raises(NotFound):
        uploads.stat(KEY)


def test_an_upload_that_was_finished_and_is_forgotten_by_s3_is_over(uploads, moto, storage):
    uploads.begin(KEY, 6 * MIB)
    uploads.append(KEY, 0, data := content(6 * MIB))
    storage.put_bytes(data, KEY)
    moto.misbehave(Fault("ended", "s3 POST parts"))
    with pytest.raises(Conflict, match="already"):
        uploads.finish(KEY)
    with pytest.raises(NotFound):
        uploads.stat(KEY)
