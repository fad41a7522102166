"""Signing in with the password, and out again; tries are counted, so that nobody guesses."""

from __future__ import annotations

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


class Attempts:
    """Counts tries to sign in, by address and in all, over the last minute. Kept in memory: a restart forgives."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, request: Request) -> None:
        """Count one; Refused (429) where there were too many."""
        address = request.client.host if request.client else "?"
        if not (self._limiter.hit(PER_ADDRESS, "address", address) and self._limiter.hit(IN_ALL, "all")):
            raise Refused("There were too many tries to sign in.", status=HTTPStatus.TOO_MANY_REQUESTS, hint="Wait a minute.")


def password_is(request: Request, given: str) -> bool:
    """Whether it is the password; the try is counted."""
    web = web_of(request)
    web.attempts.check(request)
    password = web.settings.password
    return password is not None and same(given, password.get_secret_value())


@router.get("/sign-in")
def show(request: Request) -> Response:
    """The form."""
    return form(request, request.query_params.get("next", ""))


@router.post("/sign-in")
def sign_in(request: Request, password: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "") -> Response:  # noqa: A002 - the field's name
    """Let a person in."""
    if not password_is(request, password):
        return form(request, next, wrong=True)
    let_in(request, "password")
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
    request.session.clear()
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": "/sign-in"})


def let_in(request: Request, user: str) -> None:
    """Begin a session anew, so that none that somebody else knows goes on."""
    request.session.clear()
    request.session["user"] = user


def own_path(path: str) -> str:
    """A path of this server to go on to; "" for anything that might lead elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else ""
