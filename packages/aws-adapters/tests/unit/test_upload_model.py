"""Whatever two connections do to an upload, and wherever either dies, it holds the bytes that were acknowledged, in order."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stereo_spot_aws_adapters import upload_state
from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.moto_server import moto_server
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.provision import make_bucket
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_aws_adapters.upload_store import S3UploadStore
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import UploadInfo
from stereo_spot_shared.jobs import new_job_id

PART, DIRECT_PART = 5, 7
SIZE = 40


@pytest.fixture(scope="module")
def small_parts():
    """An S3 whose parts are small, so that every example has many."""
    with moto_server(smallest_part=PART) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        patch.setattr(upload_state, "SMALLEST_PART_BYTES", PART)
        patch.setattr(upload_state, "DIRECT_PART_BYTES", DIRECT_PART)
        aws = connect(AwsSettings(prefix="model", bucket="model-bucket"))
        make_bucket(aws)
        yield aws


class Died(Exception):
    pass


class Mortal(S3UploadStore):
    """A connection whose process dies, or is overtaken by another, before the state is written for the `last`th time."""

    def __init__(self, aws, *, last, meanwhile=None):
        super().__init__(aws)
        self.writes_left, self.meanwhile = last, meanwhile

    def _write(self, key, state):
        if self.writes_left == 0:
            if self.meanwhile is None:
                raise Died
            self.meanwhile, meanwhile = None, self.meanwhile
            self.writes_left = -1
            meanwhile()
        self.writes_left -= 1
        return super()._write(key, state)


def directly(uploads, key, offset, fate):
    """Ask for the address of a part, and let something happen to the part; what became part of the upload."""
    address = uploads.part(key, offset)
    if address is None:
        return b""
    assert address.size == min(DIRECT_PART, SIZE - offset)
    data, taken = bytes([offset]) * address.size, b""
    if fate == "arrives":
        put(address.url, taken := data)
        assert uploads.part_arrived(key, offset) == UploadInfo(offset + len(data), SIZE)
    elif fate == "is too short":
        with pytest.raises(HTTPError, match="403"):
            put(address.url, data[:-1])
    elif fate == "comes late":
        uploads.append(key, offset, taken := b"x")
        put(address.url, data)
    for told in {offset, offset + len(taken)}:
        with pytest.raises(Conflict):
            uploads.part_arrived(key, told)
    return taken


def put(url, data):
    urlopen(Request(url, data, {"Content-Type": "application/octet-stream"}, method="PUT")).close()


pieces = st.binary(min_size=1, max_size=12)
events = st.one_of(
    st.tuples(st.just("append"), pieces),
    st.tuples(st.just("append elsewhere"), pieces, st.integers(-9, 9).filter(bool)),
    st.tuples(st.just("direct"), st.sampled_from(["arrives", "is lost", "is too short", "comes late"])),
    st.tuples(st.just("die"), pieces, st.integers(0, 1)),
    st.tuples(st.just("overtaken"), pieces, st.integers(0, 1), pieces),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("direct", "comes late"), ("direct", "arrives")])
@example([("direct", "is lost"), ("direct", "arrives"), ("direct", "is lost"), ("direct", "arrives")])
@example([("append", b"x"), ("direct", "arrives"), ("append", bytes(12)), ("direct", "arrives")])
@given(st.lists(events, min_size=1, max_size=8))
def test_what_was_acknowledged_is_there_and_nothing_else(small_parts, happened):
    key = f"jobs/{new_job_id()}/source"
    uploads, storage = S3UploadStore(small_parts), S3ObjectStorage(small_parts)
    uploads.begin(key, SIZE)
    model = b""
    for what, sent, *more in happened:
        piece = sent[: SIZE - len(model)]
        if what == "direct":
            model += directly(uploads, key, len(model), sent)
            continue
        match what:
            case "append":
                model += piece
                assert uploads.append(key, len(model) - len(piece), piece) == UploadInfo(len(model), SIZE)
            case "append elsewhere":
                with pytest.raises(Conflict):
                    uploads.append(key, len(model) + more[0], piece)
            case "die":
                # With one write left it may have come to the end of what it does: then it is there, though nobody heard so.
                with suppress(Died):
                    Mortal(small_parts, last=more[0]).append(key, len(model), piece)
                if uploads.stat(key).offset != len(model):
                    model += piece
            case "overtaken":
                faster = more[1][: SIZE - len(model)]
                overtaken = Mortal(small_parts, last=more[0], meanwhile=partial(uploads.append, key, len(model), faster))
                try:
                    overtaken.append(key, len(model), piece)
                    model += piece  # it was through before the other began
                except Conflict:
                    model += faster
        assert uploads.stat(key) == UploadInfo(len(model), SIZE)
        assert uploads.begin(key, SIZE) == UploadInfo(len(model), SIZE)
    if len(model) < SIZE:
        with pytest.raises(Conflict, match="lacks"):
            uploads.finish(key)
        uploads.append(key, len(model), rest := bytes(SIZE - len(model)))
        model += rest
    assert uploads.finish(key).size == SIZE
    assert storage.read_range(key) == model
    with pytest.raises(NotFound):
        uploads.stat(key)


def test_what_another_stored_and_did_not_live_to_write_down_is_not_what_was_awaited(small_parts):
    key = f"jobs/{new_job_id()}/source"
    uploads = S3UploadStore(small_parts)
    uploads.begin(key, DIRECT_PART)
    uploads.part(key, 0)
    with suppress(Died):
        Mortal(small_parts, last=1).append(key, 0, bytes(DIRECT_PART))
    with pytest.raises(Conflict):
        uploads.part_arrived(key, 0)
