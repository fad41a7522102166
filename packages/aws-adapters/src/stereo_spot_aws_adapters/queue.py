"""A queue on SQS, with what SQS does not know kept beside it.

- **Stale receipts.** SQS takes a receipt whose time is over. So this process remembers until when it holds each delivery, counted from
  before the request that hid the message, and refuses with Conflict after that without asking.
- **Uncounted releases.** SQS counts every receive. A delivery that shall not count goes back as a fresh copy that carries the attempts
  so far; the original is deleted after the copy was sent, so that a crash in between makes two of it and never none.
- **Long delays.** SQS hides a new message for at most 15 minutes. One with a longer delay carries when it is due, and is put off
  again by whoever receives it before.
- **Dead letters** are sent to the dead-letter queue with their reason and then deleted, so that the reason is there to be read.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.names import dead_letter_name
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.errors import Conflict, QueueUnavailable
from stereo_spot_shared.interfaces import Delivery, QueueDepth

MAX_BODY_BYTES = 1 << 20
"""Of a message with its attributes, and of a batch of messages."""
BATCH = 10
LONGEST_POLL_SECONDS = 20
LONGEST_DELAY_SECONDS = 900
LONGEST_HOLD_SECONDS = 12 * 3600 - 60
"""SQS hides no message for more than twelve hours after it was received, however often that is extended; a minute less is asked for."""

_ATTEMPTS, _ORIGIN, _DUE, _REASON = "attempts", "origin", "due", "reason"
"""Attributes of a message: counted attempts before this copy, id of the first copy, when it may be received, why it is dead."""

_ROOM_FOR_ATTRIBUTES = 8 << 10
_REASON_CHARACTERS = 1000
_SEND_TRIES = 4
_REDRIVE_HIDDEN_SECONDS = 60
_STALE_CODES = frozenset(
    {
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "InvalidReceiptHandle",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)


@dataclass
class _Hold:
    """What this process knows of a delivery that it holds (seconds of its monotonic clock)."""

    since: float
    until: float
    due: float
    """When it may be handed out, in seconds since the epoch."""


class SqsQueue:
    """`Queue` on the queue called `name` and its dead-letter queue. Pickled by its address; only who received may settle.

    `read` puts what others send to this queue into our messages. `clock` gives seconds since the epoch, `monotonic` those that a hold
    is measured in.
    """

    def __init__(
        self,
        aws: Aws,
        name: str,
        *,
        visibility_seconds: int,
        read: Callable[[str], str] = str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = aws.sqs
        self._main = _Address(aws, name)
        self._dead = _Address(aws, dead_letter_name(name))
        self._visibility_seconds = visibility_seconds
        self._read = read
        self._clock, self._monotonic = clock, monotonic
        self._holds: dict[str, _Hold] = {}

    def send(self, body: str, *, delay_seconds: float = 0.0) -> None:
        _checked_length(body)
        self._send(self._main, body, {}, delay_seconds)

    def send_batch(self, bodies: Sequence[str]) -> None:
        for batch in _batches(bodies):
            waiting = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
            refused: dict[str, Any] = {}
            for attempt in range(_SEND_TRIES):
                with self._main.errors():
                    answer: Mapping[str, Any] = self._client.send_message_batch(QueueUrl=self._main.url, Entries=waiting)  # type: ignore[arg-type]
                refused = {entry["Id"]: entry for entry in answer.get("Failed", [])}
                if not (waiting := [entry for entry in waiting if entry["Id"] in refused]):
                    break
                time.sleep(0.05 * 2**attempt)
            else:
                words = "; ".join(sorted({f"{entry['Code']}: {entry.get('Message', '')}" for entry in refused.values()}))
                raise QueueUnavailable(f"{self._main.what} did not take {len(refused)} messages ({words})")

    def receive(self, *, max_messages: int = 1, wait_seconds: float = 0.0) -> list[Delivery]:
        give_up = self._monotonic() + wait_seconds
        taken: list[Delivery] = []
        while True:
            left = 0.0 if taken else max(0.0, give_up - self._monotonic())
            wanted = min(BATCH, max_messages - len(taken))
            try:
                found = self._take(wanted, min(LONGEST_POLL_SECONDS, math.ceil(left)))
            except QueueUnavailable:
                if not taken:
                    raise
                return taken
            taken += found
            if len(taken) >= max_messages or (taken and len(found) < wanted) or (not taken and self._monotonic() >= give_up):
                return taken

    def ack(self, delivery: Delivery) -> None:
        self._held(delivery)
        self._delete(delivery)

    def extend(self, delivery: Delivery, seconds: float) -> None:
        hold = self._held(delivery)
        now = self._monotonic()
        seconds = min(math.ceil(seconds), LONGEST_HOLD_SECONDS - math.ceil(now - hold.since))
        if seconds < 1:
            self._holds.pop(delivery.receipt, None)
            raise Conflict(f"message {delivery.message_id} of {self._main.what} was held for twelve hours, and SQS allows no more")
        self._hide(delivery, seconds)
        hold.until = now + seconds

    def release(self, delivery: Delivery, *, delay_seconds: float = 0.0, counted: bool = True) -> None:
        hold = self._held(delivery)
        if counted:
            left = LONGEST_HOLD_SECONDS - math.ceil(self._monotonic() - hold.since)
            self._hide(delivery, max(0, min(math.ceil(delay_seconds), left)))
            self._holds.pop(delivery.receipt, None)
            return
        self._send(self._main, delivery.body, _copied(delivery, delivery.attempt - 1), delay_seconds)
        self._delete(delivery)

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        self._held(delivery)
        self._send(
            self._dead,
            delivery.body,
            {**_copied(delivery, delivery.attempt), _REASON: _text(_sendable(reason)[:_REASON_CHARACTERS] or "-")},
            0.0,
        )
        self._delete(delivery)

    def depth(self) -> QueueDepth:
        main, dead = self._main.counts(), self._dead.counts()
        return QueueDepth(
            waiting=main["ApproximateNumberOfMessages"] + main["ApproximateNumberOfMessagesDelayed"],
            in_flight=main["ApproximateNumberOfMessagesNotVisible"],
            dead=sum(dead.values()),
        )

    def redrive(self, *, limit: int = 100) -> int:
        sent = 0
        while sent < limit:
            with self._dead.errors():
                answer = self._client.receive_message(
                    QueueUrl=self._dead.url,
                    MaxNumberOfMessages=min(BATCH, limit - sent),
                    VisibilityTimeout=_REDRIVE_HIDDEN_SECONDS,
                    WaitTimeSeconds=1,
                )
            if not (messages := answer.get("Messages", [])):
                break
            for message in messages:
                self._send(self._main, message["Body"], {_ORIGIN: _text(message["MessageId"])}, 0.0)
                with self._dead.errors():
                    self._client.delete_message(QueueUrl=self._dead.url, ReceiptHandle=message["ReceiptHandle"])
                sent += 1
        return sent

    def _take(self, most: int, wait: int) -> list[Delivery]:
        asked = self._monotonic()
        with self._main.errors():
            answer = self._client.receive_message(
                QueueUrl=self._main.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait,
                VisibilityTimeout=self._visibility_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            )
        self._forget_ended()
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        held_from = asked
        if messages and self._monotonic() - asked > self._visibility_seconds / 4:
            # When in a long poll the messages came is not known; to hide them anew costs a request, to guess costs the promise.
            held_from = self._monotonic()
            messages = self._hidden_anew(messages)
        deliveries = [self._hold(message, held_from) for message in messages]
        return [delivery for delivery in deliveries if self._is_due(delivery)]

    def _hold(self, message: Mapping[str, Any], since: float) -> Delivery:
        attributes = {name: str(value.get("StringValue", "")) for name, value in message.get("MessageAttributes", {}).items()}
        receives = int(message["Attributes"]["ApproximateReceiveCount"])
        due = self._clock() + min(_value(attributes, _DUE) - self._clock(), LONGEST_HOLD_SECONDS)
        self._holds[message["ReceiptHandle"]] = _Hold(since, since + self._visibility_seconds, due)
        return Delivery(
            message_id=attributes.get(_ORIGIN) or message["MessageId"],
            body=self._read(message["Body"]),
            receipt=message["ReceiptHandle"],
            attempt=int(_value(attributes, _ATTEMPTS)) + receives,
            redelivered=receives > 1 or _ORIGIN in attributes,
        )

    def _is_due(self, delivery: Delivery) -> bool:
        """Whether it may be handed out; if not, it is put off."""
        left = self._holds[delivery.receipt].due - self._clock()
        if left <= 0:
            return True
        with suppress(QueueUnavailable, Conflict):  # then it comes again by itself, and is looked at again
            self._send(self._main, delivery.body, _copied(delivery, delivery.attempt - 1), left)
            self._delete(delivery)
        return False

    def _hidden_anew(self, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": self._visibility_seconds}
            for number, message in enumerate(messages)
        ]
        with self._main.errors():
            answer: Mapping[str, Any] = self._client.change_message_visibility_batch(QueueUrl=self._main.url, Entries=entries)  # type: ignore[arg-type]
        return [messages[int(entry["Id"])] for entry in answer.get("Successful", [])]

    def _held(self, delivery: Delivery) -> _Hold:
        hold = self._holds.get(delivery.receipt)
        if hold is None or self._monotonic() >= hold.until:
            self._holds.pop(delivery.receipt, None)
            raise self._lost(delivery)
        return hold

    def _forget_ended(self) -> None:
        now = self._monotonic()
        for receipt, hold in list(self._holds.items()):
            if now >= hold.until:
                self._holds.pop(receipt, None)

    def _hide(self, delivery: Delivery, seconds: int) -> None:
        with self._main.errors():
            try:
                self._client.change_message_visibility(QueueUrl=self._main.url, ReceiptHandle=delivery.receipt, VisibilityTimeout=seconds)
            except ClientError as error:
                self._raise_if_lost(error, delivery)
                raise

    def _delete(self, delivery: Delivery) -> None:
        with self._main.errors():
            try:
                self._client.delete_message(QueueUrl=self._main.url, ReceiptHandle=delivery.receipt)
            except ClientError as error:
                self._raise_if_lost(error, delivery)
                raise
        self._holds.pop(delivery.receipt, None)

    def _raise_if_lost(self, error: ClientError, delivery: Delivery) -> None:
        if code_of(error) in _STALE_CODES:
            self._holds.pop(delivery.receipt, None)
            raise self._lost(delivery) from error

    def _lost(self, delivery: Delivery) -> Conflict:
        return Conflict(f"message {delivery.message_id} of {self._main.what} is no longer held by this delivery")

    def _send(self, address: _Address, body: str, attributes: Mapping[str, Any], delay_seconds: float) -> None:
        if len(body.encode()) > MAX_BODY_BYTES - _ROOM_FOR_ATTRIBUTES:
            attributes = {}  # a stranger's message without room for them
        attributes = dict(attributes)
        delay = max(0, math.ceil(delay_seconds))
        if delay > LONGEST_DELAY_SECONDS:
            attributes[_DUE] = _number(round(self._clock() + delay_seconds, 3))
            delay = LONGEST_DELAY_SECONDS
        with address.errors():
            self._client.send_message(QueueUrl=address.url, MessageBody=body, DelaySeconds=delay, MessageAttributes=attributes)


class _Address:
    """A queue by its name; its URL is asked for once."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.what = f"the queue {name}"
        self._client, self._name = aws.sqs, name
        self._url: str | None = None

    @property
    def url(self) -> str:
        if self._url is None:
            self._url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        return self._url

    @contextmanager
    def errors(self) -> Iterator[None]:
        """No answer of SQS, not even one that nobody foresaw, may end the thread that receives: all are QueueUnavailable."""
        try:
            with aws_errors(QueueUnavailable, self.what):
                yield
        except ClientError as error:
            raise QueueUnavailable(f"{self.what} gave an answer that nobody foresaw ({error})") from error

    def counts(self) -> dict[str, int]:
        """Messages that are visible, held and delayed, as SQS estimates them."""
        with self.errors():
            answer: Any = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(_COUNTS))
        return {name: int(answer["Attributes"][name]) for name in _COUNTS}


_COUNTS: Any = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def _copied(delivery: Delivery, attempts: int) -> dict[str, Any]:
    """The attributes of a fresh copy of a message that was tried so often."""
    return {_ATTEMPTS: _number(attempts), _ORIGIN: _text(delivery.message_id)}


def _value(attributes: Mapping[str, str], name: str) -> float:
    """A number that this adapter wrote; 0 where it did not, or where it is a stranger's and none."""
    try:
        value = float(attributes.get(name, 0))
    except ValueError:
        return 0.0
    return max(0.0, value) if math.isfinite(value) else 0.0


def _number(value: float) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": json.dumps(value)}


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """The bodies in batches that SQS takes: by number and by size."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = _checked_length(body)
        if batch and (len(batch) == BATCH or size + length > MAX_BODY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def _checked_length(body: str) -> int:
    """In bytes. ValueError for what SQS cannot carry."""
    length = len(body.encode(errors="surrogatepass"))
    if not 0 < length <= MAX_BODY_BYTES - _ROOM_FOR_ATTRIBUTES or _sendable(body) != body:
        raise ValueError(f"SQS cannot carry this message: it is empty, above 1 MiB, or has characters that XML forbids ({body[:80]!r})")
    return length


def _sendable(text: str) -> str:
    """The text with what SQS refuses replaced."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
