"""Settings of the video worker; the only place of this package that reads the environment."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES

_NEEDED_FOR_RENDERING = (
    "STEREO_SPOT_RENDER_", "STEREO_SPOT_MODELS_DIR", "STEREO_SPOT_IW3_", "XDG_DATA_HOME",
    "NUMBA_", "OMP_", "CUDA_", "LD_LIBRARY_PATH", "PYTHONPATH", "PATH", "HOME", "TMPDIR", "LANG",
)  # fmt: skip
"""How the names begin of what the rendering process inherits."""


class VideoWorkerSettings(BaseSettings):
    """What an operator may set, each as an environment variable STEREO_SPOT_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_", frozen=True)

    scratch_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()))
    """Where an attempt keeps its files. On the embedded platform it should lie on the data directory's file system:
    objects are then linked instead of copied."""
    inference_backend: str = "local"
    """Where segments are rendered: a name of `backends.BACKENDS`, or of one that an installed package brings."""
    inference_command: tuple[str, ...] = (sys.executable, "-m", "stereo_inference.main", "worker")
    """The command of the `local` backend, as a JSON list."""
    inference_url: AnyHttpUrl | None = None
    """Of the `http` backend: where the inference server listens."""
    inference_token: SecretStr | None = None
    """What it is sent as `Authorization: Bearer …`."""
    inference_stall_seconds: float = Field(default=STAGES[Stage.RENDER].stall_seconds * 0.8, gt=0)
    """A rendering process that reports no progress for so long is killed, before the whole worker is taken for hung."""
    worker_hour_cost: float | None = Field(default=None, ge=0)
    """What an hour of what renders costs; each segment then says what it cost."""
    inference_look_seconds: float = Field(default=300.0, gt=0, le=900)
    """After so long a segment that is on its way to a backend that answers by message is looked after, should nobody tell of its end."""


def inference_environment() -> dict[str, str]:
    """The environment of the rendering process: what it needs of ours, and no credentials."""
    return {name: value for name, value in os.environ.items() if name.startswith(_NEEDED_FOR_RENDERING)}
