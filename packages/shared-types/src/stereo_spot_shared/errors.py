"""The one tree of errors.

StereoSpotError
├── RetryableError          the platform's fault: try the same thing again later
│   ├── StorageUnavailable
│   ├── StoreUnavailable
│   ├── QueueUnavailable
│   ├── InferenceUnavailable
│   ├── NoSpaceLeft
│   ├── Waiting             nothing failed: the work goes on elsewhere, look again later
│   ├── UnknownSchema       written by a newer version: left for a worker that knows it
│   └── Interrupted         the process was asked to stop; the work is handed back
├── PermanentError          the same input fails again: tell a person
│   ├── UnsupportedMedia
│   ├── MissingSource
│   ├── SourceChanged
│   ├── SourceRefused
│   ├── SourceUnreachable   may pass: counted, like RenderFailed
│   ├── InvalidMessage
│   ├── EngineUnavailable
│   ├── ModelMissing
│   ├── ModelUnsuitable
│   ├── RenderFailed
│   └── VerificationFailed
├── NotFound
└── Conflict                somebody else was first

Vendor errors (SQLite, botocore, FFmpeg, OSError) are translated into this tree where they arise: in an
adapter, in the media library, in a backend. Above that border nothing else is caught.
"""

from __future__ import annotations

from typing import ClassVar


class StereoSpotError(Exception):
    """Base of all errors.

    `str(error)` is one sentence saying what happened; `hint`, where there is one, says what to do about it.
    `code` is the stable name that a job's failure, the API and the logs carry.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RetryableError(StereoSpotError):
    """Something outside the work failed; the same attempt may succeed later and is not counted against it."""

    code = "unavailable"


class StorageUnavailable(RetryableError):
    """Object storage does not answer, or only in part."""

    code = "storage_unavailable"


class StoreUnavailable(RetryableError):
    """The job, completion or activity store does not answer (busy, throttled, away)."""

    code = "store_unavailable"


class QueueUnavailable(RetryableError):
    """The queue does not answer."""

    code = "queue_unavailable"


class InferenceUnavailable(RetryableError):
    """No inference backend is there to render, or it is overloaded."""

    code = "inference_unavailable"


class NoSpaceLeft(RetryableError):
    """A disk or a quota is full: the work waits until there is room."""

    code = "no_space_left"


class Waiting(RetryableError):
    """Nothing failed: the work goes on somewhere else, or waits for its turn. It is to be looked at again after `seconds`."""

    code = "waiting"

    def __init__(self, message: str, *, hint: str | None = None, seconds: float = 60.0) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class UnknownSchema(RetryableError):
    """A message or an object was written by a newer version; it is released for a worker that knows it."""

    code = "unknown_schema"


class Interrupted(RetryableError):
    """The process was asked to stop (SIGTERM, Ctrl-C, a Spot notice); what it held goes back to the queue."""

    code = "interrupted"


class PermanentError(StereoSpotError):
    """The same input fails every time: the job is failed with this sentence."""

    code = "permanent"


class UnsupportedMedia(PermanentError):
    """The file is not a video that can be converted (not media, damaged, forbidden format, beyond a limit)."""

    code = "unsupported_media"


class MissingSource(PermanentError):
    """The source object is not in storage."""

    code = "missing_source"


class SourceChanged(PermanentError):
    """The source object is no longer the one that the job was planned for (its etag differs)."""

    code = "source_changed"


class SourceRefused(PermanentError):
    """A URL that is not to be fetched, or whose server does not give a video that may be taken in."""

    code = "source_refused"


class SourceUnreachable(PermanentError):
    """A URL's server does not answer, or breaks off. Counted: it becomes the job's failure when the attempts are used up."""

    code = "source_unreachable"


class InvalidMessage(PermanentError):
    """A message that no version of this system wrote."""

    code = "invalid_message"


class EngineUnavailable(PermanentError):
    """The engine that a job asks for is not on this machine, or not the one that it should be."""

    code = "engine_unavailable"


class ModelMissing(PermanentError):
    """The depth model that a job asks for is not on this machine, or not the file that it should be."""

    code = "model_missing"


class ModelUnsuitable(PermanentError):
    """A depth model that cannot be used: it does not load, or what it answers is no depth."""

    code = "model_unsuitable"


class RenderFailed(PermanentError):
    """A segment could not be rendered. Counted: it becomes the job's failure when the attempts are used up."""

    code = "render_failed"


class VerificationFailed(PermanentError):
    """A result is not what the manifest promises (frames, times, encoder); it is never published."""

    code = "verification_failed"


class NotFound(StereoSpotError):
    """There is no such job, object or message."""

    code = "not_found"


class Conflict(StereoSpotError):
    """Another writer was first: read again and decide anew."""

    code = "conflict"


def all_error_types() -> dict[str, type[StereoSpotError]]:
    """Every error of the tree by its class name; how an error crosses a process border and comes back the same."""
    found: dict[str, type[StereoSpotError]] = {}
    waiting: list[type[StereoSpotError]] = [StereoSpotError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting.extend(kind.__subclasses__())
    return found
