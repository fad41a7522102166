"""By which names this server may be asked. Another site's name that leads here (DNS rebinding) is refused."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from stereo_spot_web_ui.settings import LOOPBACK_NAMES, WebSettings


class TrustedHosts:
    """Middleware: answers only requests whose Host is an address or a name that the settings, or this machine, know."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        own = socket.gethostname().lower()
        self._names = {*LOOPBACK_NAMES, settings.host.lower(), *(name.lower() for name in settings.trusted_hosts)}
        if not settings.is_loopback:
            self._names |= {own, f"{own.partition('.')[0]}.local"}
        if settings.base_url is not None and settings.base_url.host:
            self._names.add(settings.base_url.host.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.trusts(Headers(scope=scope).get("host", "")):
            await PlainTextResponse("This server does not know itself by that name.\n", 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def trusts(self, host: str) -> bool:
        """Whether a Host header names this server. An address always does: rebinding needs a name."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or is_address(name)


def is_address(name: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
