"""The rendering process: it keeps its estimators loaded and renders one segment after the other.

It reads one `RenderRequest` per line of standard input and writes lines of JSON to standard output: `{"ready": {...}}`
once, then for each request `{"progress": {"frames": n}}` a few times a second and at last `{"result": {...}}` (a
`RenderResult`) or `{"error": {"type", "message", "hint", "code"}}` (a class of the one error tree). It ends when its
input ends, when it is asked to (SIGTERM), and with its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from pydantic_core import to_json

from stereo_inference.depth import DepthEstimator, estimator_names, estimator_of
from stereo_inference.iw3.engine import render_segment_with_iw3
from stereo_inference.iw3.installation import Installation
from stereo_inference.memory import keep_pictures, let_go_of_libraries
from stereo_inference.render import render_segment
from stereo_inference.settings import Settings
from stereo_inference.video_io.encoder_process import EncoderProcess
from stereo_inference.warm_up import load_kernels
from stereo_spot_media.sandbox import encode_error
from stereo_spot_shared.errors import InvalidMessage, RenderFailed, StereoSpotError
from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult
from stereo_spot_shared.rendering import Engine, RenderParams

PROGRESS_SECONDS = 0.25


def serve(*, threads: int, applied: tuple[str, ...]) -> None:
    """Answer requests until standard input ends. `applied` names the limits that this process runs under."""
    answers = claim_stdout()
    keep_pictures()
    stop = StopRequest()
    with EncoderProcess() as encoder:  # it starts while the kernels are loaded
        load_kernels()
        let_go_of_libraries()
        send(answers, "ready", {"pid": os.getpid(), "threads": threads, "estimators": estimator_names(), "limits": applied})
        renderer = Renderer(answers, encoder, threads, stop)
        while not stop.asked and (line := sys.stdin.buffer.readline()):
            if line.strip():
                stop.working = True
                renderer.answer(line)
                stop.working = False


class StopRequest:
    """What SIGTERM or Ctrl-C asked for: a render under way is given up, an idle process ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self.working = False
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self.working:
            sys.exit(0)


class Renderer:
    """Answers single requests."""

    def __init__(self, answers: BinaryIO, encoder: EncoderProcess, threads: int, stop: StopRequest) -> None:
        self._answers = answers
        self._encoder = encoder
        self._threads = threads
        self._stop = stop
        self._estimators: dict[tuple[str, str | None], DepthEstimator] = {}
        self._reported = 0.0

    def answer(self, line: bytes) -> None:
        """Render what one line asks for and write the outcome, whatever it is."""
        self._reported = 0.0  # the first frame of each request is told
        try:
            send(self._answers, "result", self._render(parsed(line)))
        except StereoSpotError as error:
            self._send_error(error)
        except Exception as error:  # noqa: BLE001 - the parent is told, and decides about the next attempt
            traceback.print_exc()
            self._send_error(RenderFailed(f"Rendering failed unexpectedly: {type(error).__name__}: {error}"))

    def _render(self, request: RenderRequest) -> RenderResult:
        """Have the engine that the request names render it."""
        common: dict[str, Any] = {
            "source": local_path(request.input_uri),
            "output": local_path(request.output_uri),
            "encoder": self._encoder,
            "threads": self._threads,
            "on_progress": self._report,
            "should_stop": lambda: self._stop.asked,
        }
        if request.params.engine is Engine.IW3:
            return render_segment_with_iw3(request, installation=Installation.of(Settings()), **common)
        return render_segment(request, estimator=self._estimator(request.params), **common)

    def _estimator(self, params: RenderParams) -> DepthEstimator:
        """The estimator that a job asks for; the last one stays loaded, since others would take as much memory again."""
        wanted = (params.depth, params.depth_model)
        if wanted not in self._estimators:
            self._estimators.clear()
            self._estimators[wanted] = estimator_of(params, threads=self._threads)
        return self._estimators[wanted]

    def _report(self, frames: int) -> None:
        now = time.monotonic()
        if now - self._reported >= PROGRESS_SECONDS:
            self._reported = now
            send(self._answers, "progress", RenderProgress(frames=frames))

    def _send_error(self, error: StereoSpotError) -> None:
        send(self._answers, "error", {**encode_error(error), "code": error.code})


def parsed(line: bytes) -> RenderRequest:
    """The request on one line; InvalidMessage when it is none."""
    try:
        return RenderRequest.model_validate_json(line)
    except ValidationError as error:
        raise InvalidMessage(f"This is not a render request: {error.error_count()} fields are wrong.") from error


def local_path(uri: str) -> Path:
    """The path that a `file://` URI names."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise InvalidMessage(f"A rendering process reads and writes local files only (file:///...), not {uri!r}.")
    return Path(unquote(parts.path))


def claim_stdout() -> BinaryIO:
    """Keep standard output for the answers: whatever else prints, in any library, goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def send(answers: BinaryIO, kind: str, value: Any) -> None:
    """Write one line."""
    answers.write(to_json({kind: value}) + b"\n")
    answers.flush()
