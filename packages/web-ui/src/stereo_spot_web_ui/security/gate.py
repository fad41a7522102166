"""Who is let in, and whose requests to change something are believed.

Let in: whoever signed in (the session's cookie), programs with the token, players with a link's key, and everybody where no sign-in is
configured (the address is then this machine's own). A change asked for by a browser must come from our own pages: its Origin must be
this server, and it carries the session's token in a header, which another site can neither read nor set.
"""

from __future__ import annotations

import hmac
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_web_ui.problems import answer, problem_of, wants_page
from stereo_spot_web_ui.security.links import PARAMETER, Links
from stereo_spot_web_ui.security.sessions import Sessions
from stereo_spot_web_ui.settings import WebSettings

if TYPE_CHECKING:
    from stereo_spot_web_ui.security.sign_in import Attempts

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = ("/static/", "/sign-in", "/health", "/deovr", "/heresphere", "/service-worker.js", "/manifest.webmanifest")
"""What may be asked without a sign-in. The headsets' own sign-in is in their messages."""
UNFORGEABLE = ("/deovr", "/heresphere")
"""POSTs that change nothing."""
CSRF_HEADER = "x-csrf-token"
TOKEN_WANTED = "Sign in first, or send the token as `Authorization: Bearer …`."  # noqa: S105 - a sentence


class Gate:
    """Middleware behind the session's."""

    def __init__(self, app: ASGIApp, settings: WebSettings, links: Links, sessions: Sessions, attempts: Attempts) -> None:
        self._app, self._settings, self._links = app, settings, links
        self._sessions, self._attempts = sessions, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            refusal = await self._refusal(request)
        except StereoSpotError as error:
            refusal = answer(request, problem_of(error))
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """What to answer instead; None where the request may pass."""
        path, bears_token = str(request.scope["path"]), self._bears_token(request)
        if request.method not in SAFE and not bears_token and not path.startswith(UNFORGEABLE) and not self._is_ours(request):
            if not is_by_browser(request):
                return refuse(request, HTTPStatus.UNAUTHORIZED, "sign_in", TOKEN_WANTED)
            told = "This change was not asked for by a page of this server, or that page is too old: load it again."
            return refuse(request, HTTPStatus.FORBIDDEN, "forged", told)
        if not self._settings.signs_in or bears_token or path.startswith(OPEN) or await self._sessions.holds(request):
            return None
        if request.method in SAFE and self._links.opens(path, request.query_params.get(PARAMETER)):
            return None
        if wants_page(request) and request.method == "GET":
            query = request.url.query
            wanted = f"{path}?{query}" if query else path
            return RedirectResponse(f"/sign-in?next={quote(wanted)}" if wanted != "/" else "/sign-in", 303)
        return refuse(request, HTTPStatus.UNAUTHORIZED, "sign_in", TOKEN_WANTED)

    def _bears_token(self, request: Request) -> bool:
        """Whether the request has the token. A wrong one is counted; Refused (429) after too many."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        token = self._settings.token
        if token is None or kind.lower() != "bearer":
            return False
        return self._attempts.token(request, right=same(given.strip(), token.get_secret_value()))

    def _is_ours(self, request: Request) -> bool:
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if not is_by_browser(request):
            return not self._settings.signs_in  # a program on this machine
        if site not in {None, "same-origin"} or (origin is not None and not self._is_here(request, origin)):
            return False
        if request.url.path == "/sign-in":
            return origin is not None
        expected: str = request.session.get("csrf", "")
        return bool(expected) and same(request.headers.get(CSRF_HEADER, ""), expected)

    def _is_here(self, request: Request, origin: str) -> bool:
        """Whether an Origin is this server, as the browser or a proxy before us knows it."""
        own = {request.headers.get("host", "").lower()}
        if (base := self._settings.base_url) is not None:
            own.add(urlsplit(str(base)).netloc.lower())
        return urlsplit(origin).netloc.lower() in own


def is_by_browser(request: Request) -> bool:
    """Whether it may be a browser that asks, on behalf of whatever page is open in it."""
    return "origin" in request.headers or "sec-fetch-site" in request.headers or bool(request.session)


def refuse(request: Request, status: HTTPStatus, code: str, told: str) -> Response:
    """A refusal as a problem."""
    return answer(request, Problem(title=status.phrase, status=status, detail=told, code=code))


def same(given: str, expected: str) -> bool:
    """Compare secrets in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), expected.encode())


def csrf_token(request: Request) -> str:
    """The session's token, which our pages send with every change."""
    token: str = request.session.setdefault("csrf", secrets.token_urlsafe(24))
    return token
