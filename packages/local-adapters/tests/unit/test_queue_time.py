"""Clocks that are set, and receivers that are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from stereo_spot_local_adapters.engine import Database
from stereo_spot_local_adapters.processes import this_process
from stereo_spot_local_adapters.queue import SqlQueue
from stereo_spot_local_adapters.tables import messages
from stereo_spot_shared.errors import Conflict, QueueUnavailable

HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path: Path):
    database = Database(tmp_path / "q.db")
    yield database
    database.close()


@pytest.fixture
def client(database, clock):
    """Another receiver, which has not looked after anything yet."""
    return lambda: SqlQueue(database, "q", visibility_seconds=60, clock=clock)


def test_a_clock_set_forward_delivers_again_and_fences_the_first(client, clock):
    queue = client()
    queue.send("a")
    (first,) = queue.receive()
    clock.now += HOUR
    (second,) = client().receive()
    with pytest.raises(Conflict):
        queue.ack(first)
    clock.now -= HOUR  # the clock is put right again: nobody else gets it within the timeout
    assert client().receive() == []
    queue.ack(second)
    assert client().receive() == []


def test_a_clock_set_back_hides_nothing_that_waits(client, clock):
    client().send_batch(["a", "b"])
    clock.now -= HOUR
    assert [delivery.body for delivery in client().receive(max_messages=2)] == ["a", "b"]


def test_a_clock_set_back_leaves_everything_the_time_that_it_had(client, clock):
    queue = client()
    queue.send("held")
    (held,) = queue.receive()
    queue.send("delayed", delay_seconds=100)
    clock.now -= HOUR
    assert client().receive() == []
    clock.now += 61
    assert [delivery.body for delivery in client().receive(max_messages=2)] == ["held"]
    with pytest.raises(Conflict):
        queue.ack(held)
    clock.now += 40
    assert "delayed" in [delivery.body for delivery in client().receive(max_messages=2)]


def test_a_clock_set_back_leaves_a_holder_its_message(client, clock):
    queue = client()
    queue.send("a")
    (held,) = queue.receive()
    clock.now -= HOUR
    assert client().receive() == []
    queue.extend(held, 60)
    clock.now += 59
    assert client().receive() == []
    queue.ack(held)


def test_the_time_that_a_process_needs_is_not_taken_for_a_clock_set_back(client, clock, database):
    queue = client()
    queue.send("a", delay_seconds=5)
    clock.now -= 0.5
    client().receive()
    with database.transactions(QueueUnavailable, durable=False).read() as connection:
        row = connection.execute(select(messages.c.visible_ms, messages.c.since_ms)).one()
    assert row.visible_ms - row.since_ms == 5000
    assert row.since_ms == round((clock.now + 0.5) * 1000)


@pytest.mark.parametrize(
    ("change", "comes_back"),
    [
        ({"started": "1"}, True),  # its process id was given to another process since
        ({"boot": "the one before the power cut"}, True),
        ({"host": "elsewhere", "started": "1"}, False),
        ({"namespace": "another container's", "started": "1"}, False),
        ({}, False),  # it lives
    ],
)
def test_what_a_dead_receiver_held_comes_back_at_once(client, database, change, comes_back):
    queue = client()
    queue.send("a")
    (held,) = queue.receive()
    receiver = str(replace(this_process(), **change))
    with database.transactions(QueueUnavailable, durable=False).write() as connection:
        connection.execute(update(messages).values(receiver=receiver))
    received = client().receive()
    assert [(delivery.body, delivery.attempt) for delivery in received] == ([("a", 2)] if comes_back else [])
    if comes_back:
        with pytest.raises(Conflict):
            queue.ack(held)


def test_whoever_waited_longest_comes_first(client, clock):
    queue = client()
    for body in ("a", "b", "c"):
        queue.send(body)
        clock.now += 1
    (first,) = queue.receive()
    queue.release(first)
    assert [delivery.body for delivery in queue.receive(max_messages=3)] == ["b", "c", "a"]


def test_a_dead_letter_keeps_its_reason(client, database):
    queue = client()
    queue.send("a")
    queue.dead_letter(queue.receive()[0], "segment 3 cannot be rendered")
    with database.transactions(QueueUnavailable, durable=False).read() as connection:
        assert connection.execute(select(messages.c.reason)).scalar_one() == "segment 3 cannot be rendered"
