"""Headers of every answer: what a page may load and do, and that nobody frames it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
HEADERS = {
    "content-security-policy": "; ".join(ALLOWED),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), xr-spatial-tracking=(self)",
}


def policy(storage: str) -> str:
    """What a page may, where it sends videos to `storage` itself."""
    return "; ".join(f"{rule} {storage}" if rule.startswith("connect-src ") else rule for rule in ALLOWED)


class SecurityHeaders:
    """Middleware: sets HEADERS wherever an answer has not set its own. Pages may also send videos to `storage`, an origin."""

    def __init__(self, app: ASGIApp, storage: str | None) -> None:
        self._app = app
        self._headers = HEADERS if storage is None else {**HEADERS, "content-security-policy": policy(storage)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
