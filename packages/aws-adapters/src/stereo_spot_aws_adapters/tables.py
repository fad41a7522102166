"""Every table and index: what is looked for is a key, so that nothing is ever scanned.

A list of jobs is a walk along an index. One partition takes 1,000 writes a second, so each index is spread over SHARDS partitions by a
hash of the job's id, and a list merges the walks along all of them. The indexes hold keys and the name only: a job's row is
written dozens of times while it is converted, and an index only when the job is made or its status changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from stereo_spot_aws_adapters.names import ACTIVITY, COMPLETIONS, JOBS, SLOTS

SHARDS = 4
"""May be raised at any time, by a version that every process runs; never lowered."""

BY_TIME, BY_STATUS, BY_SEGMENT = "by-time", "by-status", "by-segment"

AttributeType = Literal["S", "N"]


@dataclass(frozen=True)
class Key:
    """One attribute of a key."""

    name: str
    type: AttributeType


@dataclass(frozen=True)
class IndexSpec:
    """A sparse index: of the items that have its keys. A local one shares the table's partitions and is read consistently."""

    partition: Key
    sort: Key
    local: bool = False
    include: tuple[str, ...] = ()
    """Attributes that it holds besides keys."""


@dataclass(frozen=True)
class TableSpec:
    """A table, billed by request."""

    partition: Key
    sort: Key | None = None
    indexes: Mapping[str, IndexSpec] = field(default_factory=dict)
    expires: str | None = None
    """The attribute that says when an item may be removed, in seconds since the epoch."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of the table itself."""
        return (self.partition,) if self.sort is None else (self.partition, self.sort)


_JOB = Key("job_id", "S")
_PLACE = Key("place", "S")  # time of creation and id: the order of every list of jobs

TABLES: Mapping[str, TableSpec] = MappingProxyType(
    {
        JOBS: TableSpec(
            _JOB,
            indexes={
                BY_TIME: IndexSpec(Key("shard", "S"), _PLACE, include=("name",)),
                BY_STATUS: IndexSpec(Key("status_shard", "S"), _PLACE, include=("name",)),
            },
        ),
        COMPLETIONS: TableSpec(
            _JOB,
            Key("segment_index", "N"),
            # Counted after every segment: an index that holds keys only makes that a tenth of the price of reading the rows.
            indexes={BY_SEGMENT: IndexSpec(_JOB, Key("counted", "N"), local=True)},
        ),
        ACTIVITY: TableSpec(_JOB, Key("place", "S"), expires="expires"),
        SLOTS: TableSpec(Key("pool", "S")),
    }
)
