"""The header that makes of an answer a file with a name."""

from __future__ import annotations

from urllib.parse import quote


def attachment(name: str) -> str:
    """The value of Content-Disposition (RFC 6266) for a file to be saved under this name, whatever characters it has."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
