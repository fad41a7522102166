"""A request that the server has taken, and what became of it."""

from __future__ import annotations

import threading
import time

from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.errors import Interrupted, StereoSpotError
from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult, RenderState, RenderStatus


class Render:
    """One attempt at one segment. The thread of a device moves it on, those of callers ask after it."""

    def __init__(self, request: RenderRequest) -> None:
        self.request = request
        self.attempt_id = request.attempt_id
        self.asked_at = time.monotonic()
        self.ended_at: float | None = None
        self.error: StereoSpotError | None = None
        self._state = RenderState.WAITING
        self._frames = 0
        self._result: RenderResult | None = None
        self._given_up = threading.Event()
        self._ended = threading.Event()

    def begin(self) -> None:
        """A device takes it."""
        self._state = RenderState.RENDERING

    def progress(self, progress: RenderProgress) -> None:
        """So far it has come."""
        self._frames = progress.frames

    def finish(self, result: RenderResult) -> None:
        """It is rendered, and its object is stored."""
        self._result = result
        self._end(RenderState.DONE)

    def fail(self, error: StereoSpotError) -> None:
        """It will not be rendered."""
        self.error = error
        self._end(RenderState.FAILED)

    def give_up(self) -> None:
        """Nobody wants it any more."""
        self._given_up.set()

    def is_given_up(self) -> bool:
        """Whether nobody wants it any more."""
        return self._given_up.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come. Who waits wants it."""
        self.asked_at = time.monotonic()
        return self._ended.wait(seconds)

    def status(self) -> RenderStatus:
        """What is known now; who asks wants it."""
        self.asked_at = time.monotonic()
        return RenderStatus(
            attempt_id=self.attempt_id,
            state=self._state,
            frames=self._frames,
            total=len(self.request.segment.core),
            result=self._result,
            problem=Problem.of(self.error) if self.error else None,
        )

    def _end(self, state: RenderState) -> None:
        self._state = state
        self.ended_at = time.monotonic()
        self._ended.set()


def given_up(render: Render) -> Interrupted:
    """The outcome of a request that nobody waited for."""
    return Interrupted(f"The attempt {render.attempt_id} was given up: nobody asked after it any more, or somebody asked to stop it.")
