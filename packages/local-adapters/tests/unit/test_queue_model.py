"""The queue against a model of it: whatever is done in whatever order, both agree."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.interfaces import Delivery, QueueDepth

VISIBILITY = 30
GONE = "gone"  # the receipt of a message that was acknowledged
SECONDS = st.integers(0, 90)


@dataclass
class Modelled:
    body: str
    visible_at: float | None
    """None: dead."""
    attempts: int = 0
    receipt: str | None = None


class QueueMachine(RuleBasedStateMachine):
    @initialize()
    def make_queue(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.now = 1_000_000.0
        self.database = Database(Path(self.directory.name) / "queue.db")
        self.clients = [SqlQueue(self.database, "q", visibility_seconds=VISIBILITY, clock=lambda: self.now) for _ in range(2)]
        self.messages: dict[str, Modelled] = {}  # by body: every body is sent once
        self.deliveries: list[Delivery] = []

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.directory.cleanup()

    @property
    def queue(self) -> SqlQueue:
        return self.clients[len(self.deliveries) % 2]

    @rule(delay=SECONDS)
    def send(self, delay: int) -> None:
        body = f"m{len(self.messages)}"
        self.queue.send(body, delay_seconds=delay)
        self.messages[body] = Modelled(body, self.now + delay)

    @rule(size=st.integers(0, 4))
    def send_batch(self, size: int) -> None:
        bodies = [f"m{len(self.messages) + number}" for number in range(size)]
        self.queue.send_batch(bodies)
        self.messages.update({body: Modelled(body, self.now) for body in bodies})

    @rule(most=st.integers(1, 4))
    def receive(self, most: int) -> None:
        visible = [message for message in self.messages.values() if message.visible_at is not None and message.visible_at <= self.now]
        expected = sorted(visible, key=lambda message: (message.visible_at, int(message.body[1:])))[:most]
        received = self.queue.receive(max_messages=most)
        assert [delivery.body for delivery in received] == [message.body for message in expected]
        for delivery, message in zip(received, expected, strict=True):
            message.attempts += 1
            message.visible_at = self.now + VISIBILITY
            message.receipt = delivery.receipt
            assert delivery.attempt == message.attempts
        assert len({delivery.receipt for delivery in [*self.deliveries, *received]}) == len(self.deliveries) + len(received)
        self.deliveries.extend(received)

    @rule(data=st.data(), how=st.sampled_from(["ack", "extend", "release", "hand back", "dead_letter"]), seconds=SECONDS)
    def end(self, data: st.DataObject, how: str, seconds: int) -> None:
        if not self.deliveries:
            return
        delivery = data.draw(st.sampled_from(self.deliveries))
        message = self.messages.get(delivery.body)
        if message is None or message.receipt != delivery.receipt:
            with pytest.raises(Conflict):
                self.carry_out(how, delivery, seconds)
            return
        self.carry_out(how, delivery, seconds)
        match how:
            case "ack":
                message.visible_at = None
                message.receipt = GONE
            case "extend":
                message.visible_at = self.now + seconds
            case "release" | "hand back":
                message.visible_at = self.now + seconds
                message.receipt = None
                message.attempts -= how == "hand back"
            case "dead_letter":
                message.visible_at = None
                message.receipt = None

    def carry_out(self, how: str, delivery: Delivery, seconds: int) -> None:
        match how:
            case "ack":
                self.queue.ack(delivery)
            case "extend":
                self.queue.extend(delivery, seconds)
            case "release" | "hand back":
                self.queue.release(delivery, delay_seconds=seconds, counted=how == "release")
            case "dead_letter":
                self.queue.dead_letter(delivery, "because")

    @rule(limit=st.integers(1, 3))
    def redrive(self, limit: int) -> None:
        dead = [message for message in self.messages.values() if message.visible_at is None and message.receipt != GONE]
        chosen = sorted(dead, key=lambda message: int(message.body[1:]))[:limit]
        assert self.queue.redrive(limit=limit) == len(chosen)
        for message in chosen:
            message.visible_at = self.now
            message.attempts = 0

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def depths_agree(self) -> None:
        if not hasattr(self, "database"):
            return
        rest = [message for message in self.messages.values() if message.receipt != GONE]
        dead = sum(message.visible_at is None for message in rest)
        held = sum(message.visible_at is not None and message.visible_at > self.now and message.receipt is not None for message in rest)
        assert self.queue.depth() == QueueDepth(waiting=len(rest) - dead - held, in_flight=held, dead=dead)


TestQueueModel = QueueMachine.TestCase
TestQueueModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
