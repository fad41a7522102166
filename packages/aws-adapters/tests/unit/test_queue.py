"""What SQS does not know, and the queue adds."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from stereo_spot_aws_adapters import queue as queue_module
from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.provision import RECEIVES_BEYOND_ATTEMPTS, make_queue
from stereo_spot_aws_adapters.queue import LONGEST_HOLD_SECONDS, SqsQueue
from stereo_spot_shared.errors import Conflict, QueueUnavailable
from stereo_spot_shared.interfaces import QueueDepth

PATIENCE = 20.0


@pytest.fixture
def open_queue(account):
    """Make a queue once; then open a client of it, with clocks of one's own where they are given."""

    def opened(visibility_seconds=600, *, max_attempts=50, **clocks):
        make_queue(account, "q", visibility_seconds=visibility_seconds, max_attempts=max_attempts)
        return partial(SqsQueue, account, "q", visibility_seconds=visibility_seconds)(**clocks)

    return opened


def receive_one(queue):
    (delivery,) = queue.receive(wait_seconds=PATIENCE)
    return delivery


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_a_receipt_is_refused_when_its_time_is_over_although_sqs_would_take_it(open_queue):
    monotonic = Clock()
    queue = open_queue(60, monotonic=monotonic)
    queue.send("a")
    (delivery,) = queue.receive()
    monotonic.now += 60
    with pytest.raises(Conflict, match="no longer held"):
        queue.ack(delivery)
    assert queue.depth() == QueueDepth(waiting=0, in_flight=1, dead=0)


def test_only_what_nobody_was_given_before_is_new(open_queue):
    queue = open_queue()
    queue.send_batch(["a", "b"])
    new = [receive_one(queue), receive_one(queue)]
    assert [delivery.redelivered for delivery in new] == [False, False]
    for delivery, counted in zip(new, (True, False), strict=True):
        queue.release(delivery, counted=counted)
    assert receive_one(queue).redelivered
    last = receive_one(queue)
    assert last.redelivered
    queue.dead_letter(last, "reason")
    assert queue.redrive() == 1
    assert receive_one(queue).redelivered, "whatever became of it, somebody may have worked on it"


def test_an_extension_counts_from_when_it_was_asked_for(open_queue):
    monotonic = Clock()
    queue = open_queue(60, monotonic=monotonic)
    queue.send("a")
    (delivery,) = queue.receive()
    monotonic.now += 59
    queue.extend(delivery, 60)
    monotonic.now += 59
    queue.ack(delivery)
    assert queue.depth() == QueueDepth(waiting=0, in_flight=0, dead=0)


def test_what_came_late_in_a_long_poll_is_held_for_its_whole_time(open_queue, moto):
    queue = open_queue(2)
    before = moto.requests()
    sender = threading.Timer(1.5, queue.send, ["late"])
    sender.start()
    delivery = receive_one(queue)
    time.sleep(1.0)  # 2.5 s after the poll began: the time that can be told from the poll alone is over
    queue.ack(delivery)
    sender.join()
    assert queue.depth() == QueueDepth(waiting=0, in_flight=0, dead=0)
    hidden_anew = (moto.requests() - before)["sqs ChangeMessageVisibilityBatch"]
    assert hidden_anew == 1, "when it came is not known: only what is hidden from now on is held for that long"


def test_nothing_is_held_beyond_what_sqs_allows(open_queue):
    monotonic = Clock()
    queue = open_queue(600, monotonic=monotonic)
    queue.send("a")
    (delivery,) = queue.receive()
    queue.extend(delivery, 10 * LONGEST_HOLD_SECONDS)  # SQS itself would refuse it
    monotonic.now += LONGEST_HOLD_SECONDS - 100
    queue.extend(delivery, 600)
    monotonic.now += 99.5
    with pytest.raises(Conflict, match="twelve hours"):
        queue.extend(delivery, 600)
    with pytest.raises(Conflict):
        queue.ack(delivery)


def test_only_who_received_may_settle(open_queue):
    queue, other = open_queue(), open_queue()
    queue.send("a")
    delivery = receive_one(queue)
    with pytest.raises(Conflict):
        other.ack(delivery)
    queue.ack(delivery)


def test_ended_holds_are_forgotten(open_queue):
    monotonic = Clock()
    queue = open_queue(60, monotonic=monotonic)
    queue.send_batch([str(number) for number in range(10)])
    assert len(queue.receive(max_messages=10)) == 10
    monotonic.now += 60
    assert queue.receive() == []
    assert queue._holds == {}


def test_a_delay_beyond_fifteen_minutes_is_made_of_shorter_ones(open_queue, monkeypatch):
    monkeypatch.setattr(queue_module, "LONGEST_DELAY_SECONDS", 1)
    queue = open_queue()
    due = time.time() + 3
    queue.send("a", delay_seconds=3)
    delivery = receive_one(queue)
    assert time.time() >= due
    assert (delivery.body, delivery.attempt) == ("a", 1)
    queue.release(delivery, counted=True)
    assert receive_one(queue).attempt == 2


def test_a_copy_keeps_attempts_and_name_through_every_kind_of_release(open_queue, monkeypatch):
    monkeypatch.setattr(queue_module, "LONGEST_DELAY_SECONDS", 1)
    queue = open_queue()
    queue.send("a")
    first = receive_one(queue)
    queue.release(first)
    second = receive_one(queue)
    queue.release(second, delay_seconds=2, counted=False)
    third = receive_one(queue)
    assert [delivery.attempt for delivery in (first, second, third)] == [1, 2, 2]
    assert len({delivery.message_id for delivery in (first, second, third)}) == 1
    queue.release(third)
    assert receive_one(queue).attempt == 3


def test_a_dead_letter_says_why(open_queue, account):
    queue = open_queue()
    queue.send("a")
    queue.dead_letter(receive_one(queue), "bad \x00 byte\n" + "x" * 5000)
    url = account.sqs.get_queue_url(QueueName="q-dead")["QueueUrl"]
    (message,) = account.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert reason.startswith("bad \N{REPLACEMENT CHARACTER} byte\n")
    assert len(reason) == 1000
    assert message["MessageAttributes"]["attempts"]["StringValue"] == "1"


def test_a_reason_may_be_empty(open_queue):
    queue = open_queue()
    queue.send("a")
    queue.dead_letter(receive_one(queue), "")
    assert queue.depth().dead == 1


def test_what_no_worker_puts_aside_is_put_aside_by_sqs_and_comes_back_too(open_queue):
    queue = open_queue(max_attempts=0)
    queue.send("a")
    for _ in range(RECEIVES_BEYOND_ATTEMPTS):
        queue.release(receive_one(queue))
    assert queue.receive() == []
    assert queue.depth().dead == 1
    assert queue.redrive() == 1
    assert receive_one(queue).attempt == 1


@pytest.mark.parametrize("body", ["", "\x00", "a\x1bb", "\ud800", "x" * (1 << 20)], ids=["empty", "nul", "escape", "surrogate", "large"])
def test_what_sqs_cannot_carry_is_refused_before_it_is_sent(open_queue, body):
    queue = open_queue()
    with pytest.raises(ValueError, match="SQS cannot carry"):
        queue.send(body)
    with pytest.raises(ValueError, match="SQS cannot carry"):
        queue.send_batch(["fine", body])
    assert queue.depth() == QueueDepth(waiting=0, in_flight=0, dead=0)


def test_a_batch_is_cut_by_size_too(open_queue):
    queue = open_queue()
    bodies = [letter * 200_000 for letter in "abcdefgh"]
    queue.send_batch(bodies)
    found = []
    while deliveries := queue.receive(max_messages=10):
        found += [delivery.body for delivery in deliveries]
    assert sorted(found) == bodies


def test_many_are_received_by_one_call(open_queue):
    queue = open_queue()
    queue.send_batch([str(number) for number in range(25)])
    assert len(queue.receive(max_messages=23, wait_seconds=PATIENCE)) == 23
    assert len(queue.receive(max_messages=23, wait_seconds=PATIENCE)) == 2


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "1e400", "-3", b"bytes"], ids=repr)
@pytest.mark.parametrize("name", ["attempts", "due", "origin"])
def test_what_strangers_write_beside_a_message_harms_nobody(open_queue, account, name, value):
    queue = open_queue()
    url = account.sqs.get_queue_url(QueueName="q")["QueueUrl"]
    attribute = (
        {"DataType": "Binary", "BinaryValue": value} if isinstance(value, bytes) else {"DataType": "String", "StringValue": value or " "}
    )
    account.sqs.send_message(QueueUrl=url, MessageBody="a", MessageAttributes={name: attribute})
    delivery = receive_one(queue)
    assert (delivery.body, delivery.attempt) == ("a", 1)
    queue.release(delivery, counted=False)
    queue.dead_letter(receive_one(queue), "why")
    assert queue.redrive(limit=1) == 1


def test_a_strangers_message_that_leaves_no_room_for_a_reason_is_put_aside_without(open_queue, account):
    queue = open_queue()
    account.sqs.send_message(QueueUrl=account.sqs.get_queue_url(QueueName="q")["QueueUrl"], MessageBody="x" * (1 << 20))
    queue.release(receive_one(queue), counted=False)
    queue.dead_letter(receive_one(queue), "too large")
    dead = account.sqs.get_queue_url(QueueName="q-dead")["QueueUrl"]
    (message,) = account.sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert "MessageAttributes" not in message  # SQS counts them with the body


def test_an_answer_that_nobody_foresaw_is_no_end_of_a_worker(open_queue, moto):
    queue = open_queue()
    queue.depth()
    moto.misbehave(Fault("novel", "sqs"))
    with pytest.raises(QueueUnavailable, match="nobody foresaw"):
        queue.receive()


def test_what_was_received_before_the_queue_went_away_is_not_lost(open_queue, moto):
    queue = open_queue()
    queue.send_batch([str(number) for number in range(15)])
    moto.misbehave(Fault("silent", "sqs ReceiveMessage", times=1, seconds=0), Fault("forbidden", "sqs ReceiveMessage"))
    assert len(queue.receive(max_messages=15)) == 10
