"""What every `JobStore` must do."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest

from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import JobStore
from stereo_spot_shared.jobs import Job, JobError, JobStatus, Plan, Stage, new_job_id

_ROUNDS = 15


class JobStoreContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty store."""

    @pytest.fixture
    def store(self, recipe: Recipe[JobStore]) -> JobStore:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[JobStore]) -> JobStore:
        return recipe()

    def test_a_created_job_is_version_1_and_is_seen_whole_by_others(self, store: JobStore, other: JobStore) -> None:
        job = a_job()
        stored = store.create(job)
        assert stored == job.evolve(version=1, updated_at=job.updated_at)
        assert other.get(job.job_id) == stored

    def test_an_id_is_taken_once(self, store: JobStore, other: JobStore) -> None:
        stored = store.create(a_job())
        with pytest.raises(Conflict):
            other.create(stored.evolve(status=JobStatus.FAILED))
        assert store.get(stored.job_id) == stored

    def test_an_unknown_job_is_not_found(self, store: JobStore) -> None:
        with pytest.raises(NotFound):
            store.get(new_job_id())

    def test_an_update_keeps_every_field_and_raises_the_version(self, store: JobStore, other: JobStore) -> None:
        job = store.create(a_job())
        changed = job.evolve(
            status=JobStatus.FAILED,
            plan=Plan(plan_id="p", segment_count=7, frame_count=99, duration=Fraction(1001, 30000)),
            cut=7,
            sent=3,
            hinted_at=job.created_at,
            error=JobError(code="render_failed", message="ü'\";--", stage=Stage.RENDER, segment_index=3, hint="again"),
        )
        stored = store.update(changed)
        assert stored == changed.evolve(version=2, updated_at=changed.updated_at)
        assert other.get(job.job_id) == stored

    def test_an_update_of_an_old_version_changes_nothing(self, store: JobStore, other: JobStore) -> None:
        old = store.create(a_job())
        new = store.update(old.evolve(cut=1))
        with pytest.raises(Conflict):
            other.update(old.evolve(cut=2))
        assert store.get(old.job_id) == new

    def test_an_update_of_a_version_to_come_changes_nothing(self, store: JobStore) -> None:
        job = store.create(a_job())
        with pytest.raises(Conflict):
            store.update(job.evolve(version=2, cut=2))
        assert store.get(job.job_id) == job

    def test_an_update_never_creates(self, store: JobStore) -> None:
        job = a_job()
        with pytest.raises(NotFound):
            store.update(job.evolve(version=1))
        with pytest.raises(NotFound):
            store.get(job.job_id)

    def test_every_version_has_one_winner_among_racing_processes(self, store: JobStore, recipe: Recipe[JobStore]) -> None:
        job = store.create(a_job())
        won = race(partial(_count_up, job.job_id), recipe)
        assert sorted(version for versions in won for version in versions) == list(range(2, 2 + RACERS * _ROUNDS))
        assert store.get(job.job_id).cut == RACERS * _ROUNDS

    def test_one_of_racing_processes_creates(self, store: JobStore, recipe: Recipe[JobStore]) -> None:
        for _ in range(3):
            job = a_job()
            won = race(partial(_create, job), recipe)
            assert sum(won) == 1
            assert store.get(job.job_id).cut == won.index(True)

    def test_an_empty_list_ends_at_once(self, store: JobStore) -> None:
        page = store.list()
        assert (page.jobs, page.cursor) == ((), None)

    def test_the_newest_come_first(self, store: JobStore) -> None:
        jobs = [store.create(a_job(minute=minute)) for minute in (3, 1, 4, 2, 5)]
        assert store.list().jobs == tuple(sorted(jobs, key=lambda job: job.created_at, reverse=True))

    def test_pages_hold_every_job_once(self, store: JobStore) -> None:
        jobs = [store.create(a_job(minute=number // 3)) for number in range(11)]  # some were created at one instant
        seen = _walk(store, limit=4)
        assert [len(page) for page in seen] == [4, 4, 3]
        _assert_each_once(seen, jobs)

    def test_a_page_that_ends_with_the_list_has_no_cursor(self, store: JobStore) -> None:
        for number in range(4):
            store.create(a_job(minute=number))
        assert store.list(limit=4).cursor is None
        assert store.list(limit=3).cursor is not None

    def test_jobs_that_come_or_change_meanwhile_disturb_no_walk(self, store: JobStore, other: JobStore) -> None:
        jobs = [store.create(a_job(minute=number)) for number in range(0, 20, 2)]
        seen: list[tuple[Job, ...]] = []
        cursor = None
        for number in range(100):
            page = store.list(cursor=cursor, limit=3)
            seen.append(page.jobs)
            if (cursor := page.cursor) is None:
                break
            other.create(a_job(minute=100 + number))
            other.create(a_job(minute=number))
            changed = other.get(jobs[number].job_id)
            other.update(changed.evolve(status=JobStatus.RENDERING))
        ids = [job.job_id for page in seen for job in page]
        assert len(ids) == len(set(ids))
        assert {job.job_id for job in jobs} <= set(ids)

    def test_only_the_statuses_asked_for(self, store: JobStore) -> None:
        statuses = [JobStatus.QUEUED, JobStatus.RENDERING, JobStatus.FAILED, JobStatus.QUEUED] * 3
        jobs = [store.create(a_job(minute=number, status=status)) for number, status in enumerate(statuses)]
        wanted = frozenset({JobStatus.QUEUED, JobStatus.FAILED})
        seen = _walk(store, limit=4, statuses=wanted)
        _assert_each_once(seen, [job for job in jobs if job.status in wanted])
        assert store.list(statuses=frozenset()).jobs == ()

    def test_a_search_finds_parts_of_names_whatever_their_case(self, store: JobStore) -> None:
        names = ["Grüße aus KÖLN.mp4", "cologne.mkv", "100%_sure.mov", "100 days.mp4"] * 2
        jobs = [store.create(a_job(minute=number, name=name)) for number, name in enumerate(names)]
        for text, wanted in (("köln", 0), ("OLOGNE.m", 1), ("100%", 2), ("0 d", 3)):
            found = _walk(store, limit=1, name=text)
            _assert_each_once(found, [job for job in jobs if job.source.name == names[wanted]])
        assert _walk(store, limit=4, name="_")[0] == (jobs[6], jobs[2])
        assert not any(_walk(store, limit=4, name="nothing like it"))

    def test_a_search_among_statuses(self, store: JobStore) -> None:
        jobs = [
            store.create(a_job(minute=number, name=name, status=status))
            for number, (name, status) in enumerate(
                [("a film.mp4", JobStatus.FAILED), ("a film.mp4", JobStatus.QUEUED), ("other.mp4", JobStatus.FAILED)]
            )
        ]
        found = _walk(store, limit=4, name="film", statuses=frozenset({JobStatus.FAILED}))
        _assert_each_once(found, jobs[:1])

    def test_a_list_follows_a_change_of_status(self, store: JobStore) -> None:
        job = store.create(a_job(status=JobStatus.QUEUED))
        store.update(job.evolve(status=JobStatus.CHUNKING))
        assert store.list(statuses=frozenset({JobStatus.QUEUED})).jobs == ()
        assert [found.job_id for found in store.list(statuses=frozenset({JobStatus.CHUNKING})).jobs] == [job.job_id]


def _walk(store: JobStore, *, limit: int, statuses: frozenset[JobStatus] | None = None, name: str | None = None) -> list[tuple[Job, ...]]:
    page = store.list(statuses=statuses, name=name, limit=limit)
    pages = [page.jobs]
    while page.cursor is not None:
        page = store.list(statuses=statuses, name=name, limit=limit, cursor=page.cursor)
        pages.append(page.jobs)
    return pages


def _assert_each_once(pages: list[tuple[Job, ...]], jobs: list[Job]) -> None:
    seen = [job for page in pages for job in page]
    assert sorted(job.job_id for job in seen) == sorted(job.job_id for job in jobs)
    assert [job.created_at for job in seen] == sorted((job.created_at for job in jobs), reverse=True)


def _count_up(job_id: str, store: JobStore, _number: int) -> list[int]:
    """Raise `cut` until it was raised _ROUNDS times by this process; the versions that it wrote."""
    won: list[int] = []
    while len(won) < _ROUNDS:
        job = store.get(job_id)
        try:
            won.append(store.update(job.evolve(cut=job.cut + 1)).version)
        except Conflict:
            continue
    return won


def _create(job: Job, store: JobStore, number: int) -> bool:
    try:
        store.create(job.evolve(cut=number))
    except Conflict:
        return False
    return True
