"""Where segments are rendered: one name, one way to open a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from stereo_spot_shared.errors import InferenceUnavailable
from stereo_spot_shared.interfaces import AsynchronousBackend, InferenceBackend, ObjectStorage
from stereo_spot_shared.interfaces.inference_backend import INFERENCE_ENTRY_POINTS
from video_worker.backends.http import HttpBackend
from video_worker.backends.local import LocalBackend
from video_worker.settings import VideoWorkerSettings

BACKENDS: Mapping[str, Callable[[VideoWorkerSettings, ObjectStorage], InferenceBackend]] = {
    "http": HttpBackend,
    "local": LocalBackend,
}


def open_backend(settings: VideoWorkerSettings, storage: ObjectStorage) -> InferenceBackend | AsynchronousBackend:
    """The backend that the settings name, ours or one that a package brings. InferenceUnavailable, listing all, for an unknown name."""
    name = settings.inference_backend
    if name in BACKENDS:
        return BACKENDS[name](settings, storage)
    brought = {entry.name: entry for entry in entry_points(group=INFERENCE_ENTRY_POINTS)}
    if name not in brought:
        known = ", ".join(sorted((*BACKENDS, *brought)))
        raise InferenceUnavailable(
            f"There is no inference backend {name!r}; there are: {known}.",
            hint="Set STEREO_SPOT_INFERENCE_BACKEND to one of them and start the worker again.",
        )
    backend: InferenceBackend | AsynchronousBackend = brought[name].load()(storage)
    return backend
