"""How much a request may bring along. Uploads count for themselves; everything else is short, and may come from strangers."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1 << 20
UPLOADS = "/api/v1/uploads/"


class Bodies:
    """Middleware: of a longer body no more is read (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"] == "PATCH" and scope["path"].startswith(UPLOADS)):
            await self._app(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may have {MOST_BYTES} bytes here, and no more.")
            return message

        await self._app(scope, counted, send)
