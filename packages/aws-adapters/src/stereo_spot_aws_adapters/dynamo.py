"""What the stores ask of a table, in few verbs: reads are consistent, writes are conditional, deletions are batches."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.names import table_name
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import PermanentError, StoreUnavailable
from stereo_spot_shared.jobs import new_attempt_id

Item = dict[str, Any]
"""Attributes by name, each as `{type: value}`."""

_BATCH_WRITE, _BATCH_READ = 25, 100
_UNPROCESSED_TRIES = 8
_PLAIN_BYTES = 16 << 10
MAX_ITEM_BYTES = 400 << 10
_ROOM_FOR_KEYS = 4 << 10


class ConditionFailed(Exception):
    """A conditional write was refused; `standing` is the item that is there, None where there is none."""

    def __init__(self, standing: Item | None) -> None:
        super().__init__()
        self.standing = standing


class Table:
    """One table. StoreUnavailable is raised where it does not answer."""

    def __init__(self, aws: Aws, table: str) -> None:
        self.name = table_name(aws.settings.prefix, table)
        self._aws = aws
        self._client = aws.dynamodb
        self._what = f"the table {self.name}"

    def get(self, key: Item) -> Item | None:
        with aws_errors(StoreUnavailable, self._what):
            return self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """The items that there are, in no order."""
        found: list[Item] = []
        for start in range(0, len(keys), _BATCH_READ):
            wanted: Any = {self.name: {"Keys": list(keys[start : start + _BATCH_READ]), "ConsistentRead": True}}
            for attempt in range(_UNPROCESSED_TRIES):
                with aws_errors(StoreUnavailable, self._what):
                    answer = self._client.batch_get_item(RequestItems=wanted)
                found += answer["Responses"].get(self.name, [])
                if not (wanted := answer.get("UnprocessedKeys")):
                    break
                time.sleep(0.05 * 2**attempt)
            else:
                raise _not_all(self._what)
        return found

    def put(self, item: Item, *, condition: str | None = None, names: Mapping[str, str] | None = None, values: Item | None = None) -> None:
        """Store the item whole. ConditionFailed where `condition` does not hold of what is there.

        Each conditional write is signed: where its answer was lost and the SDK asked again, the second is refused
        because of the first, and that is a success.
        """
        arguments: dict[str, Any] = {"TableName": self.name, "Item": item}
        if condition is not None:
            item = {**item, "write_id": {"S": new_attempt_id()}}
            arguments |= {"Item": item, "ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        if values:
            arguments["ExpressionAttributeValues"] = values
        with aws_errors(StoreUnavailable, self._what):
            try:
                self._client.put_item(**arguments)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                answer: Mapping[str, Any] = error.response
                standing: Item | None = answer.get("Item")
                if standing is None or standing.get("write_id") != item["write_id"]:
                    raise ConditionFailed(standing) from None

    def update(self, key: Item, expression: str, *, condition: str, names: Mapping[str, str], values: Item) -> None:
        """Change an item in place. ConditionFailed where `condition` does not hold of what is there."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": dict(names),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            arguments["ExpressionAttributeValues"] = values
        with aws_errors(StoreUnavailable, self._what):
            try:
                self._client.update_item(**arguments)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                answer: Mapping[str, Any] = error.response
                raise ConditionFailed(answer.get("Item")) from None

    def query(self, condition: str, values: Item, *, start: Item | None = None, **more: Any) -> tuple[list[Item], Item | None]:
        """One page of at most 1 MB, and where the next begins (None at the end). Consistent, but along a global index."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **more,
        }
        if start is not None:
            arguments["ExclusiveStartKey"] = start
        with aws_errors(StoreUnavailable, self._what):
            answer = self._client.query(**arguments)
        return answer.get("Items", []), answer.get("LastEvaluatedKey")

    def query_all(self, condition: str, values: Item, **more: Any) -> Iterator[Item]:
        """Every item, page by page, read consistently."""
        start = None
        while True:
            items, start = self.query(condition, values, start=start, ConsistentRead=True, **more)
            yield from items
            if start is None:
                return

    def count(self, condition: str, values: Item, *, index: str) -> int:
        """How many items there are along a local index, read consistently."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "Select": "COUNT",
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        found = 0
        while True:
            with aws_errors(StoreUnavailable, self._what):
                answer = self._client.query(**arguments)
            found += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return found
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def delete_all(self, keys: Sequence[Item]) -> None:
        """Delete in batches; keys of which there is nothing are no error."""
        for start in range(0, len(keys), _BATCH_WRITE):
            waiting: Any = {self.name: [{"DeleteRequest": {"Key": key}} for key in keys[start : start + _BATCH_WRITE]]}
            for attempt in range(_UNPROCESSED_TRIES):
                with aws_errors(StoreUnavailable, self._what):
                    waiting = self._client.batch_write_item(RequestItems=waiting).get("UnprocessedItems")
                if not waiting:
                    break
                time.sleep(0.05 * 2**attempt)
            else:
                raise _not_all(self._what)


def encode_body(value: Value, name: str) -> Item:
    """The attribute `body`: JSON that a person can read in the console, compressed where it is long.

    PermanentError where it would not fit into an item even so.
    """
    text = value.model_dump_json()
    if len(data := text.encode()) <= _PLAIN_BYTES:
        return {"S": text}
    packed = zlib.compress(data)
    if len(packed) > MAX_ITEM_BYTES - _ROOM_FOR_KEYS:
        raise PermanentError(
            f"{name} is too large to be stored: {len(packed) >> 10} KiB compressed, and an item of DynamoDB holds {MAX_ITEM_BYTES >> 10}",
            hint="A source that is damaged in so many places cannot be converted on this platform.",
        )
    return {"B": packed}


def body_text(item: Item) -> str:
    """The JSON of an item; "" where it is none (which reads as damaged)."""
    body = item.get("body", {})
    if "S" in body:
        return str(body["S"])
    try:
        return zlib.decompress(body["B"]).decode()
    except (KeyError, zlib.error, UnicodeDecodeError):
        return ""


def _not_all(what: str) -> StoreUnavailable:
    return StoreUnavailable(f"{what} took only a part of a batch, again and again", hint="It is throttled; the work goes on by itself.")
