"""What renders a segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult


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
