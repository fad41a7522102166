"""The retry policy: what becomes of a message, decided by a pure function. The consumer carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from stereo_spot_shared.errors import (
    InvalidMessage,
    NoSpaceLeft,
    PermanentError,
    RenderFailed,
    RetryableError,
    SourceUnreachable,
    StereoSpotError,
    UnknownSchema,
    VerificationFailed,
    Waiting,
)
from stereo_spot_shared.jobs import JobError, Stage
from stereo_spot_shared.messages import Message, SegmentReady
from stereo_spot_shared.pipeline import StageSpec


@dataclass(frozen=True)
class Release:
    """Hand the message back: it comes again after `delay_seconds`, the attempt counted or not."""

    delay_seconds: float
    counted: bool
    reason: str


@dataclass(frozen=True)
class Fail:
    """It cannot be done: fail the job with this, then put the message aside."""

    error: JobError


@dataclass(frozen=True)
class DeadLetter:
    """Put the message aside; no job fails, since nobody can tell whose message it is."""

    reason: str


Decision = Release | Fail | DeadLetter

_COUNTED_BASE, _PLATFORM_BASE, _SPACE_BASE, _CAP = 1.0, 1.0, 5.0, 120.0
_UNKNOWN_SCHEMA_DELAY = 60.0


def decide(error: Exception, message: Message, spec: StageSpec, *, attempt: int, troubles: int, jitter: float) -> Decision:
    """What becomes of a message whose handler raised `error`.

    `attempt` is the number of this counted delivery (from 1), `troubles` how many failures of the platform this
    worker has seen in a row before this one, `jitter` a random number in [0, 1).
    """
    match error:
        case RetryableError():
            return Release(_pause(error, troubles, jitter), counted=False, reason=str(error))
        case InvalidMessage():
            return DeadLetter(str(error))
        case PermanentError() if not _may_pass(error, message.stage):
            return Fail(job_error(error, message))
    if attempt < spec.max_attempts:
        return Release(backoff(_COUNTED_BASE, attempt - 1, jitter), counted=True, reason=describe(error))
    return Fail(job_error(error, message, attempts=attempt))


def _pause(error: RetryableError, troubles: int, jitter: float) -> float:
    """Seconds until what failed by no fault of its own is tried again."""
    match error:
        case UnknownSchema():
            return _UNKNOWN_SCHEMA_DELAY
        case Waiting(seconds=seconds):
            return seconds
        case NoSpaceLeft():
            return backoff(_SPACE_BASE, troubles, jitter)
    return backoff(_PLATFORM_BASE, troubles, jitter)


def decide_unreadable(error: InvalidMessage | UnknownSchema) -> Decision:
    """What becomes of a message that could not be read."""
    if isinstance(error, UnknownSchema):
        return Release(_UNKNOWN_SCHEMA_DELAY, counted=False, reason=str(error))
    return DeadLetter(str(error))


def exhausted(message: Message, spec: StageSpec, *, attempt: int) -> Fail | None:
    """The end of a message that came more often than is allowed without its handler ever coming back.

    That is one whose work ends the process (a crash, no memory): no exception is there to be counted.
    """
    if attempt <= spec.max_attempts:
        return None
    sentence = f"{_subject(message)} gave no result in {attempt - 1} attempts, the last of which ended its worker"
    hint = "see the logs of the workers for how they ended (memory?), then retry the job"
    return Fail(_job_error("attempts_exhausted", sentence, hint, message))


def backoff(base: float, failures: int, jitter: float) -> float:
    """Seconds to wait after `failures` earlier ones: doubling, with a random half, never above two minutes."""
    return min(_CAP, base * 2.0 ** min(failures, 20)) * (0.5 + jitter / 2)


def describe(error: Exception) -> str:
    """One sentence: ours as they are, those that nobody foresaw with their type."""
    return str(error) if isinstance(error, StereoSpotError) else f"unexpected {type(error).__name__}: {error}"


def code_of(error: Exception) -> str:
    """The stable name of an error, for logs and for the job's failure."""
    return error.code if isinstance(error, StereoSpotError) else "internal"


def job_error(error: Exception, message: Message, *, attempts: int = 1) -> JobError:
    """`error` as the reason of the job's failure, for the person who owns it."""
    tried = f" (tried {attempts} times)" if attempts > 1 else ""
    if isinstance(error, StereoSpotError):
        return _job_error(code_of(error), f"{_subject(message)} failed{tried}: {error.message}", error.hint, message)
    hint = "this is a fault of the program: see the workers' logs, then retry the job"
    return _job_error(code_of(error), f"{_subject(message)} failed{tried}: {describe(error)}", hint, message)


def _job_error(code: str, sentence: str, hint: str | None, message: Message) -> JobError:
    return JobError(code=code, message=sentence, stage=message.stage, segment_index=_segment_index(message), hint=hint)


def _may_pass(error: PermanentError, stage: Stage) -> bool:
    """Whether another attempt has a chance: rendering again may mend a bad result, reading bad media again may not."""
    return isinstance(error, RenderFailed | SourceUnreachable) or (isinstance(error, VerificationFailed) and stage is Stage.RENDER)


def _subject(message: Message) -> str:
    if isinstance(message, SegmentReady):
        return f"rendering segment {message.segment_index}"
    subjects = {
        Stage.INGEST: "fetching the video",
        Stage.CHUNK: "cutting the source",
        Stage.REASSEMBLE: "joining the segments",
        Stage.RENDITION: "making the version for browsers",
    }
    return subjects.get(message.stage, message.stage.value)


def _segment_index(message: Message) -> int | None:
    return message.segment_index if isinstance(message, SegmentReady) else None
