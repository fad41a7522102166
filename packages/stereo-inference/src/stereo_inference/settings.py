"""The settings of stereo-inference: the only place of this package that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for one that it starts, with `extra` added."""
    return {**os.environ, **extra}


class Settings(BaseSettings):
    """Each field is read from `STEREO_SPOT_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_")

    render_threads: int = Field(default_factory=available_cores, ge=1, le=256)
    """Threads that share the work on one segment; 1 renders in a single thread, stage after stage."""
    render_address_space: int = Field(default=8 * 1024**3, ge=0)
    """Bytes of address space that a rendering process may map; 0 lifts the limit (needed for CUDA)."""
    models_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("stereo-spot", appauthor=False) / "models")
    """Where depth models lie; may be part of an image, and read-only."""
    offline: bool = False
    """Whether models are never fetched. HF_HUB_OFFLINE does the same; the hub's own library reads it."""
    iw3_dir: Path | None = None
    """A checkout of nunif, whose iw3 renders the jobs that ask for it."""
    iw3_python: Path | None = None
    """The Python that it runs under, with PyTorch."""
    iw3_sums: Path | None = None
    """SHA-256 of all files among iw3's models, as `sha256sum` writes them."""
    iw3_frame_seconds: float = Field(default=30.0, gt=0)
    iw3_start_seconds: float = Field(default=300.0, gt=0)
    """How long iw3 may take for a frame, and to start."""
    render_network: bool = False
    """Whether a rendering process keeps its network (an estimator that runs elsewhere would need it)."""
