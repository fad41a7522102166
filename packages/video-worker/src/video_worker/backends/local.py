"""The `local` backend: a child process that keeps its model loaded and is killed when it does not move."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_shared import keys
from stereo_spot_shared.errors import InvalidMessage, NotFound, RenderFailed
from stereo_spot_shared.inference import RenderProgress, RenderRequest, RenderResult
from stereo_spot_shared.interfaces import ObjectStorage
from video_worker.backends.rendering_process import RenderingProcess
from video_worker.settings import VideoWorkerSettings, inference_environment


class LocalBackend:
    """Renders on this machine, one segment at a time; not to be shared between threads."""

    def __init__(self, settings: VideoWorkerSettings, storage: ObjectStorage, *, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is added to what the child process is given."""
        self._settings = settings
        self._storage = storage
        self._environment = environment or {}
        self._process: RenderingProcess | None = None

    def prepare(self) -> None:
        """Start the child process; it loads while the worker waits for work."""
        self._living_process()

    def wake(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Start the child process and wait until it can render. InferenceUnavailable where it cannot be had, Interrupted as told."""
        self._living_process().wait_until_ready(should_stop)

    def render(
        self,
        request: RenderRequest,
        *,
        on_progress: Callable[[RenderProgress], None],
        should_stop: Callable[[], bool],
    ) -> RenderResult:
        """See `InferenceBackend`. The answer is stored before the object, so that either is found with the other."""
        source = self._key(request, request.input_uri)
        output = self._key(request, request.output_uri)
        with attempt_directory(self._settings.scratch_dir) as scratch:
            here = self._stage_in(request, source, scratch)
            result = self._living_process().render(here, on_progress=on_progress, should_stop=should_stop)
            self._storage.put_bytes(result.to_json(), keys.answer_key(request.job_id, request.segment.index, request.attempt_id))
            self._storage.put_file(scratch / "rendered.nut", output)
        return result

    def close(self) -> None:
        """Stop the child process."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _living_process(self) -> RenderingProcess:
        if self._process is not None and not self._process.alive():
            self.close()
        if self._process is None:
            self._process = RenderingProcess(
                self._settings.inference_command,
                environment={**inference_environment(), **self._environment},
                stall_seconds=self._settings.inference_stall_seconds,
            )
        return self._process

    def _key(self, request: RenderRequest, uri: str) -> str:
        """The key of an object that the request names by its URI on this platform."""
        _, prefix, rest = urlsplit(uri).path.rpartition(keys.job_prefix(request.job_id))
        with contextlib.suppress(ValueError):  # what is no key at all
            if prefix and self._storage.uri(prefix + rest) == uri:
                return prefix + rest
        raise InvalidMessage(f"{uri} is not an object of job {request.job_id} on this platform.")

    def _stage_in(self, request: RenderRequest, source: str, scratch: Path) -> RenderRequest:
        """Put the segment into the scratch folder; returns the request with its paths there."""
        try:
            info = self._storage.get_file(source, scratch / Path(source).name)
            require_free(scratch, 3 * info.size, f"rendering segment {request.segment.index}")
        except NotFound as error:
            raise RenderFailed(
                f"The source of segment {request.segment.index} is no longer in storage.", hint="Submit the video again."
            ) from error
        places = {"input_uri": (scratch / Path(source).name).as_uri(), "output_uri": (scratch / "rendered.nut").as_uri()}
        return request.model_copy(update=places)
