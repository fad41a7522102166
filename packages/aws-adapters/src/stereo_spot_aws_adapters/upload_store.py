"""Uploads that arrive byte after byte, as multipart uploads of S3.

Their state (`upload_state.py`) lies in S3 too, and is only ever replaced by compare-and-set on its etag. Every part gets a number that
was reserved in the state before, so that of two connections that write at the same place each stores a part of its own, and the state
names that of the one who was first. A part that somebody else stores, by a signed address, gets its number in the same way, and is
part of the upload once S3 has been asked what is there under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.objects import (
    CONDITION_FAILED,
    MAX_PARTS,
    NOT_THERE,
    RACED,
    Bucket,
    check_key,
    etag_of,
    taken,
)
from stereo_spot_aws_adapters.transfer import abort_upload
from stereo_spot_aws_adapters.upload_state import Header, Part, State, state_key
from stereo_spot_aws_adapters.vendor_errors import code_of
from stereo_spot_shared.errors import Conflict, NotFound, StorageUnavailable
from stereo_spot_shared.interfaces import ObjectInfo, PartAddress, UploadInfo

_TRIES = 50
_ADDRESS_SECONDS = 3600
"""How long a part may be on its way to S3; begun is enough."""


class _Changed(Exception):
    """The state is no longer what was read."""


class S3UploadStore:
    """`UploadStore` in the bucket of the settings."""

    def __init__(self, aws: Aws) -> None:
        self._bucket = Bucket(aws)
        self._s3 = aws.s3
        self._storage = S3ObjectStorage(aws)

    def begin(self, key: str, size: int) -> UploadInfo:
        check_key(key)
        if size < 0:
            raise ValueError(f"not a size: {size}")
        for _ in range(_TRIES):
            try:
                state = self._read(key)
            except NotFound:
                try:
                    return self._write(key, State(Header(size=size))).info
                except _Changed:
                    continue
            if state.header.size != size:
                raise Conflict(f"an upload of {state.header.size} bytes for {key} is under way, not of {size}")
            return state.info
        raise _too_many(key)

    def stat(self, key: str) -> UploadInfo:
        check_key(key)
        with self._errors(key):
            metadata = self._s3.head_object(Bucket=self._bucket.name, Key=state_key(key))["Metadata"]
        return UploadInfo(int(metadata["offset"]), int(metadata["size"]))

    def append(self, key: str, offset: int, data: bytes) -> UploadInfo:
        check_key(key)
        for _ in range(_TRIES):
            state = self._read(key)
            _require(key, state, offset, len(data))
            try:
                together = state.tail + data
                if len(together) < state.part_bytes:
                    return self._write(key, state.with_tail(together)).info
                return self._store_part(key, state, together, offset).info
            except _Changed:
                continue  # somebody reserved a number, or was first: then the offset is no longer right
        raise _too_many(key)

    @property
    def origin(self) -> str:
        address = urlsplit(self._bucket.address("get_object", "any", _ADDRESS_SECONDS))
        return f"{address.scheme}://{address.netloc}"

    def part(self, key: str, offset: int) -> PartAddress | None:
        check_key(key)
        for _ in range(_TRIES):
            state = self._read(key)
            _require(key, state, offset)
            size = state.direct_bytes
            if state.tail or not size:
                return None  # what does not fill a part yet is here, and only here can the next bytes be added to it
            try:
                state = self._reserve(key, state, awaited=True)
            except _Changed:
                continue
            number = _number(key, state)
            url = self._bucket.address(
                "upload_part", key, _ADDRESS_SECONDS, UploadId=state.header.upload_id, PartNumber=number, ContentLength=size
            )
            return PartAddress(url, size)
        raise _too_many(key)

    def part_arrived(self, key: str, offset: int) -> UploadInfo:
        check_key(key)
        for _ in range(_TRIES):
            state = self._read(key)
            _require(key, state, offset)
            size = state.direct_bytes
            arrived = self._arrived(key, state, size)
            if arrived is None:
                raise Conflict(f"no part of {size} bytes at {offset} has arrived for {key}")
            try:
                return self._write(key, state.with_part(arrived, size)).info
            except _Changed:
                continue
        raise _too_many(key)

    def finish(self, key: str) -> ObjectInfo:
        check_key(key)
        state = self._read(key)
        if state.info.offset != state.header.size:
            raise Conflict(f"the upload of {key} lacks {state.header.size - state.info.offset} of {state.header.size} bytes")
        if state.header.upload_id is None:
            stored = self._storage.put_bytes(state.tail, key, if_absent=True)
        else:
            stored = self._complete(key, state, state.header.upload_id)
        self._forget(key)
        return stored

    def abort(self, key: str) -> None:
        check_key(key)
        try:
            state = self._read(key)
        except NotFound:
            return
        if state.header.upload_id is not None:
            abort_upload(self._bucket, key, state.header.upload_id)
        self._forget(key)

    def _store_part(self, key: str, state: State, data: bytes, offset: int) -> State:
        """Store bytes as a part of its own and write down that they are here. _Changed where somebody else was first."""
        state = self._reserve(key, state)
        part = self._put_part(key, state, data)
        for _ in range(_TRIES):
            try:
                return self._write(key, state.with_part(part, len(data)))
            except _Changed:
                state = self._read(key)  # others may have reserved numbers meanwhile, which takes nothing from this part
                if state.info.offset != offset:
                    raise
        raise _too_many(key)

    def _reserve(self, key: str, state: State, *, awaited: bool = False) -> State:
        """Reserve the number of a part, which somebody else stores where it is `awaited`; with the first one the upload begins."""
        state = state.with_number(awaited=awaited)
        if state.header.upload_id is not None:
            return self._write(key, state)
        with self._errors(key):
            upload_id = self._s3.create_multipart_upload(Bucket=self._bucket.name, Key=key, **self._bucket.encryption)["UploadId"]
        try:
            return self._write(key, state.evolve(upload_id=upload_id))
        except BaseException:
            abort_upload(self._bucket, key, upload_id)
            raise

    def _put_part(self, key: str, state: State, data: bytes) -> Part:
        number = _number(key, state)
        with self._errors(key):
            answer = self._s3.upload_part(
                Bucket=self._bucket.name, Key=key, UploadId=state.header.upload_id or "", PartNumber=number, Body=data
            )
        return Part(number=number, etag=etag_of(answer))

    def _arrived(self, key: str, state: State, size: int) -> Part | None:
        """An awaited part of this size, where S3 has one."""
        header = state.header
        if not header.awaited:
            return None
        # What was given out last lies beyond as many numbers as there are parts. (moto, unlike S3, takes the marker for a count.)
        with self._errors(key):
            answer = self._s3.list_parts(
                Bucket=self._bucket.name, Key=key, UploadId=header.upload_id or "", PartNumberMarker=len(header.parts)
            )
        found = (part for part in answer.get("Parts", []) if part["PartNumber"] in header.awaited and part["Size"] == size)
        return next((Part(number=part["PartNumber"], etag=etag_of(part)) for part in found), None)

    def _complete(self, key: str, state: State, upload_id: str) -> ObjectInfo:
        parts = list(state.header.parts)
        if state.tail:
            state = self._reserve_last(key, state)
            parts.append(self._put_part(key, state, state.tail))
        entries: Any = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]
        with self._errors(key):
            try:
                answer = self._s3.complete_multipart_upload(
                    Bucket=self._bucket.name, Key=key, UploadId=upload_id, MultipartUpload={"Parts": entries}, IfNoneMatch="*"
                )
            except ClientError as error:
                if code_of(error) in CONDITION_FAILED:
                    raise taken(key) from None
                if code_of(error) in RACED:
                    raise Conflict(f"{key} is being written by somebody else") from None
                if code_of(error) == "NoSuchUpload" and self._is_there(key, state.header.size):
                    self._forget(key)  # whoever finished it did not live to say so
                    raise taken(key) from None
                if code_of(error) == "InvalidPart":  # whoever had an address used it once more, for other bytes
                    abort_upload(self._bucket, key, upload_id)
                    with suppress(_Changed):
                        self._write(key, State(Header(size=state.header.size), etag=state.etag))
                    raise Conflict(f"parts of {key} were replaced after they had arrived: its upload begins anew") from None
                raise
        return ObjectInfo(key, state.header.size, etag_of(answer))

    def _reserve_last(self, key: str, state: State) -> State:
        try:
            return self._write(key, state.with_number())
        except _Changed:
            raise Conflict(f"the upload of {key} is being finished by somebody else") from None

    def _is_there(self, key: str, size: int) -> bool:
        try:
            return self._storage.stat(key).size == size
        except NotFound:
            return False

    def _read(self, key: str) -> State:
        with self._errors(key):
            answer = self._s3.get_object(Bucket=self._bucket.name, Key=state_key(key))
            return State.decode(answer["Body"].read(), etag_of(answer))

    def _write(self, key: str, state: State) -> State:
        """Compare and set. _Changed where the state is no longer what was read."""
        info = state.info
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if state.etag is None else {"IfMatch": f'"{state.etag}"'}
        with self._errors(key):
            try:
                answer = self._s3.put_object(
                    Bucket=self._bucket.name,
                    Key=state_key(key),
                    Body=state.encode(),
                    Metadata={"offset": str(info.offset), "size": str(info.size)},
                    **condition,
                    **self._bucket.encryption,
                )
            except ClientError as error:
                if code_of(error) in CONDITION_FAILED | RACED | (NOT_THERE if state.etag else frozenset()):
                    raise _Changed from None
                raise
        return replace(state, etag=etag_of(answer))

    def _forget(self, key: str) -> None:
        with self._errors(key):
            self._s3.delete_object(Bucket=self._bucket.name, Key=state_key(key))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            with self._bucket.errors(key):
                try:
                    yield
                except ClientError as error:
                    if code_of(error) != "NoSuchUpload":
                        raise
                    # The bucket's lifecycle, or somebody else, ended it: what is written down of it is of no use any more.
                    self._s3.delete_object(Bucket=self._bucket.name, Key=state_key(key))
                    raise NotFound(f"the upload of {key} was ended") from None
        except NotFound as error:
            raise NotFound(f"no upload of {key} is under way") from error


def _require(key: str, state: State, offset: int, length: int = 0) -> None:
    """Conflict where so many bytes do not go on here."""
    here, size = state.info.offset, state.header.size
    if here != offset or offset + length > size:
        raise Conflict(f"the upload of {key} goes on at byte {here} of {size}, not with {length} bytes at {offset}")


def _number(key: str, state: State) -> int:
    """The number that was reserved last."""
    if state.header.reserved > MAX_PARTS:
        raise StorageUnavailable(f"the upload of {key} has too many parts", hint="Begin it anew.")
    return state.header.reserved


def _too_many(key: str) -> StorageUnavailable:
    return StorageUnavailable(f"the upload of {key} is written to by too many at once", hint="Go on with one connection.")
