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

    queue_group: str = Field(default="main", pattern=r"^[0-9a-z-]{1,40}$")
    """`STEREO_SPOT_QUEUE_GROUP`: messages of one group are never seen by another, while jobs, completions and objects are
    shared. Whoever runs workers for one job only (`stereo-spot convert`) gives them a group of their own."""
