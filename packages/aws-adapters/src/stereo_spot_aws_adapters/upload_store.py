"""Uploads that arrive byte after byte, as multipart uploads of S3.

The state of an upload is one object, `uploads/<key>`: a line of JSON (how large it will be, which parts are stored), and behind it the
bytes that do not fill a part yet, since S3 takes none below 5 MiB. What `append` has returned is thus in S3, and no process needs to
remember anything.

The state is only ever replaced by compare-and-set on its etag. Every part gets a number that was reserved in the state before, so
that of two connections that write at the same place each stores a part of its own, and the state names that of the one who was first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.names import UPLOADS_PREFIX
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.objects import (
    CONDITION_FAILED,
    MAX_PARTS,
    NOT_THERE,
    RACED,
    SMALLEST_PART_BYTES,
    Bucket,
    check_key,
    etag_of,
    taken,
)
from stereo_spot_aws_adapters.transfer import abort_upload
from stereo_spot_aws_adapters.vendor_errors import code_of
from stereo_spot_shared.errors import Conflict, NotFound, StorageUnavailable
from stereo_spot_shared.interfaces import ObjectInfo, UploadInfo

_PARTS_LEFT_FOR_RACES = 1000
"""Numbers of parts that may be reserved and never used, by those who were not first or did not live to use them."""
_TRIES = 50


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)

    number: int
    etag: str


class _Header(BaseModel):
    """The line of JSON."""

    model_config = ConfigDict(frozen=True)

    size: int
    stored: int = 0
    """Bytes in `parts`."""
    upload_id: str | None = None
    """None until the first part is there."""
    reserved: int = 0
    """Numbers of parts that were given out."""
    parts: tuple[_Part, ...] = ()


@dataclass(frozen=True)
class _State:
    """The state as it was read: `etag` is None before it was stored."""

    header: _Header
    tail: bytes = field(default=b"", repr=False)
    etag: str | None = None

    @property
    def info(self) -> UploadInfo:
        return UploadInfo(self.header.stored + len(self.tail), self.header.size)

    @property
    def part_bytes(self) -> int:
        """From how many bytes on a part is stored: so many that the numbers suffice."""
        return max(SMALLEST_PART_BYTES, -(-self.header.size // (MAX_PARTS - _PARTS_LEFT_FOR_RACES)))

    def evolve(self, *, tail: bytes | None = None, **changes: Any) -> Self:
        return replace(self, header=self.header.model_copy(update=changes), tail=self.tail if tail is None else tail)

    def encode(self) -> bytes:
        return self.header.model_dump_json().encode() + b"\n" + self.tail

    @classmethod
    def decode(cls, data: bytes, etag: str) -> Self:
        header, _, tail = data.partition(b"\n")
        return cls(_Header.model_validate_json(header), tail, etag)


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
                    return self._write(key, _State(_Header(size=size))).info
                except _Changed:
                    continue
            if state.header.size != size:
                raise Conflict(f"an upload of {state.header.size} bytes for {key} is under way, not of {size}")
            return state.info
        raise _too_many(key)

    def stat(self, key: str) -> UploadInfo:
        check_key(key)
        with self._errors(key):
            metadata = self._s3.head_object(Bucket=self._bucket.name, Key=_state_key(key))["Metadata"]
        return UploadInfo(int(metadata["offset"]), int(metadata["size"]))

    def append(self, key: str, offset: int, data: bytes) -> UploadInfo:
        check_key(key)
        for _ in range(_TRIES):
            state = self._read(key)
            here, size = state.info.offset, state.header.size
            if here != offset or offset + len(data) > size:
                raise Conflict(f"the upload of {key} goes on at byte {here} of {size}, not with {len(data)} bytes at {offset}")
            try:
                together = state.tail + data
                if len(together) < state.part_bytes:
                    return self._write(key, state.evolve(tail=together)).info
                return self._store_part(key, state, together, offset).info
            except _Changed:
                continue  # somebody reserved a number, or was first: then the offset is no longer right
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

    def _store_part(self, key: str, state: _State, data: bytes, offset: int) -> _State:
        """Store bytes as a part of its own and write down that they are here. _Changed where somebody else was first."""
        state = self._reserve(key, state)
        part = self._put_part(key, state, data)
        for _ in range(_TRIES):
            done = state.evolve(tail=b"", stored=state.header.stored + len(data), parts=(*state.header.parts, part))
            try:
                return self._write(key, done)
            except _Changed:
                state = self._read(key)  # others may have reserved numbers meanwhile, which takes nothing from this part
                if state.info.offset != offset:
                    raise
        raise _too_many(key)

    def _reserve(self, key: str, state: _State) -> _State:
        """Reserve the number of a part; with the first one the upload begins."""
        if state.header.upload_id is not None:
            return self._write(key, state.evolve(reserved=state.header.reserved + 1))
        with self._errors(key):
            upload_id = self._s3.create_multipart_upload(Bucket=self._bucket.name, Key=key, **self._bucket.encryption)["UploadId"]
        try:
            return self._write(key, state.evolve(upload_id=upload_id, reserved=1))
        except BaseException:
            abort_upload(self._bucket, key, upload_id)
            raise

    def _put_part(self, key: str, state: _State, data: bytes) -> _Part:
        number = state.header.reserved
        if number > MAX_PARTS:
            raise StorageUnavailable(f"the upload of {key} has too many parts", hint="Begin it anew.")
        with self._errors(key):
            answer = self._s3.upload_part(
                Bucket=self._bucket.name, Key=key, UploadId=state.header.upload_id or "", PartNumber=number, Body=data
            )
        return _Part(number=number, etag=etag_of(answer))

    def _complete(self, key: str, state: _State, upload_id: str) -> ObjectInfo:
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
                raise
        return ObjectInfo(key, state.header.size, etag_of(answer))

    def _reserve_last(self, key: str, state: _State) -> _State:
        try:
            return self._write(key, state.evolve(reserved=state.header.reserved + 1))
        except _Changed:
            raise Conflict(f"the upload of {key} is being finished by somebody else") from None

    def _is_there(self, key: str, size: int) -> bool:
        try:
            return self._storage.stat(key).size == size
        except NotFound:
            return False

    def _read(self, key: str) -> _State:
        with self._errors(key):
            answer = self._s3.get_object(Bucket=self._bucket.name, Key=_state_key(key))
            return _State.decode(answer["Body"].read(), etag_of(answer))

    def _write(self, key: str, state: _State) -> _State:
        """Compare and set. _Changed where the state is no longer what was read."""
        info = state.info
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if state.etag is None else {"IfMatch": f'"{state.etag}"'}
        with self._errors(key):
            try:
                answer = self._s3.put_object(
                    Bucket=self._bucket.name,
                    Key=_state_key(key),
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
            self._s3.delete_object(Bucket=self._bucket.name, Key=_state_key(key))

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
                    self._s3.delete_object(Bucket=self._bucket.name, Key=_state_key(key))
                    raise NotFound(f"the upload of {key} was ended") from None
        except NotFound as error:
            raise NotFound(f"no upload of {key} is under way") from error


def _state_key(key: str) -> str:
    return f"{UPLOADS_PREFIX}{key}"


def _too_many(key: str) -> StorageUnavailable:
    return StorageUnavailable(f"the upload of {key} is written to by too many at once", hint="Go on with one connection.")
