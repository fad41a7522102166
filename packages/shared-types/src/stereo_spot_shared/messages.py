"""Messages: frozen values that encode and decode themselves.

A message is a hint that a job may need a stage; what has to be done is read from the store. So a message may come
twice, late, in any order or never.
"""

from __future__ import annotations

import json
from typing import ClassVar, Self

from pydantic import Field, ValidationError

from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.base import SCHEMA_VERSION, Value
from stereo_spot_shared.errors import InvalidMessage, UnknownSchema
from stereo_spot_shared.jobs import Stage


class Message(Value):
    """Base of all messages: the job it is about, and the version it was written in."""

    stage: ClassVar[Stage]

    schema_version: int = SCHEMA_VERSION
    job_id: str

    def encode(self) -> str:
        return self.model_dump_json()

    @classmethod
    def decode(cls, body: str) -> Self:
        """Read a message of this kind. InvalidMessage for what no version wrote, UnknownSchema for a newer one's."""
        try:
            fields = json.loads(body)
            version = fields["schema_version"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidMessage(f"a {cls.__name__} could not be read: {error!r}") from error
        if type(version) is not int or version < 1:
            raise InvalidMessage(f"a {cls.__name__} has no schema version but {version!r}")
        if version > SCHEMA_VERSION:
            raise UnknownSchema(f"a {cls.__name__} has schema version {version}, this worker knows {SCHEMA_VERSION}")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidMessage(f"a {cls.__name__} could not be read: {error.errors()[0]['msg']}") from error


class IngestRequest(Message):
    """Fetch a job's source from its URL."""

    stage = Stage.INGEST


class ChunkRequest(Message):
    """Plan and cut a job's source."""

    stage = Stage.CHUNK


class SegmentReady(Message):
    """A segment is cut and waits to be rendered."""

    stage = Stage.RENDER

    segment_index: int = Field(ge=0)
    failures: int = Field(default=0, ge=0)
    """How many attempts have failed at a backend that answers by message: there no delivery counts them."""
    again: bool = False
    """Whether the segment was announced before: an earlier attempt may have stored something of it."""


class SegmentRendered(Message):
    """An asynchronous backend has ended an attempt at a segment: it stored something, or `problem` says why not."""

    stage = Stage.RENDERED

    segment_index: int = Field(ge=0)
    attempt_id: str
    failures: int = Field(default=0, ge=0)
    """How many attempts at the segment had failed before this one."""
    problem: Problem | None = None


class ReassembleRequest(Message):
    """Every segment is rendered: join them."""

    stage = Stage.REASSEMBLE


class SweepRequest(Message):
    """A job has ended: remove what it does not keep."""

    stage = Stage.SWEEP


class RenditionRequest(Message):
    """Somebody wants to watch a completed job in a browser: make the version of its output that every browser plays."""

    stage = Stage.RENDITION
