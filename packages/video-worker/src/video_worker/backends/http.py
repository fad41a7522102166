"""The `http` backend: an inference server, asked in many short requests, none of which outlasts a message's visibility."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from stereo_spot_shared.api.problem import MEDIA_TYPE, Problem
from stereo_spot_shared.errors import InferenceUnavailable, Interrupted, InvalidMessage, NotFound, RenderFailed, StereoSpotError
from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult, RenderState, RenderStatus
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES
from video_worker.settings import VideoWorkerSettings

REQUEST_SECONDS = STAGES[Stage.RENDER].visibility_seconds / 6
"""The longest that one request may take: the message stays ours however slow the server is."""
POLL_SECONDS = 1.0
LOST_SECONDS = 60.0
"""A server that has not answered for so long is given up; the segment goes back into the queue, uncounted."""


class HttpBackend:
    """Renders where `inference_url` points, on the platform that both are on. The attempt's id makes repeated requests one."""

    def __init__(self, settings: VideoWorkerSettings, storage: ObjectStorage) -> None:  # noqa: ARG002 - as every backend; the server stores
        """InferenceUnavailable where no address is set."""
        if settings.inference_url is None:
            raise InferenceUnavailable("The address of the inference server is not set.", hint="Set STEREO_SPOT_INFERENCE_URL.")
        self._url = str(settings.inference_url).rstrip("/")
        token = settings.inference_token
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}, timeout=httpx.Timeout(REQUEST_SECONDS)
        )

    def prepare(self) -> None:
        """Nothing to load here: the server loads its own."""

    def render(
        self, request: RenderRequest, *, on_progress: Callable[[RenderProgress], None], should_stop: Callable[[], bool]
    ) -> RenderResult:
        """See `InferenceBackend`. A server that is away is asked for LOST_SECONDS; one that was started anew gets the request again."""
        frames = -1
        heard = time.monotonic()
        ask = self._begin
        while True:
            try:
                status = ask(request)
                heard, ask = time.monotonic(), self._progress
            except NotFound as error:
                if ask == self._begin:
                    raise self._no_server(str(error)) from error
                ask = self._begin  # it was started anew
            except httpx.TransportError as error:
                if time.monotonic() - heard > LOST_SECONDS:
                    raise self._away(error) from error
            else:
                if status.result is not None:
                    return status.result
                if status.problem is not None:
                    raise told(status.problem)
                if status.state is RenderState.WAITING or status.frames != frames:
                    frames = status.frames
                    on_progress(RenderProgress(frames=frames))
            if should_stop():
                self._give_up(request)
                raise Interrupted("The rendering was stopped.")
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _begin(self, request: RenderRequest) -> RenderStatus:
        headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
        return self._status(self._client.post(f"{self._url}/invocations", content=request.to_json(), headers=headers))

    def _progress(self, request: RenderRequest) -> RenderStatus:
        return self._status(self._client.get(f"{self._url}/progress/{request.attempt_id}"))

    def _give_up(self, request: RenderRequest) -> None:
        """Tell the server that nobody wants it; one that does not hear it notices that nobody asks any more."""
        try:
            self._client.delete(f"{self._url}/invocations/{request.attempt_id}")
        except httpx.TransportError:
            return

    def _status(self, answer: httpx.Response) -> RenderStatus:
        """What the server says. The error of the tree that it names, InferenceUnavailable where that makes no sense."""
        try:
            if answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
                raise told(Problem.model_validate_json(answer.content))
            if answer.status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
                return RenderStatus.model_validate_json(answer.content)
        except ValidationError as error:
            raise InferenceUnavailable(
                f"The inference server at {self._url} answers what this version does not understand: {error.errors()[0]['msg']}.",
                hint="Run the same version on both sides.",
            ) from error
        raise self._no_server(f"HTTP {answer.status_code}.")

    def _no_server(self, answer: str) -> InferenceUnavailable:
        return InferenceUnavailable(
            f"What answers at {self._url} is no inference server: {answer}", hint="Check STEREO_SPOT_INFERENCE_URL."
        )

    def _away(self, error: httpx.TransportError) -> InferenceUnavailable:
        return InferenceUnavailable(
            f"The inference server at {self._url} cannot be reached: {error}.", hint="Is it running? Check STEREO_SPOT_INFERENCE_URL."
        )


def told(problem: Problem) -> StereoSpotError:
    """The error that a server's problem is for this worker."""
    error = problem.error()
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return InferenceUnavailable(f"The inference server refuses this worker: {problem.detail}", hint="Set STEREO_SPOT_INFERENCE_TOKEN.")
    if isinstance(error, InvalidMessage):
        return InferenceUnavailable(
            f"The inference server does not understand this worker: {problem.detail}",
            hint="Run the same version, and platform, on both sides.",
        )
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return InferenceUnavailable(
            f"The inference server is asked in a wrong place: {problem.detail}", hint="Check STEREO_SPOT_INFERENCE_URL."
        )
    if isinstance(error, Interrupted):
        return InferenceUnavailable(f"The inference server gave the segment up: {problem.detail}")
    if type(error) is StereoSpotError:
        return RenderFailed(problem.detail, hint=problem.hint)
    return error
