"""Settings of the web UI; the only place of this package that reads the environment."""

from __future__ import annotations

import ipaddress
import tempfile
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.ingest import IngestPolicy

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class WebSettings(BaseSettings):
    """What an operator may set, each as an environment variable STEREO_SPOT_WEB_<NAME>. Without any it is for this machine only."""

    model_config = SettingsConfigDict(env_prefix="STEREO_SPOT_WEB_", frozen=True, populate_by_name=True)

    host: str = "127.0.0.1"
    """Address to listen at. Any but this machine's own needs a password, a token or OIDC."""
    port: int = Field(default=8088, ge=0, le=65535)
    """0: any that is free."""
    base_url: AnyHttpUrl | None = None
    """How the outside names this server (behind a proxy, say): links for players, headsets and notifications begin so."""
    trusted_hosts: tuple[str, ...] = ()
    """Further names by which it may be asked, as JSON: ["films.example"]. Addresses, and this machine's own name, are trusted anyway."""
    password: SecretStr | None = None
    """What a person signs in with."""
    token: SecretStr | None = None
    """What programs send as `Authorization: Bearer …`."""
    oidc_issuer: AnyHttpUrl | None = None
    """Sign-in by an OpenID Connect provider: its address, below which `.well-known/openid-configuration` lies."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_users: tuple[str, ...] = ()
    """E-mail addresses or subjects that may sign in, as JSON; the others may not."""
    import_dir: Path | None = None
    """A folder of this machine whose videos can be converted without an upload."""
    ingest: IngestPolicy = Field(default=IngestPolicy.OFF, validation_alias=AliasChoices("STEREO_SPOT_INGEST", "ingest"))
    """Whether people may name a video by its URL, as the media workers fetch it: off, https, http, private."""
    max_upload_bytes: int = Field(default=200 * 10**9, gt=0)
    webhook_url: AnyHttpUrl | None = None
    """Told of every job that has ended, by POST."""
    webhook_secret: SecretStr | None = None
    """Signs what the webhook gets: `X-StereoSpot-Signature: sha256=…` (HMAC of the body)."""
    worker_hour_cost: float | None = Field(default=None, ge=0)
    """What an hour of a video worker costs; jobs then say what they cost."""
    egress_gigabyte_cost: float | None = Field(default=None, ge=0)
    """What it costs to hand out 10^9 bytes of a result, where somebody bills that."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    supervisor_pid: int | None = Field(default=None, validation_alias=AliasChoices("STEREO_SPOT_SUPERVISOR_PID", "supervisor_pid"))
    """Process id of the supervisor that started this process; it ends when that one does."""
    scratch_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()), validation_alias=AliasChoices("STEREO_SPOT_SCRATCH_DIR", "scratch_dir")
    )
    """Where previews keep a source while they look at it; on the embedded platform a link and no copy, if it is on the same disk."""

    @property
    def signs_in(self) -> bool:
        """Whether anybody must say who they are."""
        return bool(self.password or self.token or self.oidc_issuer)

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach the address."""
        if self.host in LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_for_this_machine_only(self) -> bool:
        """Whether nobody else can ask anything of the server, through a proxy neither."""
        return self.is_loopback and self.base_url is None and not self.signs_in

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> Self:
        if not self.is_loopback and not self.signs_in:
            raise ValueError(
                f"{self.host} can be reached by others: set STEREO_SPOT_WEB_PASSWORD (or _TOKEN, or _OIDC_ISSUER), or listen at 127.0.0.1"
            )
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret and self.oidc_users):
            raise ValueError("signing in by OIDC needs STEREO_SPOT_WEB_OIDC_CLIENT_ID, _OIDC_CLIENT_SECRET and _OIDC_USERS as well")
        return self
