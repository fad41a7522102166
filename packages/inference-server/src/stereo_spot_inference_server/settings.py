"""Settings of the inference server; the only place of this package that reads the environment."""

from __future__ import annotations

import ipaddress
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """What an operator may set, each as an environment variable STEREO_SPOT_INFERENCE_SERVER_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_INFERENCE_SERVER_", frozen=True)

    host: str = "127.0.0.1"
    """Address to listen at. Any but this machine's own needs a token, or a network that lets nobody else in."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0: any that is free. SageMaker asks at 8080."""
    token: SecretStr | None = None
    """What callers send as `Authorization: Bearer …`."""
    network_is_closed: bool = False
    """Whether only callers can reach the address, as in a container of SageMaker: then no token is needed."""
    devices: tuple[str, ...] = Field(default=("",), min_length=1)
    """One rendering process for each, as JSON; what each finds as CUDA_VISIBLE_DEVICES (empty: as it is)."""
    max_waiting: int = Field(default=2, ge=0)
    """Requests that may wait for a device; more are refused, so that another server or a later time is tried."""
    abandon_seconds: float = Field(default=60.0, gt=0)
    """A request that nobody has asked after for so long is given up: its caller is gone, and somebody else renders the segment."""
    keep_seconds: float = Field(default=900.0, gt=0)
    """For so long the outcome of a request is known, for callers whose connection broke."""

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> Self:
        if not (self.token or self.network_is_closed or self._is_loopback):
            raise ValueError(
                f"{self.host} can be reached by others: set STEREO_SPOT_INFERENCE_SERVER_TOKEN, or _NETWORK_IS_CLOSED=true where only "
                "callers can reach it, or listen at 127.0.0.1"
            )
        return self

    @property
    def _is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
