"""The settings of every worker, and the one place of this package that knows the environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """Read from `STORAGE_ADAPTER` and `STEREO_SPOT_…`."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_", populate_by_name=True, extra="ignore")

    storage_adapter: str = Field(default="local", validation_alias=AliasChoices("STORAGE_ADAPTER", "storage_adapter"))
    """Name of the platform: an entry point of the group `stereo_spot.adapters`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    worker_name: str | None = None
    """How this process signs its work; host name and process id where it is not set."""
    receive_wait_seconds: float = Field(default=1.0, ge=0.0, le=20.0)
    """How long one poll of a queue waits. Clouds that bill each poll want 20; so long may a stop take."""
    stop_seconds: float = Field(default=10.0, gt=0.0)
    """How long a handler that was told to stop may take before the process ends without it."""
    report_seconds: float = Field(default=1.0, gt=0.0, le=60.0)
    """How often at most a stage of this process leaves a sign of life of a job. Each is a write: where writes are billed, 10 is enough."""
    reconcile_seconds: float = Field(default=30.0, ge=0.0)
    """Pause between two rounds of the reconciler; 0: no worker of this process reconciles."""
    supervisor_pid: int | None = None
    """Process id of the supervisor that started this process; it ends when that one does."""

    @property
    def worker(self) -> str:
        """The name of this process, unique among those that run."""
        return self.worker_name or f"{socket.gethostname()}-{os.getpid()}"


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for one that it starts, with `extra` added."""
    return {**os.environ, **extra}
