"""Where segments are rendered: one name, one way to open a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stereo_spot_shared.errors import InferenceUnavailable
from stereo_spot_shared.interfaces import InferenceBackend, ObjectStorage
from video_worker.backends.http import HttpBackend
from video_worker.backends.local import LocalBackend
from video_worker.settings import VideoWorkerSettings

BACKENDS: Mapping[str, Callable[[VideoWorkerSettings, ObjectStorage], InferenceBackend]] = {
    "http": HttpBackend,
    "local": LocalBackend,
}


def open_backend(settings: VideoWorkerSettings, storage: ObjectStorage) -> InferenceBackend:
    """The backend that the settings name. InferenceUnavailable, listing those there are, for an unknown name."""
    try:
        factory = BACKENDS[settings.inference_backend]
    except KeyError:
        known = ", ".join(sorted(BACKENDS))
        raise InferenceUnavailable(
            f"There is no inference backend {settings.inference_backend!r}; there are: {known}.",
            hint="Set STEREO_SPOT_INFERENCE_BACKEND to one of them and start the worker again.",
        ) from None
    return factory(settings, storage)
