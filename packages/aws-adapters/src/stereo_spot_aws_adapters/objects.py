"""What the stores of objects have in common: keys, the bucket, and what S3's answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.errors import Conflict, NotFound, StorageUnavailable

MAX_KEY_BYTES = 1024
NOT_THERE = frozenset({"404", "NoSuchKey"})
CONDITION_FAILED = frozenset({"412", "PreconditionFailed"})
RACED = frozenset({"409", "ConditionalRequestConflict"})
"""Another request for the same key was under way: ask again."""

_MIB = 1 << 20
PART_BYTES = 8 * _MIB
"""Size of the parts of a large object; larger where there would be more than MAX_PARTS."""
MAX_PARTS = 10_000
SMALLEST_PART_BYTES = 5 * _MIB
"""S3 takes no smaller part but the last."""


class Bucket:
    """The bucket of the settings, for those who read and write it."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.s3 = aws.s3
        self.name = aws.settings.bucket
        self._is_there = False

    @property
    def encryption(self) -> dict[str, Any]:
        """What a request that makes an object says of its encryption."""
        key = self.aws.settings.kms_key
        return {} if key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

    def address(self, operation: str, key: str, seconds: int, **arguments: Any) -> str:
        """Where anybody may carry out one operation about one object, with exactly these arguments, for so long. S3 is not asked."""
        with self.errors(key):
            address: str = self.aws.signer.generate_presigned_url(
                operation, Params={"Bucket": self.name, "Key": key, **arguments}, ExpiresIn=seconds
            )
        return address

    @contextmanager
    def errors(self, key: str) -> Iterator[None]:
        """Around requests about an object: NotFound where it is not there, StorageUnavailable where S3 is not."""
        with aws_errors(StorageUnavailable, f"the bucket {self.name}"):
            try:
                yield
            except ClientError as error:
                if code_of(error) not in NOT_THERE:
                    raise
                self._require(error)
                raise NotFound(f"there is no object {key}") from None

    def _require(self, error: ClientError) -> None:
        """That an object is missing and that the whole bucket is missing look alike in an answer without a body; asked once."""
        if self._is_there or code_of(error) == "NoSuchKey":
            return
        try:
            self.s3.head_bucket(Bucket=self.name)
        except ClientError as missing:
            if code_of(missing) == "404":
                missing.response["Error"] = {"Code": "NoSuchBucket", "Message": "HeadBucket"}
            raise
        self._is_there = True


def check_key(key: str) -> str:
    """The key. ValueError for what is none: names that walk (`..`), that are empty, or that a terminal would obey."""
    names = key.split("/")
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES or not all(map(_is_name, names)):
        raise ValueError(f"not a key of an object: {key!r}")
    return key


def taken(key: str) -> Conflict:
    """The key has an object already."""
    return Conflict(f"there is an object {key} already")


def etag_of(answer: Any) -> str:
    """Without S3's quotes."""
    return str(answer["ETag"]).strip('"')


def part_bytes(size: int) -> int:
    """Into parts of how many bytes an object of `size` is cut: whole MiB, at most MAX_PARTS of them."""
    smallest = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-smallest // _MIB) * _MIB)


def _is_name(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name not in {"", ".", ".."} and not any(c < " " or c in "\x7f\\" for c in name)
