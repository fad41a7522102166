"""What every `ActivityStore` must do."""

from __future__ import annotations

from functools import partial

import pytest

from stereo_spot_adapter_contracts.examples import an_activity
from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.interfaces import ActivityStore
from stereo_spot_shared.jobs import Stage, new_job_id


class ActivityStoreContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty store."""

    @pytest.fixture
    def store(self, recipe: Recipe[ActivityStore]) -> ActivityStore:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[ActivityStore]) -> ActivityStore:
        return recipe()

    @pytest.fixture
    def job_id(self) -> str:
        return new_job_id()

    def test_a_report_is_seen_whole_by_others(self, store: ActivityStore, other: ActivityStore, job_id: str) -> None:
        report = an_activity(job_id, Stage.RENDER, 7, done=42)
        store.report(report)
        assert other.list(job_id) == (report,)

    def test_a_later_report_replaces_the_one_before(self, store: ActivityStore, job_id: str) -> None:
        for segment_index in (None, 7):
            store.report(an_activity(job_id, Stage.RENDER, segment_index, done=1))
            store.report(an_activity(job_id, Stage.RENDER, segment_index, done=2))
        assert [(report.segment_index, report.done) for report in store.list(job_id)] == [(None, 2), (7, 2)]

    def test_reports_are_in_order_of_stage_and_segment(self, store: ActivityStore, job_id: str) -> None:
        places: list[tuple[Stage, int | None]] = [
            (Stage.CHUNK, None),
            (Stage.RENDER, 0),
            (Stage.RENDER, 2),
            (Stage.RENDER, 10),
            (Stage.REASSEMBLE, None),
            (Stage.SWEEP, None),
            (Stage.RENDITION, None),
        ]
        for stage, segment_index in reversed(places):
            store.report(an_activity(job_id, stage, segment_index))
            store.report(an_activity(new_job_id(), stage, segment_index))
        assert [(report.stage, report.segment_index) for report in store.list(job_id)] == places

    def test_deleting_forgets_one_job_only_and_may_be_repeated(self, store: ActivityStore, job_id: str) -> None:
        kept = new_job_id()
        for owner in (job_id, kept):
            store.report(an_activity(owner, Stage.CHUNK, None))
        store.delete_by_job(job_id)
        store.delete_by_job(job_id)
        assert (store.list(job_id), len(store.list(kept))) == ((), 1)

    def test_racing_processes_report_without_losing_one_another(
        self, store: ActivityStore, recipe: Recipe[ActivityStore], job_id: str
    ) -> None:
        race(partial(_report, job_id), recipe)
        assert [(report.segment_index, report.done) for report in store.list(job_id)] == [(number, 19) for number in range(RACERS)]


def _report(job_id: str, store: ActivityStore, number: int) -> None:
    for done in range(20):
        store.report(an_activity(job_id, Stage.RENDER, number, done))
