"""Web push (RFC 8030, keys by RFC 8292): browsers are told of jobs that have ended, through the push service that each names."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import time
from functools import partial
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

import httpcore2
import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid
from pydantic import Field, ValidationError, field_validator, model_validator
from pywebpush import WebPusher

from stereo_spot_runtime.logging import get_logger
from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value, utc_now
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_web_ui.notify.outbox import Outbox, TryLater, seconds_asked_for
from stereo_spot_web_ui.preferences import kept
from stereo_spot_web_ui.problems import Refused
from stereo_spot_web_ui.security.outside import Inside, PublicOnly
from stereo_spot_web_ui.settings import WebSettings

NOBODY = "mailto:nobody@localhost"
"""Whom a push service may write to about a server without a public name. Apple's refuses it, but its browsers want https anyway."""
GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
TIMEOUT_SECONDS = 10.0
KEPT_SECONDS = 24 * 3600
"""For how long a push service may keep a message for a browser that is off."""
TOKEN_SECONDS = 12 * 3600
MOST_CHARACTERS = 300
"""Of a sentence: push services take 4096 bytes, all in all."""
ENDPOINT = r"^https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?(/[!-~]*)?$"
INSIDE_NAMES = (".local", ".internal", ".localhost", ".home.arpa")


class VapidKey(Value):
    """The server's key pair: its private part (PEM)."""

    private_pem: str


class SubscriptionKeys(Value):
    """What messages to a browser are encrypted with (RFC 8291), base64url."""

    p256dh: str = Field(
        max_length=200, examples=["BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"]
    )
    auth: str = Field(max_length=100, examples=["BTBZMqHH6r4Tts7J_aSIgg"])

    @model_validator(mode="after")
    def _are_keys(self) -> Self:
        """What cannot be encrypted with would only be noticed when somebody is to be told."""
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(self.p256dh))
            is_secret = len(decoded(self.auth)) == 16
        except (ValueError, binascii.Error):
            is_secret = False
        if not is_secret:
            raise ValueError("these are not the keys of a push subscription")
        return self


class Subscription(Value):
    """A browser that wants to be told, as `PushSubscription.toJSON()` says it."""

    endpoint: str = Field(max_length=2000, pattern=ENDPOINT, examples=["https://push.example/send/abc"])
    keys: SubscriptionKeys
    expirationTime: int | None = None  # noqa: N815 - the browser's name for it

    @field_validator("endpoint")
    @classmethod
    def _has_a_port(cls, endpoint: str) -> str:
        _ = urlsplit(endpoint).port  # ValueError for one that cannot be
        return endpoint


class Push:
    """Subscriptions, and messages to them. Its key is made at the first start."""

    def __init__(self, storage: ObjectStorage, settings: WebSettings) -> None:
        self._storage, self._inside = storage, settings.push_inside
        self._vapid = Vapid.from_pem(kept(storage, "vapid", VapidKey(private_pem=new_key())).private_pem.encode())
        base = settings.base_url
        self._subject = f"https://{base.host}" if base is not None and base.scheme == "https" else NOBODY
        self._network = httpcore2.SyncBackend() if settings.push_inside else PublicOnly()
        self.outbox = Outbox()

    @property
    def public_key(self) -> str:
        """As browsers want it: an uncompressed point of P-256, base64url."""
        point = self._vapid.public_key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    def add(self, subscription: Subscription) -> None:
        """Remember a browser. Refused where its push service is none that a stranger may have this server call."""
        if not self._inside and not is_outside(subscription.endpoint):
            raise Refused("A push service has an https address with a public name.", status=HTTPStatus.UNPROCESSABLE_ENTITY, code="invalid")
        self._storage.put_bytes(subscription.to_json(), subscription_key(subscription.endpoint))

    def remove(self, endpoint: str) -> None:
        """Forget it."""
        self._storage.delete(subscription_key(endpoint))

    def tell(self, title: str, body: str, url: str, *, tag: str) -> None:
        """Have every browser told."""
        data = json.dumps({"title": title, "body": body[:MOST_CHARACTERS], "url": url, "tag": tag}).encode()
        for info in list(all_objects(self._storage, f"{keys.WEB_PREFIX}subscriptions/")):
            self.outbox.put(f"notification {tag}", partial(self._send, info.key, data))

    def _send(self, key: str, data: bytes) -> None:
        """One try. A browser that is gone is forgotten; TryLater where its push service asks for that, or does not answer."""
        try:
            subscription = Subscription.model_validate_json(self._storage.read_range(key))
        except NotFound:
            return
        except ValidationError:
            self._storage.delete(key)
            return
        try:
            status, asked = self._post(subscription, data)
        except Inside as error:
            get_logger().warning("a browser could not be told", error=str(error))
            return
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise TryLater(str(error) or type(error).__name__) from error
        if status in GONE:
            self._storage.delete(key)
        elif status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
            raise TryLater(f"its push service answered {status}", seconds_asked_for(asked, utc_now()))
        elif not 200 <= status < 300:
            get_logger().warning("a browser could not be told", status=status, service=urlsplit(subscription.endpoint).netloc)

    def _post(self, subscription: Subscription, data: bytes) -> tuple[int, str | None]:
        """The status of the answer, and its Retry-After. What else is answered is not read, and leads nowhere."""
        parts = urlsplit(subscription.endpoint)
        to = {"endpoint": subscription.endpoint, "keys": subscription.keys.model_dump()}
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": self._subject, "exp": int(time.time()) + TOKEN_SECONDS}
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEPT_SECONDS),
        }
        headers |= self._vapid.sign(claims)
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_SECONDS)
        body = WebPusher(to).encode(data)["body"]
        with (
            httpcore2.ConnectionPool(ssl_context=httpx2.create_ssl_context(), network_backend=self._network) as pool,
            pool.stream("POST", subscription.endpoint, headers=headers, content=body, extensions={"timeout": timeout}) as answer,
        ):
            asked = next((value.decode("latin1") for name, value in answer.headers if name.lower() == b"retry-after"), None)
            return answer.status, asked


def new_key() -> str:
    """A fresh private key, as PEM."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def subscription_key(endpoint: str) -> str:
    """Where a subscription is kept."""
    return keys.web_key(f"subscriptions/{hashlib.sha256(endpoint.encode()).hexdigest()[:40]}")


def is_outside(endpoint: str) -> bool:
    """Whether an endpoint is that of a public server with a name; where the name leads is asked when it is called."""
    parts = urlsplit(endpoint)
    name = parts.hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return parts.scheme == "https" and "." in name.rstrip(".") and not name.rstrip(".").endswith(INSIDE_NAMES)
    return False


def decoded(text: str) -> bytes:
    """Base64url, with or without its padding. ValueError where it is none."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
