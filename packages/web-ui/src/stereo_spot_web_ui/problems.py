"""What goes wrong, as `application/problem+json` (RFC 9457) for programs and as a page for people."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import (
    Conflict,
    InvalidMessage,
    MissingSource,
    NoSpaceLeft,
    NotFound,
    RetryableError,
    StereoSpotError,
    UnsupportedMedia,
)
from stereo_spot_web_ui.rendering import page, sentence

MEDIA_TYPE = "application/problem+json"

STATUS_OF: tuple[tuple[type[StereoSpotError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (MissingSource, HTTPStatus.CONFLICT),
    (UnsupportedMedia, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidMessage, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NoSpaceLeft, HTTPStatus.INSUFFICIENT_STORAGE),
    (RetryableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StereoSpotError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
"""By class; the first that fits."""


class Problem(Value):
    """What went wrong, and what to do about it."""

    title: str
    status: int
    detail: str
    code: str
    """A stable name: an error of the tree, or that of the HTTP status."""
    hint: str | None = None


class Refused(StereoSpotError):
    """A request that cannot be carried out as it is; `status` is the answer's."""

    code = "refused"

    def __init__(self, message: str, *, status: HTTPStatus, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = code or status.name.lower()


RESPONSES: dict[int | str, dict[str, object]] = {
    status.value: {"description": status.phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.INSUFFICIENT_STORAGE,
    )
}
"""What any operation of the API may answer besides what it is for."""


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem."""
    app.add_exception_handler(StereoSpotError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, answer_fault)


def problem_of(error: StereoSpotError) -> Problem:
    """An error of the tree as a problem."""
    if isinstance(error, Refused):
        status, code = error.status, error.reason
    else:
        status, code = next(status for kind, status in STATUS_OF if isinstance(error, kind)), error.code
    return Problem(title=status.phrase, status=status, detail=sentence(error.message), code=code, hint=error.hint and sentence(error.hint))


def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem in the form that whoever asked can use."""
    if wants_page(request):
        return page(request, "problem.html", {"problem": problem}, status=problem.status)
    return JSONResponse(problem.model_dump(mode="json", exclude_none=True), problem.status, headers=headers, media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Whether a person's browser goes to a page, rather than a program asking."""
    accepts = request.headers.get("accept", "")
    return not request.url.path.startswith("/api/") and "text/html" in accepts and "hx-request" not in request.headers


async def answer_error(request: Request, error: Exception) -> Response:
    """An error of the tree."""
    assert isinstance(error, StereoSpotError)  # noqa: S101 - it is registered for no other
    return answer(request, problem_of(error), {"Retry-After": "5"} if isinstance(error, RetryableError) else None)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """A request that does not fit its model: the first thing that is wrong with it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path", "header"})
    told = str(first["msg"]).removeprefix("Value error, ")
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    detail = f"`{place}`: {sentence(told)}" if place else sentence(told)
    return answer(request, Problem(title=status.phrase, status=status, detail=detail, code="invalid"))


async def answer_http(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    told = "There is no such page." if status is HTTPStatus.NOT_FOUND else sentence(str(error.detail or status.phrase))
    return answer(request, Problem(title=status.phrase, status=status, detail=told, code=status.name.lower()), dict(error.headers or {}))


async def answer_fault(request: Request, error: Exception) -> Response:
    """A fault of ours: the log knows more than whoever asked."""
    get_logger().error("a request failed by a fault of the program", path=request.url.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    told = "Something went wrong here; the server's log says what."
    return answer(request, Problem(title=status.phrase, status=status, detail=told, code="internal"))
