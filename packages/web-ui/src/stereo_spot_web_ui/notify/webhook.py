"""A webhook: the address of the settings is told of every job that has ended."""

from __future__ import annotations

import hashlib
import hmac

import httpx

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.api.jobs import JobView
from stereo_spot_web_ui.settings import WebSettings

TRIES = 3
TIMEOUT_SECONDS = 10.0


def call_webhook(settings: WebSettings, job: JobView) -> None:
    """POST the job as JSON, signed; a few times, where nobody answers. What goes wrong is logged, and stops nothing."""
    if settings.webhook_url is None:
        return
    body = job.model_dump_json().encode()
    headers = {
        "Content-Type": "application/json",
        "X-StereoSpot-Event": f"job.{job.status}",
        "X-StereoSpot-Delivery": f"{job.id}.{job.version}",
    }
    if settings.webhook_secret is not None:
        digest = hmac.new(settings.webhook_secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        headers["X-StereoSpot-Signature"] = f"sha256={digest}"
    transport = httpx.HTTPTransport(retries=TRIES)
    try:
        with httpx.Client(transport=transport, timeout=TIMEOUT_SECONDS) as client:
            client.post(str(settings.webhook_url), content=body, headers=headers).raise_for_status()
    except httpx.HTTPError as error:
        get_logger().warning("the webhook could not be told", job_id=job.id, error=str(error) or type(error).__name__)
