"""The queue of one stage, and its delivery verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Delivery:
    """One delivery of one message. `receipt` belongs to this delivery only and is stale once it has ended."""

    message_id: str
    body: str
    receipt: str
    attempt: int
    """1 for the first counted delivery."""
    redelivered: bool = True
    """Whether the message may have been handed out before, counted or not. False only where the queue knows that it was not."""


@dataclass(frozen=True)
class QueueDepth:
    """How many messages wait to be received, are held by a receiver, and lie in the dead-letter queue."""

    waiting: int
    in_flight: int
    dead: int


class Queue(Protocol):
    """Delivers each message at least once, in no promised order.

    A received message is hidden from others for the queue's visibility timeout; when that ends without `ack`, it is
    delivered again. A stale receipt can never end, extend or release another's delivery: that is a Conflict.
    """

    def send(self, body: str, *, delay_seconds: float = 0.0) -> None: ...

    def send_batch(self, bodies: Sequence[str]) -> None:
        """Send all; where that fails midway, some may have been sent."""

    def receive(self, *, max_messages: int = 1, wait_seconds: float = 0.0) -> list[Delivery]:
        """Take up to `max_messages`; waits up to `wait_seconds` for the first and returns [] where none came."""

    def ack(self, delivery: Delivery) -> None:
        """The message is done: it is never delivered again. Conflict where the receipt is stale."""

    def extend(self, delivery: Delivery, seconds: float) -> None:
        """Keep the message hidden for `seconds` from now. Conflict where the receipt is stale."""

    def release(self, delivery: Delivery, *, delay_seconds: float = 0.0, counted: bool = True) -> None:
        """Hand the message back, to be delivered again after the delay.

        With `counted=False` this delivery does not raise `attempt` (the fault was the platform's).
        Conflict where the receipt is stale.
        """

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Put the message aside with the reason. Conflict where the receipt is stale."""

    def depth(self) -> QueueDepth: ...

    def redrive(self, *, limit: int = 100) -> int:
        """Send up to `limit` dead messages again, with their attempts counted anew; returns how many."""
