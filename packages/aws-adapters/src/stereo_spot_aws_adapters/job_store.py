"""Jobs in one table, listed along two sharded indexes."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.dynamo import ConditionFailed, Item, Table, body_text, encode_body
from stereo_spot_aws_adapters.names import JOBS
from stereo_spot_aws_adapters.side_by_side import each_of
from stereo_spot_aws_adapters.tables import BY_STATUS, BY_TIME, SHARDS
from stereo_spot_shared.errors import Conflict, NotFound, StereoSpotError
from stereo_spot_shared.interfaces import JobPage
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.rows import decode_row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_THROUGH = 500
"""How many keys of each shard a search looks at for one page; pages may be short for it."""


_SEARCHED_CHARACTERS = 1000
"""Of a name, since it is a part of every index: four times what a file's name may have."""


@dataclass(frozen=True)
class _Walk:
    """The next keys of one partition of an index, newest first, and how far down it is known: "" where to its end."""

    places: list[str]
    known_to: str


class DynamoJobStore:
    """`JobStore` on DynamoDB. Lists follow a change within moments (an index lags behind its table), a job itself at once."""

    def __init__(self, aws: Aws) -> None:
        self._table = Table(aws, JOBS)

    def create(self, job: Job) -> Job:
        stored = job.model_copy(update={"version": 1})
        try:
            self._table.put(_item(stored), condition="attribute_not_exists(job_id)")
        except ConditionFailed:
            raise Conflict(f"a job {job.job_id} exists already") from None
        return stored

    def get(self, job_id: str) -> Job:
        item = self._table.get({"job_id": {"S": job_id}})
        if item is None:
            raise NotFound(f"there is no job {job_id}")
        return _decode(item)

    def update(self, job: Job) -> Job:
        stored = job.model_copy(update={"version": job.version + 1})
        try:
            self._table.put(
                _item(stored), condition="#version = :seen", names={"#version": "version"}, values={":seen": {"N": str(job.version)}}
            )
        except ConditionFailed as refused:
            if refused.standing is None:
                raise NotFound(f"there is no job {job.job_id}") from None
            raise Conflict(f"job {job.job_id} is no longer at version {job.version}") from None
        return stored

    def list(
        self, *, statuses: frozenset[JobStatus] | None = None, name: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> JobPage:
        before = "~" if cursor is None else _checked(cursor)  # sorts after every digit
        if statuses is None:
            partitions = [(BY_TIME, "shard", str(shard)) for shard in range(SHARDS)]
        else:
            partitions = [(BY_STATUS, "status_shard", f"{status}#{shard}") for status in sorted(statuses) for shard in range(SHARDS)]
        walks = each_of(lambda partition: self._walk(*partition, before=before, name=name, limit=limit), partitions)
        places, more = _merged(walks, limit)
        jobs, unreadable = self._read(places, statuses)
        return JobPage(jobs=jobs, cursor=more, unreadable=unreadable)

    def _walk(self, index: str, attribute: str, partition: str, *, before: str, name: str | None, limit: int) -> _Walk:
        """At least `limit + 1` keys if there are so many that match; along a search, those among the next few hundred."""
        arguments: dict[str, Any] = {
            "IndexName": index,
            "ScanIndexForward": False,
            "Limit": max(limit + 1, _LOOKED_THROUGH) if name else limit + 1,
        }
        values: Item = {":partition": {"S": partition}, ":before": {"S": before}}
        if name:
            arguments |= {"FilterExpression": "contains(#name, :name)", "ExpressionAttributeNames": {"#name": "name"}}
            values[":name"] = {"S": name.casefold()}
        items, rest = self._table.query(f"{attribute} = :partition AND place < :before", values, **arguments)
        return _Walk([item["place"]["S"] for item in items], known_to=rest["place"]["S"] if rest else "")

    def _read(self, places: Sequence[str], statuses: frozenset[JobStatus] | None) -> tuple[tuple[Job, ...], tuple[str, ...]]:
        """The jobs at these places as they are now, in their order; what cannot be read as a sentence."""
        ids = [place.partition(".")[2] for place in places]
        items = {item["job_id"]["S"]: item for item in self._table.get_many([{"job_id": {"S": job_id}} for job_id in ids])}
        jobs: list[Job] = []
        unreadable: list[str] = []
        for job_id in ids:
            item = items.get(job_id)
            # The row is newer than its index: one that has changed its status since is listed under the new one.
            if item is None or (statuses is not None and item["status"]["S"] not in statuses):
                continue
            try:
                jobs.append(_decode(item))
            except StereoSpotError as error:
                unreadable.append(error.message)
        return tuple(jobs), tuple(unreadable)


def _item(job: Job) -> Item:
    shard = str(zlib.crc32(job.job_id.encode()) % SHARDS)
    created_us = (job.created_at - _EPOCH) // timedelta(microseconds=1)
    item: Item = {
        "job_id": {"S": job.job_id},
        "version": {"N": str(job.version)},
        "status": {"S": job.status.value},
        "shard": {"S": shard},
        "status_shard": {"S": f"{job.status.value}#{shard}"},
        "place": {"S": f"{created_us:017d}.{job.job_id}"},
        "body": encode_body(job, f"job {job.job_id}"),
    }
    if job.source.name:
        item["name"] = {"S": job.source.name.casefold()[:_SEARCHED_CHARACTERS]}
    return item


def _decode(item: Item) -> Job:
    return decode_row(Job, body_text(item), f"job {item['job_id']['S']}")


def _merged(walks: Sequence[_Walk], limit: int) -> tuple[list[str], str | None]:
    """The newest places of all walks, at most `limit`, and the cursor behind them.

    Only as far down as every walk is known: below that, one that was cut short may still hold newer ones. A job that changed
    its status between two walks is met by both.
    """
    floor = max((walk.known_to for walk in walks), default="")
    met = groupby(heapq.merge(*(walk.places for walk in walks), reverse=True))
    known = [place for place, _ in met if place >= floor]
    if len(known) > limit:
        return known[:limit], known[limit - 1] if limit else None
    return known, floor or None


def _checked(cursor: str) -> str:
    created, _, job_id = cursor.partition(".")
    if not created.isdecimal() or not job_id:
        raise ValueError(f"not a cursor of a list of jobs: {cursor!r}")
    return cursor
