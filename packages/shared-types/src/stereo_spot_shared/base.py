"""What every value of the pipeline has in common: it is frozen, strict about unknown fields, and JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
"""Version of everything that is written down (jobs, messages, manifests, records)."""


class Value(BaseModel):
    """A frozen value that encodes and decodes itself as JSON; an unknown field is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


def utc_now() -> datetime:
    """The current time, aware, in UTC: the only kind of time of day that the pipeline stores."""
    return datetime.now(UTC)
