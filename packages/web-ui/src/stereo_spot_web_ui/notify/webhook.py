"""A webhook: the address of the settings is told of every job that has ended, in the form of https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version

import httpx2

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.api.jobs import JobView
from stereo_spot_shared.base import Value, utc_now
from stereo_spot_web_ui.notify.outbox import Outbox, TryLater, seconds_asked_for
from stereo_spot_web_ui.settings import WebSettings

TIMEOUT_SECONDS = 10.0


class Message(Value):
    """What the webhook gets."""

    type: str
    """`job.completed` or `job.failed`."""
    timestamp: datetime
    """When that happened."""
    data: JobView


class Webhook:
    """Tells the address of the settings, where there is one."""

    def __init__(self, settings: WebSettings) -> None:
        self._url, self._key = settings.webhook_url, settings.webhook_key
        self.outbox = Outbox()

    def tell(self, job: JobView) -> None:
        """Have it told of a job that has ended."""
        if self._url is None:
            return
        number = f"{job.id}-{job.version}"
        body = Message(type=f"job.{job.status}", timestamp=job.updated_at, data=job).model_dump_json().encode()
        self.outbox.put(f"webhook {number}", lambda: self._post(number, body))

    def _post(self, number: str, body: bytes) -> None:
        """One try. What is answered is not read: only how."""
        headers = {"Content-Type": "application/json", "User-Agent": f"StereoSpot/{version('stereo-spot-web-ui')}"}
        headers |= self.signature(number, body, int(time.time()))
        try:
            with (
                httpx2.Client(timeout=TIMEOUT_SECONDS) as client,
                client.stream("POST", str(self._url), content=body, headers=headers) as answer,
            ):
                status, asked = answer.status_code, answer.headers.get("retry-after")
        except httpx2.HTTPError as error:
            raise TryLater(str(error) or type(error).__name__) from error
        if status == HTTPStatus.GONE:
            get_logger().warning("the webhook is gone: take STEREO_SPOT_WEB_WEBHOOK_URL out of the settings", what=number)
        elif not 200 <= status < 300:
            raise TryLater(f"it answered {status}", seconds_asked_for(asked, utc_now()))

    def signature(self, number: str, body: bytes, now: int) -> dict[str, str]:
        """The headers that say which message it is, when it was sent (seconds since 1970), and, where there is a secret, who sent it."""
        headers = {"webhook-id": number, "webhook-timestamp": str(now)}
        if self._key is not None:
            digest = hmac.digest(self._key, f"{number}.{now}.".encode() + body, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return headers
