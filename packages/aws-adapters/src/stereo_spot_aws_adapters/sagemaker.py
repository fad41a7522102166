"""The inference backend `sagemaker`: an asynchronous endpoint, which may be scaled to zero, and what it says of each request.

A request is an object in the bucket (`keys.request_key`); the endpoint's container is the inference server, which reads and writes objects
of the platform itself. SageMaker tells of the end of a request by SNS, which our queue `rendered` subscribes to;
`Notifications` puts that into our own message. https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws, connect
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage
from stereo_spot_aws_adapters.settings import SageMakerSettings, sagemaker_settings_of_environment, settings_of_environment
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of, is_refusal
from stereo_spot_shared import keys
from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.errors import InferenceUnavailable, NotFound, RenderFailed, StorageUnavailable
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_shared.messages import SegmentRendered

FAILED = "Failed"
LARGEST_PROBLEM_BYTES = 1 << 16


def open_backend(storage: ObjectStorage) -> SageMakerBackend:
    """The backend of the environment's settings. InferenceUnavailable where the platform is another one, or a setting is missing."""
    if not isinstance(storage, S3ObjectStorage):
        raise InferenceUnavailable("The backend sagemaker reads and writes objects of AWS only.", hint="Set STORAGE_ADAPTER=aws.")
    return SageMakerBackend(connect(settings_of_environment()), sagemaker_settings_of_environment())


class SageMakerBackend:
    """`AsynchronousBackend` on an endpoint."""

    def __init__(self, aws: Aws, settings: SageMakerSettings) -> None:
        self._aws, self._settings = aws, settings
        self._storage = S3ObjectStorage(aws)
        self._what = f"the endpoint {settings.endpoint}"

    @property
    def pool(self) -> str:
        return f"sagemaker/{self._settings.endpoint}"

    @property
    def limit(self) -> int:
        return self._settings.limit

    @property
    def seconds(self) -> float:
        return self._settings.queue_seconds + self._settings.render_seconds

    def dispatch(self, request: RenderRequest, *, failures: int) -> None:
        key = keys.request_key(request.job_id, request.segment.index, request.attempt_id, failures)
        self._storage.put_bytes(request.to_json(), key)
        with aws_errors(InferenceUnavailable, self._what):
            try:
                self._aws.sagemaker.invoke_endpoint_async(
                    EndpointName=self._settings.endpoint,
                    ContentType="application/json",
                    InferenceId=request.attempt_id,
                    InputLocation=self._storage.uri(key),
                    RequestTTLSeconds=self._settings.queue_seconds,
                    InvocationTimeoutSeconds=self._settings.render_seconds,
                )
            except ClientError as error:
                if code_of(error) != "ValidationError":
                    raise
                raise InferenceUnavailable(
                    f"{self._what} does not take requests ({error})",
                    hint="Check STEREO_SPOT_SAGEMAKER_ENDPOINT: is it in service?",
                ) from error

    def close(self) -> None:
        """Connections belong to the process."""


class Notifications:
    """Reads what SageMaker tells of the ends of requests."""

    def __init__(self, aws: Aws) -> None:
        self._storage = S3ObjectStorage(aws)
        self._here = f"s3://{aws.settings.bucket}/"

    def read(self, body: str) -> str:
        """A notification as the `SegmentRendered` that it means to us; any other message as it is."""
        try:
            found = json.loads(body)
            told: Mapping[str, Any] = json.loads(found["Message"]) if "Message" in found else found
            request = keys.parse_key(self._key(told["requestParameters"]["inputLocation"]))
            has_failed = told["invocationStatus"] == FAILED
        except (ValueError, TypeError, KeyError, RecursionError):
            return body
        return SegmentRendered(
            job_id=request.job_id,
            segment_index=request.segment_index or 0,
            attempt_id=request.attempt_id or "",
            failures=request.failures or 0,
            problem=self._problem(told) if has_failed else None,
        ).encode()

    def _problem(self, told: Mapping[str, Any]) -> Problem:
        """Why a request failed: what the container answered, which lies in storage; SageMaker's own sentence where it answered nothing, or
        where we may not read it: a refusal must not keep the segment waiting.
        """
        try:
            place = told.get("failureLocation") or told["responseParameters"]["failureLocation"]
            return Problem.model_validate_json(self._storage.read_range(self._key(place), 0, LARGEST_PROBLEM_BYTES))
        except (NotFound, ValueError, TypeError, KeyError):  # a container that died, or ran out of time, says nothing
            pass
        except StorageUnavailable as error:
            if not is_refusal(error):
                raise
        return Problem.of(RenderFailed(str(told.get("failureReason") or "SageMaker does not say why the segment was not rendered")))

    def _key(self, uri: object) -> str:
        """The key of an object of this bucket. ValueError for another's."""
        if not isinstance(uri, str) or not uri.startswith(self._here):
            raise ValueError(f"not an object of this platform: {uri!r}")
        return uri.removeprefix(self._here)
