"""The rendering child process: started once, asked line by line, killed when it is stuck or no longer wanted."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from stereo_spot_media.sandbox import cause_of_death
from stereo_spot_shared.errors import (
    InferenceUnavailable,
    Interrupted,
    RenderFailed,
    StereoSpotError,
    all_error_types,
)
from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_POLL_SECONDS = 0.1
_KEPT_LINES = 40
_STOPPED_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class RenderingProcess:
    """One child that answers requests, one at a time.

    It reads a RenderRequest per line on its standard input and answers in lines of JSON: `{"ready": …}` once, then for each
    request any number of `{"progress": …}` and one `{"result": …}` or `{"error": …}`. What it writes to standard error
    goes to the log. It must be used by one thread at a time, and the thread that starts it must live as long as the child.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], stall_seconds: float) -> None:
        """Start it. InferenceUnavailable where the command does not exist."""
        self._stall_seconds = stall_seconds
        self._complaints: deque[str] = deque(maxlen=_KEPT_LINES)
        self._pending = b""
        self._ready = False
        try:
            self._child = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in a terminal is for the worker, which then stops the child
            )
        except OSError as error:
            raise InferenceUnavailable(
                f"The rendering process could not be started: {error}.", hint="Check STEREO_SPOT_INFERENCE_COMMAND."
            ) from error
        self._reader = threading.Thread(target=self._read_complaints, name="rendering-stderr", daemon=True)
        self._reader.start()

    def alive(self) -> bool:
        """Whether it can be asked once more."""
        return self._child.poll() is None

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self._child.kill()
        self._child.wait()
        self._reader.join()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def wait_until_ready(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until it has loaded. InferenceUnavailable where it ends before, Interrupted where `should_stop` says so; it is gone then."""
        try:
            self._await_ready(self._messages(should_stop))
        except BaseException:
            self.kill()
            raise

    def render(
        self, request: RenderRequest, *, on_progress: Callable[[RenderProgress], None], should_stop: Callable[[], bool]
    ) -> RenderResult:
        """Have one request answered; an error of the tree that is the answer is raised as itself.

        RenderFailed where the child dies of the request or makes no progress, InferenceUnavailable where it ends before
        it was ready, Interrupted where `should_stop` turns true. After each of these it is gone.
        """
        try:
            answer = self._ask(request, on_progress, should_stop)
        except ValidationError as error:
            self.kill()
            raise RenderFailed(f"The rendering process answered what nobody understands: {error}") from error
        except BaseException:
            self.kill()
            raise
        if isinstance(answer, StereoSpotError):
            raise answer
        return answer

    def _ask(
        self, request: RenderRequest, on_progress: Callable[[RenderProgress], None], should_stop: Callable[[], bool]
    ) -> RenderResult | StereoSpotError:
        """The child's answer."""
        messages = self._messages(should_stop)
        self._await_ready(messages)
        self._send(request.to_json() + b"\n")
        for message in messages:
            if "progress" in message:
                on_progress(RenderProgress.model_validate(message["progress"]))
            elif "error" in message:
                return _decode_error(message["error"])
            elif "result" in message:
                return RenderResult.model_validate(message["result"])
        raise AssertionError("messages end by an error only")

    def _await_ready(self, messages: Iterator[dict[str, Any]]) -> None:
        while not self._ready:
            self._ready = "ready" in next(messages)

    def _send(self, line: bytes) -> None:
        pipe = self._child.stdin
        assert pipe is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(BrokenPipeError):  # a dead child is noticed where its answer is awaited
            pipe.write(line)
            pipe.flush()

    def _messages(self, should_stop: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """What the child says, decoded; ends by an error only."""
        pipe = self._child.stdout
        assert pipe is not None  # noqa: S101 - it was asked for
        heard = time.monotonic()
        while True:
            if should_stop():
                raise Interrupted("The rendering was stopped.")
            if select.select([pipe], [], [], _POLL_SECONDS)[0]:
                data = os.read(pipe.fileno(), 1 << 16)
                if not data:
                    raise self._death()
                heard = time.monotonic()
                *lines, self._pending = (self._pending + data).split(b"\n")
                for line in lines:
                    yield self._decode(line)
                    heard = time.monotonic()  # what the receiver did with it is not the child's time
            elif time.monotonic() - heard > self._stall_seconds:
                raise RenderFailed(
                    f"The rendering process made no progress for {self._stall_seconds:g} seconds and was killed.",
                    hint="The segment may be damaged, or the machine is far too slow for it.",
                )

    def _decode(self, line: bytes) -> dict[str, Any]:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not message.keys() & {"ready", "progress", "result", "error"}:
            raise RenderFailed(f"The rendering process answered what nobody understands: {line[:200]!r}.")
        return message

    def _death(self) -> StereoSpotError:
        """The error for a child that closed its side without an answer."""
        status = self._child.wait()
        self._reader.join()
        if -status in _STOPPED_FROM_OUTSIDE:
            return Interrupted("The rendering process was asked to stop.")
        cause = cause_of_death(status)
        error: StereoSpotError
        if self._ready:
            error = RenderFailed(f"The rendering process {cause}.", hint="The worker's log shows its last words.")
        else:
            error = InferenceUnavailable(
                f"The rendering process {cause} before it was ready.", hint="Is stereo-inference installed? See the worker's log."
            )
        error.add_note("\n".join(self._complaints))
        return error

    def _read_complaints(self) -> None:
        pipe = self._child.stderr
        assert pipe is not None  # noqa: S101 - it was asked for
        for line in pipe:
            text = line.decode(errors="replace").rstrip()
            self._complaints.append(text)
            log.info("rendering_process", said=text)


def _decode_error(encoded: dict[str, Any]) -> StereoSpotError:
    """The error that the child named, as an instance of the same class; of an unknown class it counts as RenderFailed."""
    kind = all_error_types().get(str(encoded.get("type")), RenderFailed)
    return kind(str(encoded.get("message")), hint=encoded.get("hint"))
