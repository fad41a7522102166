"""Signing in with the password, and out again; tries that fail are counted, so that nobody guesses."""

from __future__ import annotations

import ipaddress
import threading
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.problems import Refused
from stereo_spot_web_ui.rendering import page
from stereo_spot_web_ui.security.gate import same

router = APIRouter(include_in_schema=False)

PER_ADDRESS = RateLimitItemPerMinute(8)
IN_ALL = RateLimitItemPerMinute(60)


MOST_CHARACTERS = 1000
NETWORK_BITS = 64
"""Of an IPv6 address: the rest is whatever its owner likes."""


class Attempts:
    """Counts wrong passwords and tokens, by address and in all, over the last minute. Kept in memory: a restart forgives."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()

    def password(self, request: Request, *, right: bool) -> bool:
        """`right`; Refused (429), right or not, where there were too many wrong ones."""
        return self._tried(right, (PER_ADDRESS, "password", network_of(request)), (IN_ALL, "password"))

    def token(self, request: Request, *, right: bool) -> bool:
        """The same for programs. Not in all: strangers must not be able to lock them out."""
        return self._tried(right, (PER_ADDRESS, "token", network_of(request)))

    def _tried(self, right: bool, *limits: tuple[RateLimitItemPerMinute | str, ...]) -> bool:
        with self._lock:  # between looking and counting nobody else may look
            if not all(self._limiter.test(*limit) for limit in limits):  # type: ignore[arg-type]  # the item, then what it is for
                raise Refused("There were too many tries to sign in.", status=HTTPStatus.TOO_MANY_REQUESTS, hint="Wait a minute.")
            if not right:
                for limit in limits:
                    self._limiter.hit(*limit)  # type: ignore[arg-type]
        return right


def network_of(request: Request) -> str:
    """Whom a try is counted for: an IPv4 address, or the network of an IPv6 address."""
    host = request.client.host if request.client else "?"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), NETWORK_BITS), strict=False))


def password_is(request: Request, given: str) -> bool:
    """Whether it is the password; a wrong one is counted. Refused (429) after too many."""
    web = web_of(request)
    password = web.settings.password
    return web.attempts.password(request, right=password is not None and same(given, password.get_secret_value()))


@router.get("/sign-in")
def show(request: Request) -> Response:
    """The form."""
    return form(request, request.query_params.get("next", ""))


@router.post("/sign-in")
def sign_in(request: Request, password: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "") -> Response:  # noqa: A002 - the field's name
    """Let a person in."""
    if not password_is(request, password):
        return form(request, next, wrong=True)
    web_of(request).sessions.begin_by_password(request)
    return RedirectResponse(own_path(next) or "/", 303)


def form(request: Request, wanted: str, *, wrong: bool = False) -> Response:
    """The page, with the ways to sign in that there are."""
    settings = web_of(request).settings
    values = {"next": own_path(wanted), "by_password": settings.password is not None, "by_oidc": settings.oidc_issuer is not None}
    if wrong:
        return page(request, "sign_in.html", {**values, "wrong": True}, status=HTTPStatus.UNAUTHORIZED)
    return page(request, "sign_in.html", values)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget who it was."""
    web_of(request).sessions.end(request)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": "/sign-in"})


def own_path(path: str) -> str:
    """A path of this server to go on to; "" for anything that might lead elsewhere, or is longer than a cookie has room for."""
    leads_here = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if leads_here and len(path) <= MOST_CHARACTERS else ""
