"""Which segments are finished, by job and index."""

from __future__ import annotations

from itertools import islice

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.dynamo import ConditionFailed, Item, Table, body_text, encode_body
from stereo_spot_aws_adapters.names import COMPLETIONS
from stereo_spot_aws_adapters.tables import BY_SEGMENT
from stereo_spot_shared.interfaces import CompletionPage
from stereo_spot_shared.jobs import SegmentCompletion
from stereo_spot_shared.rows import decode_row


class DynamoSegmentCompletionStore:
    """`SegmentCompletionStore` on DynamoDB: one request for each put, get and count."""

    def __init__(self, aws: Aws) -> None:
        self._table = Table(aws, COMPLETIONS)

    def put(self, completion: SegmentCompletion) -> SegmentCompletion:
        job_id, index = completion.job_id, completion.segment_index
        body = encode_body(completion, f"segment {index} of job {job_id}")
        item: Item = {**_key(job_id, index), "counted": {"N": str(index)}, "body": body}
        try:
            self._table.put(item, condition="attribute_not_exists(job_id)")
        except ConditionFailed as refused:
            if refused.standing is not None:
                return _decode(refused.standing)
            raise  # a condition that fails where nothing is cannot be
        return completion

    def get(self, job_id: str, segment_index: int) -> SegmentCompletion | None:
        item = self._table.get(_key(job_id, segment_index))
        return None if item is None else _decode(item)

    def query_by_job(self, job_id: str, *, cursor: str | None = None, limit: int = 500) -> CompletionPage:
        values: Item = {":job": {"S": job_id}, ":after": {"N": "-1" if cursor is None else _place(cursor)}}
        items = list(islice(self._table.query_all("job_id = :job AND segment_index > :after", values, Limit=limit + 1), limit + 1))
        page = items[:limit]
        return CompletionPage(
            completions=tuple(_decode(item) for item in page),
            cursor=page[-1]["segment_index"]["N"] if len(items) > limit and page else None,
        )

    def count(self, job_id: str) -> int:
        return self._table.count("job_id = :job", {":job": {"S": job_id}}, index=BY_SEGMENT)

    def delete_by_job(self, job_id: str) -> None:
        found = self._table.query_all("job_id = :job", {":job": {"S": job_id}}, IndexName=BY_SEGMENT)
        self._table.delete_all([_key(job_id, int(item["segment_index"]["N"])) for item in found])


def _key(job_id: str, segment_index: int) -> Item:
    return {"job_id": {"S": job_id}, "segment_index": {"N": str(segment_index)}}


def _place(cursor: str) -> str:
    if not cursor.isdecimal():
        raise ValueError(f"not a cursor of a list of completions: {cursor!r}")
    return cursor


def _decode(item: Item) -> SegmentCompletion:
    name = f"segment {item['segment_index']['N']} of job {item['job_id']['S']}"
    return decode_row(SegmentCompletion, body_text(item), name)
