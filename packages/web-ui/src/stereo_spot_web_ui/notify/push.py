"""Web push (RFC 8030, keys by RFC 8292): browsers are told of jobs that have ended, through the push service that each names."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import Field, ValidationError, field_validator
from pywebpush import WebPushException, webpush

from stereo_spot_runtime.logging import get_logger
from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_web_ui.preferences import kept

SUBJECT = "mailto:nobody@localhost"
"""Whom a push service may write to about this server; it has nobody's address."""
GONE = (404, 410)
TIMEOUT_SECONDS = 10.0


class VapidKey(Value):
    """The server's key pair: its private part (PEM)."""

    private_pem: str


class SubscriptionKeys(Value):
    """What messages to a browser are encrypted with."""

    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


class Subscription(Value):
    """A browser that wants to be told, as `PushSubscription.toJSON()` says it."""

    endpoint: str = Field(max_length=2000, examples=["https://push.example/send/abc"])
    keys: SubscriptionKeys
    expirationTime: int | None = None  # noqa: N815 - the browser's name for it

    @field_validator("endpoint")
    @classmethod
    def _is_outside(cls, endpoint: str) -> str:
        """A push service is a public server with a name: nothing inside may be called through here."""
        parts = urlsplit(endpoint)
        name = parts.hostname or ""
        if parts.scheme != "https" or "." not in name or name.endswith((".local", ".internal", ".localhost")) or _is_address(name):
            raise ValueError("a push service has an https address with a public name")
        return endpoint


class Push:
    """Subscriptions, and messages to them. Its key is made at the first start."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        private = kept(storage, "vapid", VapidKey(private_pem=new_key()))
        self._key = serialization.load_pem_private_key(private.private_pem.encode(), None)
        self._pem = private.private_pem

    @property
    def public_key(self) -> str:
        """As browsers want it: an uncompressed point of P-256, base64url."""
        point = self._key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    def add(self, subscription: Subscription) -> None:
        """Remember a browser."""
        self._storage.put_bytes(subscription.to_json(), subscription_key(subscription.endpoint))

    def remove(self, endpoint: str) -> None:
        """Forget it."""
        self._storage.delete(subscription_key(endpoint))

    def tell(self, title: str, body: str, url: str, *, tag: str) -> None:
        """Tell every browser. One that is gone is forgotten; what else goes wrong is logged, and stops nothing."""
        data = json.dumps({"title": title, "body": body, "url": url, "tag": tag})
        for info in list(all_objects(self._storage, f"{keys.WEB_PREFIX}subscriptions/")):
            try:
                subscription = Subscription.model_validate_json(self._storage.read_range(info.key))
                self._send(subscription, data)
            except (NotFound, ValidationError):
                continue
            except WebPushException as error:
                if error.response is not None and error.response.status_code in GONE:
                    self._storage.delete(info.key)
                else:
                    get_logger().warning("a browser could not be told", error=str(error))
            except OSError as error:  # what requests raises
                get_logger().warning("a push service could not be reached", error=str(error))

    def _send(self, subscription: Subscription, data: str) -> None:
        to = {"endpoint": subscription.endpoint, "keys": subscription.keys.model_dump()}
        webpush(to, data, vapid_private_key=vapid_of(self._pem), vapid_claims={"sub": SUBJECT}, ttl=24 * 3600, timeout=TIMEOUT_SECONDS)


def new_key() -> str:
    """A fresh private key, as PEM."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def vapid_of(pem: str) -> object:
    """The key as pywebpush wants it."""
    from py_vapid import Vapid

    return Vapid.from_pem(pem.encode())


def subscription_key(endpoint: str) -> str:
    """Where a subscription is kept."""
    return keys.web_key(f"subscriptions/{hashlib.sha256(endpoint.encode()).hexdigest()[:40]}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
