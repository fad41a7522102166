"""Walking through what the stores return page by page."""

from __future__ import annotations

from collections.abc import Iterator

from stereo_spot_shared.interfaces import ObjectInfo, ObjectStorage, SegmentCompletionStore
from stereo_spot_shared.jobs import SegmentCompletion


def all_completions(store: SegmentCompletionStore, job_id: str) -> Iterator[SegmentCompletion]:
    """Every completion of a job, in order of segment index."""
    cursor: str | None = None
    while True:
        page = store.query_by_job(job_id, cursor=cursor)
        yield from page.completions
        if (cursor := page.cursor) is None:
            return


def all_objects(storage: ObjectStorage, prefix: str) -> Iterator[ObjectInfo]:
    """Every object whose key begins with `prefix`, in order of keys."""
    cursor: str | None = None
    while True:
        page = storage.list(prefix, cursor=cursor)
        yield from page.objects
        if (cursor := page.cursor) is None:
            return
