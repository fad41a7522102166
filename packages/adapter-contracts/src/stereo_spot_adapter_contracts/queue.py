"""What every `Queue` must do.

Visibility timeouts are whole seconds, since that is what clouds offer; so the tests of their end take a second each.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest

from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.errors import Conflict
from stereo_spot_shared.interfaces import Delivery, Queue, QueueDepth

MakeQueue = Callable[[int], Recipe[Queue]]

_PATIENCE = 20.0
"""Seconds to wait for something that must come; nothing is asserted about how long it took."""
_LONG = 600
"""A visibility timeout (seconds) that never ends within a test."""
_MESSAGES = 40
"""Messages that each racing process sends."""


class QueueContract:
    """Inherit and provide `make_queue(visibility_seconds)`, which makes a fresh, empty queue at each call and returns
    how to open a client of it.
    """

    depth_is_exact: ClassVar[bool] = True
    """False where the backend's counts may lag: then they are only waited for."""

    @pytest.fixture
    def recipe(self, make_queue: MakeQueue) -> Recipe[Queue]:
        return make_queue(_LONG)

    @pytest.fixture
    def queue(self, recipe: Recipe[Queue]) -> Queue:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[Queue]) -> Queue:
        return recipe()

    def test_a_message_arrives_as_it_was_sent(self, queue: Queue, other: Queue) -> None:
        body = '{"job_id": "ü\\"\'"}\n' + "x" * 100_000
        queue.send(body)
        delivery = receive_one(other)
        assert (delivery.body, delivery.attempt) == (body, 1)

    def test_an_empty_queue_gives_nothing(self, queue: Queue) -> None:
        assert queue.receive() == []
        assert queue.receive(max_messages=10, wait_seconds=1) == []

    def test_a_held_message_is_hidden_and_an_acknowledged_one_gone(self, queue: Queue, other: Queue) -> None:
        queue.send("a")
        delivery = receive_one(queue)
        assert other.receive() == []
        queue.ack(delivery)
        assert other.receive(wait_seconds=1) == []
        self.assert_depth(queue, QueueDepth(waiting=0, in_flight=0, dead=0))

    def test_a_waiting_receiver_gets_what_is_sent_later(self, queue: Queue, other: Queue) -> None:
        sender = threading.Timer(0.3, other.send, ["late"])
        sender.start()
        assert receive_one(queue).body == "late"
        sender.join()

    def test_an_unacknowledged_message_comes_again(self, make_queue: MakeQueue) -> None:
        recipe = make_queue(1)
        queue, other = recipe(), recipe()
        queue.send("a")
        first = receive_one(queue)
        second = receive_one(other)
        assert (second.body, second.message_id, second.attempt) == ("a", first.message_id, 2)
        assert second.receipt != first.receipt

    def test_a_stale_receipt_can_do_nothing(self, make_queue: MakeQueue) -> None:
        recipe = make_queue(1)
        queue, other = recipe(), recipe()
        queue.send("a")
        stale = receive_one(queue)
        held = receive_one(other)
        other.extend(held, _LONG)
        for act in all_endings(queue, stale):
            with pytest.raises(Conflict):
                act()
        assert queue.receive(wait_seconds=1) == []  # it was neither handed back nor made visible
        self.assert_depth(queue, QueueDepth(waiting=0, in_flight=1, dead=0))  # neither gone nor dead
        other.ack(held)

    def test_a_delivery_ends_once(self, queue: Queue) -> None:
        queue.send("a")
        delivery = receive_one(queue)
        queue.ack(delivery)
        for act in all_endings(queue, delivery):
            with pytest.raises(Conflict):
                act()

    def test_what_was_handed_out_before_is_never_taken_for_new(self, make_queue: MakeQueue) -> None:
        """Whichever way it came back: handed back (counted or not), not acknowledged in time, or set aside and sent again."""
        queue = make_queue(2)()
        queue.send("a")
        for counted in (True, False):
            queue.release(receive_one(queue), counted=counted)
        assert receive_one(queue).redelivered
        late = receive_one(queue)
        assert late.redelivered
        queue.dead_letter(late, "reason")
        assert queue.redrive() == 1
        assert receive_one(queue).redelivered

    def test_a_released_receipt_is_stale(self, queue: Queue) -> None:
        queue.send("a")
        delivery = receive_one(queue)
        queue.release(delivery)
        held = receive_one(queue)
        for act in all_endings(queue, delivery):
            with pytest.raises(Conflict):
                act()
        queue.ack(held)

    def test_an_extended_message_stays_hidden(self, make_queue: MakeQueue) -> None:
        recipe = make_queue(1)
        queue, other = recipe(), recipe()
        queue.send("a")
        delivery = receive_one(queue)
        queue.extend(delivery, _LONG)
        assert other.receive(wait_seconds=2) == []
        queue.ack(delivery)

    def test_an_extension_may_shorten(self, queue: Queue, other: Queue) -> None:
        queue.send("a")
        queue.extend(receive_one(queue), 1)
        assert receive_one(other).attempt == 2

    def test_a_delayed_message_comes_later(self, queue: Queue) -> None:
        queue.send("a", delay_seconds=2)
        assert queue.receive() == []
        assert receive_one(queue).body == "a"

    def test_a_released_message_comes_again_after_its_delay(self, queue: Queue, other: Queue) -> None:
        queue.send("a")
        queue.release(receive_one(queue), delay_seconds=2)
        assert other.receive() == []
        assert receive_one(other).attempt == 2

    def test_an_uncounted_release_does_not_raise_the_attempt(self, queue: Queue) -> None:
        queue.send("a")
        for _ in range(3):
            delivery = receive_one(queue)
            assert delivery.attempt == 1
            queue.release(delivery, counted=False)
        queue.release(receive_one(queue))
        assert receive_one(queue).attempt == 2

    def test_a_batch_of_any_size_is_sent(self, queue: Queue, other: Queue) -> None:
        queue.send_batch([])
        bodies = [f"message {number}" for number in range(25)]
        queue.send_batch(bodies)
        assert sorted(delivery.body for delivery in drain(other, max_messages=7)) == sorted(bodies)

    def test_no_more_is_received_than_asked_for(self, queue: Queue) -> None:
        queue.send_batch(["a", "b", "c"])
        assert len(queue.receive(wait_seconds=_PATIENCE)) == 1
        assert len(queue.receive(max_messages=2, wait_seconds=_PATIENCE)) <= 2

    def test_queues_are_separate(self, make_queue: MakeQueue) -> None:
        one, another = make_queue(_LONG)(), make_queue(_LONG)()
        one.send("a")
        assert another.receive(wait_seconds=1) == []
        assert receive_one(one).body == "a"

    def test_the_depth_tells_the_three_states(self, queue: Queue) -> None:
        queue.send_batch(["a", "b", "c", "d"])
        held = queue.receive(max_messages=1, wait_seconds=_PATIENCE)[0]
        self.assert_depth(queue, QueueDepth(waiting=3, in_flight=1, dead=0))
        queue.dead_letter(held, "why")
        self.assert_depth(queue, QueueDepth(waiting=3, in_flight=0, dead=1))
        queue.release(receive_one(queue))
        self.assert_depth(queue, QueueDepth(waiting=3, in_flight=0, dead=1))

    def test_a_dead_message_comes_back_only_when_it_is_redriven(self, queue: Queue, other: Queue) -> None:
        queue.send("a")
        queue.release(receive_one(queue))
        queue.dead_letter(receive_one(queue), "it cannot be rendered")
        assert other.receive(wait_seconds=1) == []
        self.assert_depth(queue, QueueDepth(waiting=0, in_flight=0, dead=1))
        assert other.redrive() == 1
        delivery = receive_one(queue)
        assert (delivery.body, delivery.attempt) == ("a", 1)
        assert queue.redrive() == 0

    def test_as_many_are_redriven_as_asked_for(self, queue: Queue) -> None:
        queue.send_batch(["a", "b", "c"])
        for delivery in drain(queue):
            queue.dead_letter(delivery, "why")
        assert queue.redrive(limit=2) == 2
        self.assert_depth(queue, QueueDepth(waiting=2, in_flight=0, dead=1))
        assert queue.redrive() == 1

    def test_racing_processes_lose_nothing_and_never_hold_one_message_together(self, recipe: Recipe[Queue]) -> None:
        holds = [hold for holds in race(_send_and_drain, recipe) for hold in holds]
        assert Counter(hold.body for hold in holds if hold.acked) == Counter(
            f"{number}:{message}" for number in range(RACERS) for message in range(_MESSAGES)
        )
        by_message: dict[str, list[_Hold]] = {}
        for hold in sorted(holds, key=lambda hold: hold.begin):
            by_message.setdefault(hold.body, []).append(hold)
        for spans in by_message.values():
            assert all(earlier.end <= later.begin for earlier, later in pairwise(spans))
        self.assert_depth(recipe(), QueueDepth(waiting=0, in_flight=0, dead=0))

    def test_a_message_whose_receivers_are_too_slow_is_acknowledged_by_one(self, make_queue: MakeQueue) -> None:
        recipe = make_queue(1)
        bodies = [str(number) for number in range(8)]
        recipe().send_batch(bodies)
        acked = [body for bodies in race(_dawdle, recipe) for body in bodies]
        assert sorted(acked) == bodies
        self.assert_depth(recipe(), QueueDepth(waiting=0, in_flight=0, dead=0))

    def assert_depth(self, queue: Queue, expected: QueueDepth) -> None:
        """The counts are `expected`, at once or (where the backend's lag) in the end."""
        give_up = time.monotonic() + (0 if self.depth_is_exact else _PATIENCE)
        while (depth := queue.depth()) != expected and time.monotonic() < give_up:
            time.sleep(0.2)
        assert depth == expected


def receive_one(queue: Queue) -> Delivery:
    """The one message that must come."""
    (delivery,) = queue.receive(wait_seconds=_PATIENCE)
    return delivery


def drain(queue: Queue, *, max_messages: int = 10) -> list[Delivery]:
    """Everything that is visible, held."""
    found: list[Delivery] = []
    while more := queue.receive(max_messages=max_messages, wait_seconds=1):
        found.extend(more)
    return found


def all_endings(queue: Queue, delivery: Delivery) -> Iterator[Callable[[], None]]:
    """Everything that a receiver can do to its delivery."""
    yield lambda: queue.ack(delivery)
    yield lambda: queue.extend(delivery, _LONG)
    yield lambda: queue.release(delivery)
    yield lambda: queue.dead_letter(delivery, "stale")


@dataclass(frozen=True)
class _Hold:
    """A time in which a process held a message (of the machine's monotonic clock, which processes share)."""

    body: str
    begin: float
    end: float
    acked: bool


def _send_and_drain(queue: Queue, number: int) -> list[_Hold]:
    chance = random.Random(number)  # noqa: S311  # a test must repeat itself
    queue.send_batch([f"{number}:{message}" for message in range(_MESSAGES // 2)])
    holds: list[_Hold] = []
    for message in range(_MESSAGES // 2, _MESSAGES):
        queue.send(f"{number}:{message}")
        holds.extend(_hold(queue, delivery, chance) for delivery in queue.receive())
    while deliveries := queue.receive(max_messages=3, wait_seconds=2):
        holds.extend(_hold(queue, delivery, chance) for delivery in deliveries)
    return holds


def _hold(queue: Queue, delivery: Delivery, chance: random.Random) -> _Hold:
    begin = time.monotonic()
    time.sleep(chance.choice([0.0, 0.0, 0.002]))
    end = time.monotonic()  # before it is given up: another may get it at once
    if chance.random() < 0.2:
        queue.release(delivery, counted=False)
        return _Hold(delivery.body, begin, end, acked=False)
    queue.ack(delivery)
    return _Hold(delivery.body, begin, end, acked=True)


def _dawdle(queue: Queue, number: int) -> list[str]:
    """Hold every message for a while around its visibility timeout; what this process was allowed to acknowledge."""
    chance = random.Random(number)  # noqa: S311  # a test must repeat itself
    acked: list[str] = []
    while deliveries := queue.receive(wait_seconds=3):
        for delivery in deliveries:
            time.sleep(chance.choice([0.0, 0.5, 1.5]))
            try:
                queue.ack(delivery)
            except Conflict:
                continue
            acked.append(delivery.body)
    return acked
