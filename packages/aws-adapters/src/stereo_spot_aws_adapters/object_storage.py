"""Objects in one bucket of S3."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.objects import CONDITION_FAILED, NOT_THERE, PART_BYTES, RACED, Bucket, check_key, etag_of, part_bytes, taken
from stereo_spot_aws_adapters.transfer import Changed, Part, copy_parts, download, multipart_upload, upload_parts
from stereo_spot_aws_adapters.vendor_errors import code_of, disk_error
from stereo_spot_shared.disposition import attachment
from stereo_spot_shared.errors import NotFound, StorageUnavailable
from stereo_spot_shared.interfaces import ObjectInfo, ObjectPage
from stereo_spot_shared.jobs import new_attempt_id

Result = TypeVar("Result")

_IN_ONE_PIECE = 2 * PART_BYTES
_COPIED_IN_ONE_PIECE = 256 << 20
"""S3 copies up to 5 GB in one request, which takes a minute for each few GB; parts are copied side by side."""
_COPY_PART_BYTES = 64 << 20
_MOST_IN_A_PAGE = 1000
"""Of keys, in an answer that lists them and in a request that deletes them."""
_TRIES = 6
_WRITE_ID = "write-id"


class S3ObjectStorage:
    """`ObjectStorage` in the bucket of the settings."""

    def __init__(self, aws: Aws) -> None:
        self._bucket = Bucket(aws)
        self._s3 = aws.s3

    def put_file(self, path: Path, key: str, *, if_absent: bool = False) -> ObjectInfo:
        check_key(key)
        if not path.is_file():
            raise NotFound(f"there is no file {path}")
        try:
            size = path.stat().st_size
            if size <= _IN_ONE_PIECE:
                return self.put_bytes(path.read_bytes(), key, if_absent=if_absent)
            return self._put_in_parts(key, size, lambda upload: upload_parts(self._bucket, key, upload, path, size), if_absent=if_absent)
        except OSError as error:
            raise disk_error(error, str(path), StorageUnavailable) from error

    def put_bytes(self, data: bytes, key: str, *, if_absent: bool = False) -> ObjectInfo:
        check_key(key)
        signature = new_attempt_id()

        def put() -> ObjectInfo:
            answer = self._s3.put_object(
                Bucket=self._bucket.name, Key=key, Body=data, **self._bucket.encryption, **_put_arguments(if_absent, signature)
            )
            return ObjectInfo(key, len(data), etag_of(answer))

        return self._put(key, put, signature)

    def copy(self, key: str, to_key: str) -> ObjectInfo:
        check_key(to_key)
        source = self.stat(key)
        if source.size > _COPIED_IN_ONE_PIECE:
            step = max(_COPY_PART_BYTES, part_bytes(source.size))
            return self._put_in_parts(
                to_key,
                source.size,
                lambda upload: copy_parts(self._bucket, key, to_key, upload, size=source.size, etag=source.etag, step=step),
                if_absent=False,
            )
        with self._bucket.errors(key):
            answer = self._s3.copy_object(
                Bucket=self._bucket.name,
                Key=to_key,
                CopySource={"Bucket": self._bucket.name, "Key": key},
                CopySourceIfMatch=f'"{source.etag}"',
                **self._bucket.encryption,
            )
        return ObjectInfo(to_key, source.size, etag_of(answer["CopyObjectResult"]))

    def get_file(self, key: str, path: Path) -> ObjectInfo:
        check_key(key)
        for _ in range(_TRIES):
            try:
                with self._bucket.errors(key), _appearing(path) as file:
                    size, etag = download(self._bucket, key, file)
                    os.ftruncate(file, size)
                return ObjectInfo(key, size, etag)
            except Changed:
                continue
            except OSError as error:
                raise disk_error(error, str(path), StorageUnavailable) from error
        raise StorageUnavailable(f"the object {key} is replaced again and again while it is fetched")

    def read_range(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"not a range of bytes: start {start}, length {length}")
        check_key(key)
        if length == 0:
            self.stat(key)
            return b""
        last = "" if length is None else str(start + length - 1)
        whole: dict[str, Any] = {} if start == 0 and length is None else {"Range": f"bytes={start}-{last}"}
        with self._bucket.errors(key):
            try:
                return self._s3.get_object(Bucket=self._bucket.name, Key=key, **whole)["Body"].read()
            except ClientError as error:
                if code_of(error) in {"416", "InvalidRange"}:
                    return b""
                raise

    def stat(self, key: str) -> ObjectInfo:
        check_key(key)
        with self._bucket.errors(key):
            answer = self._s3.head_object(Bucket=self._bucket.name, Key=key)
        return ObjectInfo(key, answer["ContentLength"], etag_of(answer))

    def list(self, prefix: str, *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        with self._bucket.errors(prefix):
            answer = self._s3.list_objects_v2(
                Bucket=self._bucket.name, Prefix=prefix, StartAfter=cursor or "", MaxKeys=min(limit, _MOST_IN_A_PAGE)
            )
        found = tuple(ObjectInfo(entry["Key"], entry["Size"], etag_of(entry)) for entry in answer.get("Contents", []))
        return ObjectPage(found, cursor=found[-1].key if answer["IsTruncated"] and found else None)

    def delete(self, *keys: str) -> None:
        wanted: list[Any] = [{"Key": check_key(key)} for key in keys]
        for start in range(0, len(wanted), _MOST_IN_A_PAGE):
            some: Any = {"Objects": wanted[start : start + _MOST_IN_A_PAGE], "Quiet": True}
            with self._bucket.errors(keys[start]):
                answer: Any = self._s3.delete_objects(Bucket=self._bucket.name, Delete=some)
                _raise_first(answer)

    def address(self, key: str, *, seconds: int, name: str | None = None) -> str:
        named = {} if name is None else {"ResponseContentDisposition": attachment(name)}
        return self._bucket.address("get_object", check_key(key), seconds, **named)

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket.name}/{check_key(key)}"

    def _put_in_parts(self, key: str, size: int, store: Callable[[str], Sequence[Part]], *, if_absent: bool) -> ObjectInfo:
        signature = new_attempt_id()
        arguments = _put_arguments(if_absent, signature)
        metadata = {name: value for name, value in arguments.items() if name == "Metadata"}
        condition = {name: value for name, value in arguments.items() if name != "Metadata"}

        def put() -> ObjectInfo:
            with multipart_upload(self._bucket, key, **metadata) as upload_id:
                parts: Any = list(store(upload_id))
                answer = self._s3.complete_multipart_upload(
                    Bucket=self._bucket.name, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **condition
                )
            return ObjectInfo(key, size, etag_of(answer))

        return self._put(key, put, signature)

    def _put(self, key: str, put: Callable[[], ObjectInfo], signature: str) -> ObjectInfo:
        """Carry out a put. Conflict where it was only to be done where there is no object, and there is one."""
        for attempt in range(_TRIES):
            with self._bucket.errors(key):
                try:
                    return put()
                except ClientError as error:
                    if _was_asked_again(error, attempt) and (ours := self._written_by(key, signature)) is not None:
                        return ours
                    if code_of(error) in CONDITION_FAILED:
                        raise taken(key) from None
                    if code_of(error) not in RACED:
                        raise
            time.sleep(0.05 * 2**attempt)
        raise StorageUnavailable(f"the object {key} is written by too many at once", hint="The work goes on by itself.")

    def _written_by(self, key: str, signature: str) -> ObjectInfo | None:
        """The object, where it was stored by this very request: its answer was lost, and the SDK asked again."""
        try:
            answer = self._s3.head_object(Bucket=self._bucket.name, Key=key)
        except ClientError as error:
            if code_of(error) in NOT_THERE:
                return None
            raise
        if answer["Metadata"].get(_WRITE_ID) != signature:
            return None
        return ObjectInfo(key, answer["ContentLength"], etag_of(answer))


def _raise_first(answer: Any) -> None:
    """Of the keys that were not deleted although the request as a whole was taken, as if it had been the only one."""
    for refused in answer.get("Errors", []):
        sentence = f"{refused['Key']}: {refused.get('Message', '')}"
        whole: Any = {**answer, "Error": {"Code": refused["Code"], "Message": sentence}}
        raise ClientError(whole, "DeleteObjects")


def _was_asked_again(error: ClientError, attempt: int) -> bool:
    """Whether a request like this one went before: one of the SDK's, or one of an earlier `attempt`."""
    before = attempt + error.response["ResponseMetadata"].get("RetryAttempts", 0)
    return before > 0 and code_of(error) in CONDITION_FAILED | {"NoSuchUpload"}


def _put_arguments(if_absent: bool, signature: str) -> dict[str, Any]:
    """A put that must not replace anything is signed, so that it is known again."""
    return {"IfNoneMatch": "*", "Metadata": {_WRITE_ID: signature}} if if_absent else {}


@contextmanager
def _appearing(path: Path) -> Iterator[int]:
    """An open file that takes the name `path` when all went well, and leaves nothing otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name[:100]}.{secrets.token_hex(6)}"
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
