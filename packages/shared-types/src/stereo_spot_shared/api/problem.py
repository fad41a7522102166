"""What went wrong, as the API says it."""

from __future__ import annotations

from stereo_spot_shared.base import Value

MEDIA_TYPE = "application/problem+json"


class Problem(Value):
    """What went wrong, and what to do about it (RFC 9457)."""

    title: str
    status: int
    detail: str
    code: str
    """A stable name: an error of the tree, or that of the HTTP status."""
    hint: str | None = None
