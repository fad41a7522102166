"""What renders a segment: while one waits for it, or somewhere, to answer by message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult

INFERENCE_ENTRY_POINTS = "stereo_spot.inference_backends"
"""Entry-point group under which a package registers a function `(ObjectStorage) -> InferenceBackend | AsynchronousBackend`."""


class InferenceBackend(Protocol):
    """Renders one segment at a time, wherever it does so."""

    def prepare(self) -> None:
        """Load ahead of the first segment what can be loaded, without waiting for it; may be left out or repeated."""

    def render(
        self,
        request: RenderRequest,
        *,
        on_progress: Callable[[RenderProgress], None],
        should_stop: Callable[[], bool],
    ) -> RenderResult:
        """Read `request.input_uri`, write `request.output_uri` whole, and say what was made.

        `on_progress` is called as often as the transport allows. When `should_stop` turns true the rendering is
        given up and Interrupted raised. UnsupportedMedia, RenderFailed and InferenceUnavailable say what went wrong.
        """

    def close(self) -> None:
        """Stop what it started (a child process, a connection)."""


@runtime_checkable
class AsynchronousBackend(Protocol):
    """Renders many segments at once, somewhere, even where nothing runs yet; what becomes of each arrives as a `SegmentRendered`."""

    @property
    def pool(self) -> str:
        """The name under which segments on their way are counted, over all workers."""

    @property
    def limit(self) -> int:
        """How many segments may be on their way at once."""

    @property
    def seconds(self) -> float:
        """For so long at most a segment may be on its way; one of which nothing was heard by then is sent again."""

    def dispatch(self, request: RenderRequest, *, failures: int) -> None:
        """Have a segment rendered, without waiting for it; `failures` comes back with the answer.

        InferenceUnavailable where it is not taken.
        """

    def close(self) -> None:
        """Close what it opened."""
