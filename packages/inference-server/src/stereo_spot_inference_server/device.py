"""A device: a rendering process, asked by one thread, and what is known of its health."""

from __future__ import annotations

import time
from collections.abc import Callable

from stereo_spot_inference_server.render import Render
from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import InferenceUnavailable, Interrupted, PermanentError, RenderFailed, StereoSpotError
from video_worker.backends.local import LocalBackend

SICK_AFTER = 3
"""Segments in a row that failed on a device, after which the device is blamed and not the segments.

Each had a fresh process, so what is wrong will not pass: it gets nothing more until the server is started anew, unless all are sick."""


class Device:
    """One place where one segment at a time is rendered."""

    def __init__(self, name: str, backend: LocalBackend) -> None:
        self.name = name
        self.trouble: str | None = "It is being started."
        """Why nothing can be expected of it now, in a sentence; None where it is well."""
        self._backend = backend
        self._failures = 0

    def wake(self, *, should_stop: Callable[[], bool]) -> None:
        """See that its process is there and ready, after a fault a new one. Takes as long as loading takes, or until it is to stop."""
        try:
            self._backend.wake(should_stop=should_stop)
        except Interrupted as error:
            self.trouble = error.message
            return
        except StereoSpotError as error:
            self.trouble = error.message
            get_logger().error("a device cannot render", device=self.name, error=str(error), hint=error.hint)
            return
        if self._failures < SICK_AFTER:
            self.trouble = None

    def render(self, render: Render) -> None:
        """Have a request answered, whatever the answer is."""
        render.begin()
        log = get_logger().bind(job_id=render.request.job_id, attempt=render.attempt_id, segment_index=render.request.segment.index)
        began = time.monotonic()
        try:
            result = self._backend.render(render.request, on_progress=render.progress, should_stop=render.is_given_up)
        except StereoSpotError as error:
            self._note(error)
            log.warning("the segment was not rendered", code=error.code, error=str(error))
            render.fail(error)
        except Exception as error:
            self._backend.close()
            log.exception("the segment was not rendered, by a fault of the program")
            render.fail(RenderFailed(f"Rendering failed unexpectedly: {type(error).__name__}: {error}"))
        else:
            self._failures, self.trouble = 0, None
            log.info("rendered", frames=result.frames, seconds=round(time.monotonic() - began, 1))
            render.finish(result)

    def close(self) -> None:
        """Stop its process."""
        self._backend.close()

    def _note(self, error: StereoSpotError) -> None:
        """What an error says of the device's health."""
        if isinstance(error, InferenceUnavailable):
            self.trouble = error.message
        elif isinstance(error, RenderFailed):
            # With a fresh process: what is wrong with a GPU's context, or with memory that was lost, is over with the process that had it.
            self._backend.close()
            self._failures += 1
            if self._failures >= SICK_AFTER:
                self.trouble = f"{self._failures} segments in a row failed here, the last with: {error.message}"
        elif isinstance(error, PermanentError):
            self._failures = 0  # it is the segment that is at fault, and the device could tell
