"""The one place of this package that reads the environment.

Credentials, profile and endpoint are the SDK's own business (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, roles of a task or an instance).
"""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.errors import InferenceUnavailable, PermanentError

_PREFIX = "STEREO_SPOT_AWS_"
_SAGEMAKER_PREFIX = "STEREO_SPOT_SAGEMAKER_"


class AwsSettings(BaseSettings):
    """Which tables, queues and bucket, and how the SDK speaks to them."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, populate_by_name=True, extra="ignore")

    prefix: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """`STEREO_SPOT_AWS_PREFIX`: how the names of all tables and queues begin."""
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """`STEREO_SPOT_AWS_BUCKET`: where the objects are."""
    kms_key: str | None = None
    """`STEREO_SPOT_AWS_KMS_KEY`: id or ARN of the key that objects are encrypted with; without one, as the bucket says."""
    region: str | None = Field(default=None, validation_alias=AliasChoices("AWS_REGION", "region"))
    """`AWS_REGION`; without it what the SDK finds (`AWS_DEFAULT_REGION`, the profile)."""
    retry_mode: Literal["legacy", "standard", "adaptive"] = Field(
        default="adaptive", validation_alias=AliasChoices("AWS_RETRY_MODE", "retry_mode")
    )
    """`AWS_RETRY_MODE`: adaptive slows this process down while it is throttled."""
    max_attempts: int = Field(default=5, ge=1, validation_alias=AliasChoices("AWS_MAX_ATTEMPTS", "max_attempts"))
    """`AWS_MAX_ATTEMPTS`: of one request, the first included."""


class SageMakerSettings(BaseSettings):
    """Of the inference backend `sagemaker`."""

    model_config = SettingsConfigDict(env_prefix=_SAGEMAKER_PREFIX, frozen=True, extra="ignore")

    endpoint: str = Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
    """`STEREO_SPOT_SAGEMAKER_ENDPOINT`: the name of an asynchronous endpoint, whose container is the inference server."""
    limit: int = Field(default=16, ge=1, le=1000)
    """`STEREO_SPOT_SAGEMAKER_LIMIT`: segments on their way at once, of all workers together."""
    queue_seconds: int = Field(default=6 * 3600, ge=60, le=6 * 3600)
    """`STEREO_SPOT_SAGEMAKER_QUEUE_SECONDS`: how long a request may wait for an instance, which may have to be started first."""
    render_seconds: int = Field(default=3600, ge=1, le=3600)
    """`STEREO_SPOT_SAGEMAKER_RENDER_SECONDS`: how long a segment may take to render."""


def settings_of_environment() -> AwsSettings:
    """The settings; PermanentError says in one sentence which variable is missing or wrong."""
    try:
        return AwsSettings()
    except ValidationError as error:
        raise PermanentError(
            "; ".join(_sentence(found["loc"], found["type"], found["msg"]) for found in error.errors()),
            hint="The platform aws needs STEREO_SPOT_AWS_PREFIX and STEREO_SPOT_AWS_BUCKET; `provision` makes what they name.",
        ) from None


def sagemaker_settings_of_environment() -> SageMakerSettings:
    """The settings of the endpoint; InferenceUnavailable says in one sentence which variable is missing or wrong."""
    try:
        return SageMakerSettings()
    except ValidationError as error:
        raise InferenceUnavailable(
            "; ".join(_sentence(found["loc"], found["type"], found["msg"], _SAGEMAKER_PREFIX) for found in error.errors()),
            hint="The backend sagemaker needs STEREO_SPOT_SAGEMAKER_ENDPOINT.",
        ) from None


def _sentence(place: tuple[int | str, ...], kind: str, message: str, prefix: str = _PREFIX) -> str:
    name = str(place[0])
    variable = name if name.startswith("AWS_") else f"{prefix}{name.upper()}"
    return f"{variable} is not set" if kind == "missing" else f"{variable} cannot be used: {message}"
