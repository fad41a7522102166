"""The only place of this package that touches the environment.

The platform, the workers and the renderer read their own settings from it, so what a person chooses on the command line is put
there, for this process and for those that it starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.ingest import IngestPolicy


class CliSettings(BaseSettings):
    """Settings of the command line (prefix STEREO_SPOT_)."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_")

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("stereo-spot", appauthor=False))
    """Where the embedded platform keeps jobs, queues and objects (STEREO_SPOT_DATA_DIR)."""
    server: str | None = None
    """The server that jobs are sent to, instead of this machine (STEREO_SPOT_SERVER; empty: none)."""
    token: SecretStr | None = None
    """What that server lets programs in by (STEREO_SPOT_TOKEN)."""
    ingest: IngestPolicy | None = None
    """Where videos may be fetched from (STEREO_SPOT_INGEST), if the command is not to decide that."""
    render_threads: int | None = Field(default=None, ge=1, le=256)
    """Threads of each renderer, if not the cores divided among the workers (STEREO_SPOT_RENDER_THREADS)."""
    numba_cache_dir: Path | None = Field(default=None, validation_alias="NUMBA_CACHE_DIR")
    """Where numba keeps compiled code, if not beside the source; numba's own setting."""


def export(values: Mapping[str, str]) -> None:
    """Put settings into the environment of this process."""
    os.environ.update(values)
