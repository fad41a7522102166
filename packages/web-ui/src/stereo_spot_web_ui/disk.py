"""How much of the storage is whose."""

from __future__ import annotations

from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value
from stereo_spot_shared.interfaces import Platform

MOST = 20_000
"""So many objects are looked at, no more: a page must not take minutes."""


class Usage(Value):
    """Bytes in object storage, by what they are for."""

    sources: int = 0
    segments: int = 0
    results: int = 0
    partial: bool = False
    """Whether there are more objects than were looked at."""

    @property
    def total(self) -> int:
        return self.sources + self.segments + self.results


def usage(platform: Platform) -> Usage:
    """What jobs hold."""
    found = {"sources": 0, "segments": 0, "results": 0}
    for number, info in enumerate(all_objects(platform.storage, keys.JOBS_PREFIX)):
        if number == MOST:
            return Usage(partial=True, sources=found["sources"], segments=found["segments"], results=found["results"])
        try:
            kind = keys.parse_key(info.key).kind
        except ValueError:
            continue
        place = "sources" if kind == "source" else "segments" if kind in {"segment", "rendered", "answer"} else "results"
        found[place] += info.size
    return Usage(sources=found["sources"], segments=found["segments"], results=found["results"])
