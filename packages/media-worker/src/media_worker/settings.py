"""Settings of the media worker; the only place of this package that reads the environment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_media.hostile import MediaLimits
from stereo_spot_shared.ingest import IngestPolicy


class MediaWorkerSettings(BaseSettings):
    """What an operator may set, each as an environment variable STEREO_SPOT_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_", frozen=True)

    scratch_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()))
    """Where an attempt keeps its files. On the embedded platform it should lie on the data directory's file system:
    objects are then linked instead of copied."""
    ingest: IngestPolicy = IngestPolicy.OFF
    """Where sources may be fetched from: off, https, http (also), private (also from this machine and private networks)."""
    ingest_max_bytes: int = Field(default=100 * 10**9, gt=0)
    """A source may have at most so many bytes."""
    ingest_max_seconds: float = Field(default=24 * 3600.0, gt=0)
    """It must have arrived so long after it was first asked for."""
    media_limits: MediaLimits = MediaLimits()
    """What a source may be at most, as JSON: {"max_pixels": 268435456}."""
