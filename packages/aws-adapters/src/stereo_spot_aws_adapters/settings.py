"""The one place of this package that reads the environment.

Credentials, profile and endpoint are the SDK's own business (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, roles of a task or an instance).
"""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.errors import PermanentError

_PREFIX = "STEREO_SPOT_AWS_"


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


def settings_of_environment() -> AwsSettings:
    """The settings; PermanentError says in one sentence which variable is missing or wrong."""
    try:
        return AwsSettings()
    except ValidationError as error:
        raise PermanentError(
            "; ".join(_sentence(found["loc"], found["type"], found["msg"]) for found in error.errors()),
            hint="The platform aws needs STEREO_SPOT_AWS_PREFIX and STEREO_SPOT_AWS_BUCKET; `provision` makes what they name.",
        ) from None


def _sentence(place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(place[0])
    variable = name if name.startswith("AWS_") else f"{_PREFIX}{name.upper()}"
    return f"{variable} is not set" if kind == "missing" else f"{variable} cannot be used: {message}"
