"""The SDK's clients: made once per process and set of settings, and shared by all threads (the SDK's clients are safe for that)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ResponseStreamingError

from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_aws_adapters.side_by_side import CONCURRENCY
from stereo_spot_aws_adapters.vendor_errors import aws_errors
from stereo_spot_shared.errors import InferenceUnavailable, StorageUnavailable, StoreUnavailable

_CONNECT_SECONDS = 5
_READ_SECONDS = 60  # longer than a long poll
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn")


class Aws:
    """Clients of DynamoDB, SQS and S3. Get one by `connect`; pickled by its settings."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._config = config = Config(
            retries={"mode": settings.retry_mode, "total_max_attempts": settings.max_attempts},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=4 * CONCURRENCY,
        )
        with aws_errors(StoreUnavailable, "AWS"), _address_errors():
            self._session = session = boto3.Session(region_name=settings.region)
            self.dynamodb = session.client("dynamodb", config=config)
            self.sqs = session.client("sqs", config=config)
            self.s3 = session.client("s3", config=config)
        for client in (self.dynamodb, self.sqs, self.s3):
            client.meta.events.register("before-parse.*", _require_whole)

    @cached_property
    def signer(self) -> Any:
        """Signs addresses of objects for those who have no credentials.

        By signature 4, since the older one, which the SDK still takes in some regions, signs no length. And for the host of the bucket's
        region: the one for all regions, which the SDK takes otherwise, may send a browser on to it, and a preflight (CORS) is not sent on.
        """
        ours = (urlsplit(self.s3.meta.endpoint_url).hostname or "").endswith(_AWS_HOSTS)
        style: Any = {"s3": {"addressing_style": "virtual"}} if ours else {}
        with _lock, aws_errors(StorageUnavailable, "S3"), _address_errors():
            return self._session.client("s3", config=self._config.merge(Config(signature_version="s3v4", **style)))

    @cached_property
    def sagemaker(self) -> Any:
        """For those few processes that send segments to an endpoint."""
        with _lock, aws_errors(InferenceUnavailable, "SageMaker"), _address_errors():
            return self._session.client("sagemaker-runtime", config=self._config)

    def __reduce__(self) -> tuple[Any, ...]:
        return connect, (self.settings,)


def _require_whole(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """Refuse an answer whose connection broke in its middle: the SDK would read an item that is there as none."""
    body, length = response_dict["body"], response_dict["headers"].get("content-length")
    if isinstance(body, bytes) and length is not None and operation_model.http["method"] != "HEAD" and len(body) != int(length):
        raise ResponseStreamingError(error=f"{len(body)} of {length} bytes came of the answer to {operation_model.name}")


@contextmanager
def _address_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # how the SDK refuses an address that is none
        raise StoreUnavailable(f"AWS cannot be asked for with these settings ({error})", hint="Check AWS_ENDPOINT_URL.") from error


_lock = threading.Lock()
_open: dict[tuple[int, AwsSettings], Aws] = {}


def connect(settings: AwsSettings) -> Aws:
    """The clients for these settings in this process; the same ones at every call.

    StoreUnavailable says what of the SDK's own settings (region, profile) cannot be used.
    """
    with _lock:  # sessions are not made by two threads at once; a forked process must not share its parent's connections
        key = os.getpid(), settings
        if key not in _open:
            _open[key] = Aws(settings)
        return _open[key]
