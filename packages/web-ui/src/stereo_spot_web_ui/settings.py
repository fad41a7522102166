"""Settings of the web UI; the only place of this package that reads the environment."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import tempfile
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stereo_spot_shared.ingest import IngestPolicy

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SECRET_PREFIX = "whsec_"  # noqa: S105 - how such secrets begin
SECRET_BYTES = range(24, 65)
"""What the Standard Webhooks specification asks of a secret."""


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
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses and networks, as JSON, of the proxies before a server with a base_url: whom they name in X-Forwarded-For, tries to sign in
    are counted for."""
    password: SecretStr | None = None
    """What a person signs in with."""
    token: SecretStr | None = None
    """What programs send as `Authorization: Bearer …`."""
    oidc_issuer: AnyHttpUrl | None = None
    """Sign-in by an OpenID Connect provider: its address, below which `.well-known/openid-configuration` lies."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_users: tuple[str, ...] = ()
    """Who may sign in, as JSON: e-mail addresses that the provider has verified, whole domains of such addresses (["@films.example"]), or
    subjects. The others may not."""
    oidc_groups: tuple[str, ...] = ()
    """Groups whose members may, as JSON: names in the provider's claim `groups`."""
    oidc_scope: str = "openid email"
    """What the provider is asked for; some tell groups only to who asks for `groups` as well."""
    import_dir: Path | None = None
    """A folder of this machine whose videos can be converted without an upload."""
    ingest: IngestPolicy = Field(default=IngestPolicy.OFF, validation_alias=AliasChoices("STEREO_SPOT_INGEST", "ingest"))
    """Whether people may name a video by its URL, as the media workers fetch it: off, https, http, private."""
    max_upload_bytes: int = Field(default=200 * 10**9, gt=0)
    webhook_url: AnyHttpUrl | None = None
    """Told of every job that has ended, by POST."""
    webhook_secret: SecretStr | None = None
    """Signs what the webhook gets as Standard Webhooks do: `whsec_` and base64 of 24 to 64 random bytes."""
    push_inside: bool = False
    """Whether browsers may name a push service inside this network, by http too. Public push services need no such thing."""
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
    def webhook_key(self) -> bytes | None:
        """What the webhook's messages are signed with. ValueError where the secret is none."""
        if self.webhook_secret is None:
            return None
        try:
            key = base64.b64decode(self.webhook_secret.get_secret_value().removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if len(key) not in SECRET_BYTES:
            raise ValueError(
                "STEREO_SPOT_WEB_WEBHOOK_SECRET must be whsec_ and base64 of 24 to 64 random bytes: make one with openssl rand -base64 32"
            )
        return key

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
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        """A provider may know the whole world: without a list of who may come in, nobody is safe."""
        if self.oidc_issuer is None:
            return self
        if not (self.oidc_client_id and self.oidc_client_secret):
            raise ValueError("signing in by OIDC needs STEREO_SPOT_WEB_OIDC_CLIENT_ID and _OIDC_CLIENT_SECRET as well")
        entries = (*self.oidc_users, *self.oidc_groups)
        if not entries or any(entry.strip(" @*") == "" for entry in entries):
            raise ValueError(
                "signing in by OIDC needs STEREO_SPOT_WEB_OIDC_USERS or _OIDC_GROUPS, which name who may come in: anybody whom the provider"
                " knows could otherwise"
            )
        if self.oidc_issuer.scheme != "https" and self.oidc_issuer.host not in LOOPBACK_NAMES:
            raise ValueError("STEREO_SPOT_WEB_OIDC_ISSUER must begin with https: what it says could be forged on the way")
        if "openid" not in self.oidc_scope.split():
            raise ValueError("STEREO_SPOT_WEB_OIDC_SCOPE must have the word openid")
        return self

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        _ = self.webhook_key
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(f"STEREO_SPOT_WEB_TRUSTED_PROXIES: {proxy} is no address and no network") from None
        return self
