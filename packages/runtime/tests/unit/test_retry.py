"""The retry policy: pure, so that every error of the tree can be asked about."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stereo_spot_runtime.retry import DeadLetter, Fail, Release, backoff, decide, exhausted
from stereo_spot_shared import errors
from stereo_spot_shared.errors import StereoSpotError, all_error_types
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.messages import ChunkRequest, Message, ReassembleRequest, SegmentReady
from stereo_spot_shared.pipeline import STAGES

SEGMENT = SegmentReady(job_id="job00001", segment_index=3)
MESSAGES = [SEGMENT, ChunkRequest(job_id="job00001"), ReassembleRequest(job_id="job00001")]
TREE = [kind for kind in all_error_types().values() if kind.__module__ == errors.__name__]


def ask(error: Exception, message: Message = SEGMENT, *, attempt: int = 1, troubles: int = 0, jitter: float = 0.5):
    return decide(error, message, STAGES[message.stage], attempt=attempt, troubles=troubles, jitter=jitter)


@pytest.mark.parametrize("kind", [kind for kind in TREE if issubclass(kind, errors.RetryableError)])
def test_what_is_the_platforms_fault_is_never_counted(kind: type[StereoSpotError]) -> None:
    for attempt in (1, STAGES[Stage.RENDER].max_attempts, 1000):
        decision = ask(kind("away"), attempt=attempt)
        assert isinstance(decision, Release)
        assert not decision.counted
        assert decision.delay_seconds > 0


@pytest.mark.parametrize("troubles", [0, 5])
def test_what_only_waits_says_itself_for_how_long(troubles: int) -> None:
    decision = ask(errors.Waiting("it is on its way", seconds=77.0), attempt=1000, troubles=troubles)
    assert decision == Release(77.0, counted=False, reason="it is on its way")


@pytest.mark.parametrize("kind", [errors.UnsupportedMedia, errors.MissingSource, errors.SourceChanged, errors.PermanentError])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.stage.value)
def test_what_is_certain_fails_the_job_at_once_with_its_words(kind: type[StereoSpotError], message: Message) -> None:
    decision = ask(kind("it is text", hint="choose a video"), message)
    assert isinstance(decision, Fail)
    assert (decision.error.code, decision.error.hint, decision.error.stage) == (kind.code, "choose a video", message.stage)
    assert "it is text" in decision.error.message
    assert decision.error.segment_index == (3 if message is SEGMENT else None)


@pytest.mark.parametrize(
    "error",
    [errors.RenderFailed("no"), errors.VerificationFailed("frames"), errors.NotFound("gone"), errors.Conflict("busy"), KeyError("x")],
)
def test_what_may_pass_is_counted_and_ends_by_naming_the_segment(error: Exception) -> None:
    last = STAGES[Stage.RENDER].max_attempts
    for attempt in range(1, last):
        decision = ask(error, attempt=attempt)
        assert isinstance(decision, Release)
        assert decision.counted
    end = ask(error, attempt=last)
    assert isinstance(end, Fail)
    assert end.error.segment_index == 3
    assert "segment 3" in end.error.message
    assert f"{last} times" in end.error.message


def test_a_wrong_result_is_rendered_again_but_not_joined_again() -> None:
    assert isinstance(ask(errors.VerificationFailed("frames"), SEGMENT), Release)
    assert isinstance(ask(errors.VerificationFailed("frames"), MESSAGES[2]), Fail)


def test_a_message_that_says_nothing_fails_no_job() -> None:
    assert ask(errors.InvalidMessage("what?")) == DeadLetter("what?")


def test_an_unforeseen_error_is_said_to_be_the_programs() -> None:
    end = ask(KeyError("x"), attempt=99)
    assert isinstance(end, Fail)
    assert end.error.code == "internal"
    assert "KeyError" in end.error.message


def test_a_message_whose_handler_never_came_back_ends() -> None:
    spec = STAGES[Stage.RENDER]
    assert exhausted(SEGMENT, spec, attempt=spec.max_attempts) is None
    end = exhausted(SEGMENT, spec, attempt=spec.max_attempts + 1)
    assert end is not None
    assert (end.error.code, end.error.segment_index) == ("attempts_exhausted", 3)


@given(failures=st.integers(0, 10_000), jitter=st.floats(0, 1, exclude_max=True), base=st.sampled_from([0.2, 1.0, 5.0]))
def test_pauses_grow_are_spread_and_bounded(failures: int, jitter: float, base: float) -> None:
    pause = backoff(base, failures, jitter)
    assert base / 2 <= pause <= 120.0
    assert pause <= backoff(base, failures + 1, jitter)
    assert backoff(base, failures, 0.0) < backoff(base, failures, 0.9)
