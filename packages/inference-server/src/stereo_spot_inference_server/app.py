"""The application: `GET /ping`, `POST /invocations`, `GET /progress/{id}`, as SageMaker's container contract has the first two.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from stereo_spot_inference_server.render import Render
from stereo_spot_inference_server.renders import Renders
from stereo_spot_inference_server.settings import ServerSettings
from stereo_spot_shared.api.problem import MEDIA_TYPE, Problem, sentence
from stereo_spot_shared.errors import InferenceUnavailable, InvalidMessage, RetryableError, StereoSpotError
from stereo_spot_shared.inference import RenderRequest, RenderStatus

RETRY_SECONDS = 5
LOOK_SECONDS = 0.5
MAX_WAIT_SECONDS = 30.0

router = APIRouter()


def create_app(renders: Renders, settings: ServerSettings) -> FastAPI:
    """The application around `renders`, which it starts and closes."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        renders.start()
        yield
        await anyio.to_thread.run_sync(renders.close)

    app = FastAPI(
        title="StereoSpot inference",
        version=version("stereo-spot-inference-server"),
        docs_url=None,
        redoc_url=None,
        lifespan=running,
    )
    app.state.renders, app.state.token = renders, settings.token
    app.add_exception_handler(StereoSpotError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.include_router(router)
    return app


async def is_allowed(request: Request, authorization: Annotated[str, Header()] = "") -> None:
    """Whether the caller has the token, where there is one."""
    token = request.app.state.token
    if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token.get_secret_value()}".encode()):
        raise NotAllowed("The token is missing or wrong.", hint="Send it as `Authorization: Bearer …`.")


class NotAllowed(StereoSpotError):
    """Somebody who has not the token."""

    code = "not_allowed"


Allowed = Depends(is_allowed)


@router.get("/ping", responses={503: {"description": "It cannot render now."}})
async def ping(request: Request) -> dict[str, list[str]]:
    """Whether the server can render; 503 while a model is loaded, and when a process, a model or a GPU is out of order."""
    renders: Renders = request.app.state.renders
    if (trouble := renders.trouble()) is not None:
        raise InferenceUnavailable(trouble)
    return {"sick": renders.sick()}


@router.post("/invocations", dependencies=[Allowed], responses={202: {"model": RenderStatus, "description": "It is not rendered yet."}})
async def invoke(request: Request, wanted: RenderRequest, prefer: Annotated[str, Header()] = "") -> Response:
    """Render a segment. A request with the same `attempt_id` is the same request: it is rendered once, however often it comes.

    With the header `Prefer: respond-async, wait=N` (RFC 7240) the answer comes after N seconds at most, as 202 where the segment is not
    rendered by then: ask again, or at `/progress/{attempt_id}`. Without it the answer comes when the segment is rendered.
    """
    renders: Renders = request.app.state.renders
    render = renders.submit(wanted)
    await until_ended(render, request, patience_of(prefer))
    return answer(render)


@router.get("/progress/{attempt_id}", dependencies=[Allowed])
async def progress(request: Request, attempt_id: str) -> RenderStatus:
    """How far a request is, and what became of it. Asking keeps it alive."""
    renders: Renders = request.app.state.renders
    return renders.find(attempt_id).status()


@router.delete("/invocations/{attempt_id}", dependencies=[Allowed], status_code=HTTPStatus.NO_CONTENT)
async def give_up(request: Request, attempt_id: str) -> None:
    """Stop a request that nobody wants any more."""
    renders: Renders = request.app.state.renders
    renders.find(attempt_id).give_up()


def patience_of(prefer: str) -> float | None:
    """Seconds to wait, by a Prefer header; None: as long as it takes."""
    if "respond-async" not in prefer:
        return None
    wait = re.search(r"\bwait=(\d{1,6})\b", prefer)
    return min(MAX_WAIT_SECONDS, float(wait[1])) if wait else 0.0


async def until_ended(render: Render, request: Request, patience: float | None) -> None:
    """Wait for a request's end, for `patience` seconds; where its caller hangs up before, it is left to who else asks after it."""
    deadline = None if patience is None else anyio.current_time() + patience
    while True:
        left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - anyio.current_time())
        if await anyio.to_thread.run_sync(partial(render.wait, max(0.0, left))) or left <= 0 or await request.is_disconnected():
            return


def answer(render: Render) -> Response:
    """What is known of a request: 200 when it is rendered, 202 while it is not, else the problem."""
    if render.error is not None:
        raise render.error
    status = render.status()
    code = HTTPStatus.OK if status.result is not None else HTTPStatus.ACCEPTED
    headers = {} if status.result is not None else {"Location": f"/progress/{render.attempt_id}", "Retry-After": "1"}
    return JSONResponse(status.model_dump(mode="json", exclude_none=True), code, headers=headers)


async def answer_error(_: Request, error: Exception) -> Response:
    """An error of the tree as a problem."""
    assert isinstance(error, StereoSpotError)  # noqa: S101 - it is registered for no other
    problem = Problem.of(error)
    if isinstance(error, NotAllowed):
        problem = problem.model_copy(update={"status": HTTPStatus.UNAUTHORIZED, "title": HTTPStatus.UNAUTHORIZED.phrase})
    return response(problem, {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, RetryableError) else {})


async def answer_invalid(request: Request, error: Exception) -> Response:
    """A body that is no request of this version."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return await answer_error(request, InvalidMessage(f"This is not a render request: {place}: {first['msg']}"))


async def answer_http(_: Request, error: Exception) -> Response:
    """What the framework refuses by itself: another method, another address, a body that is no JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    code = InvalidMessage.code if status is HTTPStatus.BAD_REQUEST else status.name.lower()
    return response(Problem(title=status.phrase, status=status, detail=sentence(str(error.detail)), code=code), dict(error.headers or {}))


def response(problem: Problem, headers: dict[str, str]) -> Response:
    """The problem as an answer."""
    return JSONResponse(problem.model_dump(mode="json", exclude_none=True), problem.status, headers=headers, media_type=MEDIA_TYPE)
