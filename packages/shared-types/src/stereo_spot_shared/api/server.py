"""What is said of a server: what it is, how much work waits, which depth models it has."""

from __future__ import annotations

from pydantic import Field

from stereo_spot_shared.base import Value
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import Stage


class QueueView(Value):
    """How much work waits for a stage."""

    stage: Stage
    waiting: int
    in_flight: int
    dead: int


class ServerView(Value):
    """What this server is and can do."""

    version: str
    platform: str
    place: str = ""
    """Where what it holds is kept: a folder, a bucket."""
    imports: bool
    """Whether there is an import folder."""
    ingest: IngestPolicy
    """Where videos may be fetched from by their URLs."""
    previews: bool
    """Whether a source can be looked at in 3D before it is converted."""
    max_upload_bytes: int
    disk_free_bytes: int | None
    """Where the server keeps scratch files: on the embedded platform, where everything is."""
    queues: tuple[QueueView, ...]


class Model(Value):
    """A depth model that is known by name."""

    name: str
    about: str
    bytes: int
    licence: str
    commercial: bool
    """Whether the licence allows commercial use; others are fetched only by who accepts that."""
    page: str
    speed: str
    present: bool
    default: bool
    """Whether `auto` takes it."""
    fetched: float | None = Field(default=None, ge=0, le=1)
    """How much of it has come, while it is fetched."""
    problem: str | None = None
    """Why the last fetch failed."""
