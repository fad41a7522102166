"""Traces and metrics by OpenTelemetry's API: they go nowhere unless the operator configures an SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import metrics, trace

from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.messages import Message

_tracer = trace.get_tracer("stereo_spot_runtime")
_meter = metrics.get_meter("stereo_spot_runtime")
_messages = _meter.create_counter("stereo_spot.messages", unit="{message}", description="Handled messages by stage and outcome")
_seconds = _meter.create_histogram("stereo_spot.handling", unit="s", description="Time from receipt to decision by stage and outcome")
_frames = _meter.create_counter("stereo_spot.frames", unit="{frame}", description="Units of progress that handlers reported, by stage")


@dataclass
class Handling:
    """One message being handled; `outcome` is what became of it."""

    outcome: str = "unsettled"


@contextmanager
def handling(stage: Stage, message: Message, attempt: int) -> Iterator[Handling]:
    """A span around the handling of one message, and its count and time when it ends."""
    began = time.monotonic()
    this = Handling()
    attributes = {"stereo_spot.job_id": message.job_id, "stereo_spot.stage": stage.value, "stereo_spot.attempt": attempt}
    with _tracer.start_as_current_span(f"handle {stage.value}", attributes=attributes) as span:
        try:
            yield this
        finally:
            labels = {"stage": stage.value, "outcome": this.outcome}
            span.set_attribute("stereo_spot.outcome", this.outcome)
            _messages.add(1, labels)
            _seconds.record(time.monotonic() - began, labels)


def count_frames(stage: Stage, frames: int) -> None:
    """Note `frames` more units of progress."""
    _frames.add(frames, {"stage": stage.value})
