"""What goes wrong between here and a server, each as one sentence. The token is in none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from stereo_spot_cli.output import CommandFailed
from stereo_spot_shared.api.problem import MEDIA_TYPE, Problem

AWAY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""The same request may succeed in a moment."""
TOKEN_HINT = "put the server's token (its STEREO_SPOT_WEB_TOKEN) into the environment variable STEREO_SPOT_TOKEN"  # noqa: S105


class Unreachable(CommandFailed):
    """The server, or the way to it, is away: the same request may succeed later."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__("unreachable", message, hint=hint)


class Refused(CommandFailed):
    """What the server refuses, in its own words."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code, problem.detail, hint=problem.hint)
        self.status = problem.status


def no_stereo_spot(address: str, why: str) -> CommandFailed:
    """Something answers, but not as StereoSpot does."""
    return CommandFailed("not_stereo_spot", f"what answers at {address} is not StereoSpot ({why})", hint="check the address and the port")


@contextmanager
def speaking_to(address: str) -> Iterator[None]:
    """What HTTP itself fails at, in the `with` block, in words."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise Unreachable(f"{address} does not answer in time", hint="check the address, and whether the server runs") from error
    except httpx.ConnectError as error:
        raise unconnected(address, str(error)) from error
    except httpx.TransportError as error:
        raise Unreachable(f"the connection to {address} broke ({str(error) or type(error).__name__})") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise no_stereo_spot(address, str(error) or type(error).__name__) from error


def unconnected(address: str, why: str) -> CommandFailed:
    """No connection came about."""
    if "CERTIFICATE_VERIFY_FAILED" in why:
        hint = "if the certificate is your own, name its file in the environment variable SSL_CERT_FILE"
        return CommandFailed("certificate", f"{address} shows a certificate that this machine does not trust", hint=hint)
    if "SSL" in why:
        return CommandFailed("certificate", f"{address} speaks no HTTPS that can be understood ({why})", hint="is it http:// perhaps?")
    return Unreachable(f"{address} cannot be reached ({why})", hint="check the address, and whether the server runs")


def check(answer: httpx.Response, address: str, *, with_token: bool) -> None:
    """The reason why a request was not carried out, if it was not, as an error. The whole answer must have been read."""
    if answer.is_success:
        return
    if answer.has_redirect_location:
        elsewhere = answer.url.join(answer.headers["location"])
        place = f"{elsewhere.scheme}://{elsewhere.netloc.decode()}"
        raise CommandFailed("redirected", f"{address} sends to {place}, which is not followed", hint=f"if you trust it: --server {place}")
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        told = "does not know the token in STEREO_SPOT_TOKEN" if with_token else "wants a token"
        raise CommandFailed("sign_in", f"the server {address} {told}", hint=TOKEN_HINT)
    if answer.status_code == HTTPStatus.MISDIRECTED_REQUEST:
        hint = "add the name to the server's STEREO_SPOT_WEB_TRUSTED_HOSTS, or use its address in numbers"
        raise CommandFailed("misdirected", f"the server at {address} does not know itself by that name", hint=hint)
    problem = problem_of(answer)
    if answer.status_code in AWAY:
        raise Unreachable(f"{address} is away for the moment ({problem.detail if problem else HTTPStatus(answer.status_code).phrase})")
    if problem is not None:
        raise Refused(problem)
    if answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        hint = "have the proxy let bodies of 64 MiB pass"
        raise CommandFailed("too_large", f"something before the server {address} refuses large requests", hint=hint)
    raise no_stereo_spot(address, f"it answers with status {answer.status_code}")


def problem_of(answer: httpx.Response) -> Problem | None:
    """The problem that the server tells of, if it does."""
    if answer.headers.get("content-type", "").partition(";")[0] != MEDIA_TYPE:
        return None
    if answer.request.method == "HEAD":  # it has no content
        phrase = HTTPStatus(answer.status_code).phrase
        return Problem(
            title=phrase, status=answer.status_code, detail=f"the server answers: {phrase}", code=phrase.lower().replace(" ", "_")
        )
    try:
        return Problem.model_validate_json(answer.content, extra="ignore")
    except ValidationError:
        return None
