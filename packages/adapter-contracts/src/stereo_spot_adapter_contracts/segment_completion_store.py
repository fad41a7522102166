"""What every `SegmentCompletionStore` must do."""

from __future__ import annotations

from functools import partial

import pytest

from stereo_spot_adapter_contracts.examples import a_completion
from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.interfaces import SegmentCompletionStore
from stereo_spot_shared.jobs import SegmentCompletion, new_job_id

_SEGMENTS = 20


class SegmentCompletionStoreContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty store."""

    @pytest.fixture
    def store(self, recipe: Recipe[SegmentCompletionStore]) -> SegmentCompletionStore:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[SegmentCompletionStore]) -> SegmentCompletionStore:
        return recipe()

    @pytest.fixture
    def job_id(self) -> str:
        return new_job_id()

    def test_what_is_put_is_seen_whole_by_others(self, store: SegmentCompletionStore, other: SegmentCompletionStore, job_id: str) -> None:
        completion = a_completion(job_id, 0)
        assert store.put(completion) == completion
        assert other.get(job_id, 0) == completion

    def test_the_first_writer_wins(self, store: SegmentCompletionStore, other: SegmentCompletionStore, job_id: str) -> None:
        first = store.put(a_completion(job_id, 3, "first"))
        assert other.put(a_completion(job_id, 3, "second")) == first
        assert store.get(job_id, 3) == first
        assert store.count(job_id) == 1

    def test_racing_writers_agree_on_one_winner(
        self, store: SegmentCompletionStore, recipe: Recipe[SegmentCompletionStore], job_id: str
    ) -> None:
        seen = race(partial(_complete_all, job_id), recipe)
        standing = store.query_by_job(job_id, limit=_SEGMENTS).completions
        assert [completion.segment_index for completion in standing] == list(range(_SEGMENTS))
        assert all(tuple(winners) == standing for winners, _ in seen)

    def test_the_count_includes_every_put_that_returned(
        self, store: SegmentCompletionStore, recipe: Recipe[SegmentCompletionStore], job_id: str
    ) -> None:
        seen = race(partial(_complete_own, job_id), recipe)
        assert all(counts == sorted(counts) and counts[-1] >= _SEGMENTS for counts in seen)
        assert max(counts[-1] for counts in seen) == store.count(job_id) == RACERS * _SEGMENTS  # whoever is last sees all

    def test_unknown_segments_and_jobs_have_none(self, store: SegmentCompletionStore, job_id: str) -> None:
        store.put(a_completion(job_id, 0))
        assert store.get(job_id, 1) is None
        assert store.get(new_job_id(), 0) is None
        assert store.count(new_job_id()) == 0
        assert store.query_by_job(new_job_id()).completions == ()

    def test_pages_are_in_order_of_segments_and_hold_each_once(self, store: SegmentCompletionStore, job_id: str) -> None:
        indexes = [100, 9, 0, 1000, 10, 2, 99, 11, 1]
        for index in indexes:
            store.put(a_completion(job_id, index))
            store.put(a_completion(new_job_id(), index))
        pages = _walk(store, job_id, limit=4)
        assert [len(page) for page in pages] == [4, 4, 1]
        assert [completion.segment_index for page in pages for completion in page] == sorted(indexes)
        assert all(completion.job_id == job_id for page in pages for completion in page)

    def test_a_page_that_ends_with_the_list_has_no_cursor(self, store: SegmentCompletionStore, job_id: str) -> None:
        for index in range(4):
            store.put(a_completion(job_id, index))
        assert store.query_by_job(job_id, limit=4).cursor is None
        assert store.query_by_job(job_id, limit=3).cursor is not None

    def test_completions_that_come_meanwhile_disturb_no_walk(
        self, store: SegmentCompletionStore, other: SegmentCompletionStore, job_id: str
    ) -> None:
        for index in range(0, 20, 2):
            store.put(a_completion(job_id, index))
        page = store.query_by_job(job_id, limit=3)
        seen = list(page.completions)
        fresh = iter(range(1, 40, 2))
        while page.cursor is not None and len(seen) < 100:
            other.put(a_completion(job_id, next(fresh)))
            page = store.query_by_job(job_id, cursor=page.cursor, limit=3)
            seen.extend(page.completions)
        indexes = [completion.segment_index for completion in seen]
        assert indexes == sorted(set(indexes))
        assert set(range(0, 20, 2)) <= set(indexes)

    def test_deleting_forgets_one_job_only_and_may_be_repeated(self, store: SegmentCompletionStore, job_id: str) -> None:
        kept = new_job_id()
        for index in range(30):  # more than one batch of a cloud's
            store.put(a_completion(job_id, index))
            store.put(a_completion(kept, index))
        store.delete_by_job(job_id)
        store.delete_by_job(job_id)
        assert (store.count(job_id), store.get(job_id, 0), store.query_by_job(job_id).completions) == (0, None, ())
        assert store.count(kept) == 30

    def test_a_deleted_job_can_be_completed_anew(self, store: SegmentCompletionStore, job_id: str) -> None:
        store.put(a_completion(job_id, 0, "old"))
        store.delete_by_job(job_id)
        assert store.put(a_completion(job_id, 0, "new")).attempt_id == "new"


def _walk(store: SegmentCompletionStore, job_id: str, *, limit: int) -> list[tuple[SegmentCompletion, ...]]:
    page = store.query_by_job(job_id, limit=limit)
    pages = [page.completions]
    while page.cursor is not None:
        page = store.query_by_job(job_id, cursor=page.cursor, limit=limit)
        pages.append(page.completions)
    return pages


def _complete_all(job_id: str, store: SegmentCompletionStore, number: int) -> tuple[list[SegmentCompletion], int]:
    """Complete every segment; what stood for each, and how many this process won."""
    standing = [store.put(a_completion(job_id, index, f"racer{number}")) for index in range(_SEGMENTS)]
    return standing, sum(completion.attempt_id == f"racer{number}" for completion in standing)


def _complete_own(job_id: str, store: SegmentCompletionStore, number: int) -> list[int]:
    """Complete segments of this process's own; the count after each."""
    counts = []
    for index in range(_SEGMENTS):
        store.put(a_completion(job_id, number * _SEGMENTS + index))
        counts.append(store.count(job_id))
    return counts
