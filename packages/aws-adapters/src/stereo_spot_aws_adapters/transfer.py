"""Large objects in parts, several at once: what one connection carries is a tenth of what a machine's network does.

Why not the SDK's own transfer manager: it cannot put an object only where there is none, and does not say which version of an object
it fetched. (docs/adr/0019-aws-data-plane.md has what was measured.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

from stereo_spot_aws_adapters.objects import PART_BYTES, Bucket, etag_of, part_bytes
from stereo_spot_aws_adapters.side_by_side import each_of
from stereo_spot_aws_adapters.vendor_errors import code_of

Part = dict[str, Any]
"""Number and etag of a part that was stored, as S3 wants it."""

_READ_BYTES = 256 << 10
_READ_TRIES = 5


class Changed(Exception):
    """The object was replaced while its parts were fetched."""


def download(bucket: Bucket, key: str, file: int) -> tuple[int, str]:
    """Write an object into an open file; its size and etag. Changed where it was replaced meanwhile.

    The first request brings what fits into one part, and how much there is.
    """
    size, etag = _fetch(bucket, key, file, 0, None)
    each_of(lambda start: _fetch(bucket, key, file, start, etag), range(PART_BYTES, size, PART_BYTES))
    return size, etag


def upload_parts(bucket: Bucket, key: str, upload_id: str, path: Path, size: int) -> list[Part]:
    """Store a file as the parts of an upload."""
    step = part_bytes(size)

    def store(start: int) -> Part:
        number = start // step + 1
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(step)
        answer = bucket.s3.upload_part(Bucket=bucket.name, Key=key, UploadId=upload_id, PartNumber=number, Body=data)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    return each_of(store, range(0, size, step))


def copy_parts(bucket: Bucket, key: str, to_key: str, upload_id: str, *, size: int, etag: str, step: int) -> list[Part]:
    """Store another object's content as the parts of an upload, without fetching it."""

    def store(start: int) -> Part:
        number = start // step + 1
        answer = bucket.s3.upload_part_copy(
            Bucket=bucket.name,
            Key=to_key,
            UploadId=upload_id,
            PartNumber=number,
            CopySource={"Bucket": bucket.name, "Key": key},
            CopySourceIfMatch=f'"{etag}"',
            CopySourceRange=f"bytes={start}-{min(size, start + step) - 1}",
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    return each_of(store, range(0, size, step))


@contextmanager
def multipart_upload(bucket: Bucket, key: str, **arguments: Any) -> Iterator[str]:
    """The id of a new upload; where the work inside fails, its parts are removed, since they cost and nobody sees them."""
    upload_id = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=key, **bucket.encryption, **arguments)["UploadId"]
    try:
        yield upload_id
    except BaseException:
        abort_upload(bucket, key, upload_id)
        raise


def abort_upload(bucket: Bucket, key: str, upload_id: str) -> None:
    """Remove an upload and its parts as far as that is possible now; the bucket's lifecycle removes what is left."""
    with suppress(ClientError, BotoCoreError):
        bucket.s3.abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=upload_id)


def _fetch(bucket: Bucket, key: str, file: int, start: int, etag: str | None) -> tuple[int, str]:
    """Write the part of an object that begins at `start` to the same place in a file; the size and etag of the whole object."""
    arguments: dict[str, Any] = {} if etag is None else {"IfMatch": f'"{etag}"'}
    for attempt in range(_READ_TRIES):
        try:
            answer = bucket.s3.get_object(Bucket=bucket.name, Key=key, Range=f"bytes={start}-{start + PART_BYTES - 1}", **arguments)
            at = start
            for data in answer["Body"].iter_chunks(_READ_BYTES):
                at += _write(file, data, at)
            return int(answer["ContentRange"].rpartition("/")[2]), etag_of(answer)
        except ClientError as error:
            if etag is None and code_of(error) in {"416", "InvalidRange"}:  # it is empty: no range of it is right
                return 0, etag_of(bucket.s3.head_object(Bucket=bucket.name, Key=key))
            if code_of(error) in {"412", "PreconditionFailed"} or (etag is not None and code_of(error) == "NoSuchKey"):
                raise Changed from error
            raise
        except (HTTPClientError, IncompleteReadError, urllib3.exceptions.HTTPError):
            # The connection broke while the part came: the SDK repeats requests, but not the reading of answers.
            if attempt == _READ_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _write(file: int, data: bytes, at: int) -> int:
    written = 0
    while written < len(data):
        written += os.pwrite(file, memoryview(data)[written:], at + written)
    return written
