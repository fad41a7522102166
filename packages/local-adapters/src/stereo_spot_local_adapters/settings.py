"""The one place of this package that reads the environment."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LocalSettings(BaseSettings):
    """Settings of the embedded platform."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_", frozen=True)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("stereo-spot", appauthor=False))
    """`STEREO_SPOT_DATA_DIR`: where the database and the objects live. Default: the user's data directory."""
