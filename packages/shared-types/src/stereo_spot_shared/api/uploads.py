"""What is said of an upload whose parts do not pass through the web server."""

from __future__ import annotations

from pydantic import Field

from stereo_spot_shared.base import Value


class PartWanted(Value):
    """The part of an upload that begins at a byte."""

    offset: int = Field(ge=0)


class PartView(Value):
    """Where that part belongs: PUT exactly `bytes` bytes to `url`, within an hour."""

    url: str
    bytes: int


class UploadView(Value):
    """How many of an upload's bytes are here, from the first on without a gap."""

    offset: int
    bytes: int
