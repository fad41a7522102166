"""`advance` and the reconciler: what is found out about a job, and that it is done once."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import threading
from datetime import timedelta
from fractions import Fraction

import pytest

from stereo_spot_runtime import advance, cancel_job, reconcile
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.reconciler import run_reconciler
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, NotFound, StoreUnavailable
from stereo_spot_shared.jobs import Activity, JobResult, JobStatus, Plan, Stage
from stereo_spot_shared.keys import output_key, result_key
from stereo_spot_shared.messages import ChunkRequest, SegmentReady
from stereo_spot_shared.pipeline import STAGES, note_cut, start_rendering

PLAN = Plan(plan_id="plan", segment_count=3, frame_count=3, duration=Fraction(3))


def take(platform, stage: Stage) -> list[str]:
    """Receive and acknowledge all that wait."""
    deliveries = platform.queues[stage].receive(max_messages=100)
    for delivery in deliveries:
        platform.queues[stage].ack(delivery)
    return [delivery.body for delivery in deliveries]


def segments(bodies: list[str]) -> list[int]:
    return sorted(SegmentReady.decode(body).segment_index for body in bodies)


def ago(seconds: float):
    return utc_now() - timedelta(seconds=seconds)


class Asked:
    """A store, and the names of what it was asked for."""

    def __init__(self, store) -> None:
        self._store, self.names = store, []

    def __getattr__(self, name: str):
        self.names.append(name)
        return getattr(self._store, name)


class TestUpdate:
    def test_a_job_that_was_just_seen_is_changed_by_one_request(self, platform, make_job) -> None:
        job, asked = make_job(), dataclasses.replace(platform, jobs=Asked(platform.jobs))
        assert update_job(asked, job.job_id, lambda job: job.evolve(keep_source=True), seen=job).version == job.version + 1
        assert asked.jobs.names == ["update"]

    def test_nothing_hangs_on_what_was_seen_before(self, platform, make_job) -> None:
        """Neither what others wrote since, nor that there seemed to be nothing to do, nor that it seemed to be forbidden."""
        seen = make_job()
        update_job(platform, seen.job_id, lambda job: job.evolve(hinted_at=None, swept=True))
        assert update_job(platform, seen.job_id, lambda job: job.evolve(keep_source=True), seen=seen).swept

        def needs_swept(job):
            return job.evolve(announced=1) if job.swept else None

        assert update_job(platform, seen.job_id, needs_swept, seen=seen).announced == 1

        def insists(job):
            if not job.swept:
                raise Conflict("not yet")
            return job.evolve(announced=2)

        assert update_job(platform, seen.job_id, insists, seen=seen).announced == 2


class TestAdvance:
    def test_fault_18_the_last_two_segments_finish_together_and_the_job_is_joined_once(self, platform, make_job, complete) -> None:
        """Fault 5 too: they come in any order."""
        for _ in range(5):
            job = make_job(segments=4)
            start = threading.Barrier(4)

            def finish(index: int, job=job, start=start) -> None:
                start.wait()
                complete(job.job_id, index)
                advance(platform, job.job_id)

            threads = [threading.Thread(target=finish, args=(index,)) for index in (3, 1, 2, 0)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert platform.jobs.get(job.job_id).status is JobStatus.REASSEMBLING
            assert len(take(platform, Stage.REASSEMBLE)) == 1

    def test_fault_04_a_completion_recorded_twice_counts_once(self, platform, make_job, complete) -> None:
        job = make_job(segments=2)
        first = complete(job.job_id, 0, "first")
        assert complete(job.job_id, 0, "second") == first
        assert advance(platform, job.job_id).status is JobStatus.RENDERING
        complete(job.job_id, 1)
        assert advance(platform, job.job_id).status is JobStatus.REASSEMBLING

    def test_a_job_that_was_just_seen_is_not_read_and_one_that_changed_since_is(self, platform, make_job, complete) -> None:
        seen = make_job(segments=2)
        asked = dataclasses.replace(platform, jobs=Asked(platform.jobs), completions=Asked(platform.completions))
        assert advance(asked, seen.job_id, seen=seen) == seen
        assert asked.jobs.names == []
        for index in range(2):
            complete(seen.job_id, index)
        newer = update_job(platform, seen.job_id, lambda job: job.evolve(keep_source=True))
        moved = advance(asked, seen.job_id, seen=seen)
        assert (moved.status, moved.keep_source, moved.version) == (JobStatus.REASSEMBLING, True, newer.version + 1)

    def test_nothing_is_counted_before_all_segments_were_announced(self, platform, make_job, complete) -> None:
        job = make_job(segments=2)
        asked = dataclasses.replace(platform, completions=Asked(platform.completions))
        advance(asked, job.job_id, seen=job.evolve(status=JobStatus.CHUNKING, cut=1, sent=1, hinted_at=utc_now()))
        assert asked.completions.names == []
        advance(asked, job.job_id)
        assert asked.completions.names == ["count"]

    def test_all_were_complete_when_the_announcements_were_taken_back(self, platform, make_job, complete) -> None:
        """As where joining failed, and is tried again."""
        job = make_job(segments=2, sent=0, announced=2)
        for index in range(2):
            complete(job.job_id, index)
        assert advance(platform, job.job_id).status is JobStatus.REASSEMBLING
        assert take(platform, Stage.RENDER) == []

    def test_a_change_is_stored_in_one_write_with_what_follows_from_it(self, platform, make_job) -> None:
        job = make_job(JobStatus.CHUNKING, plan=PLAN, cut=1, sent=1)
        asked = dataclasses.replace(platform, jobs=Asked(platform.jobs), completions=Asked(platform.completions))
        end = advance(asked, job.job_id, seen=job, change=lambda job: start_rendering(note_cut(job, 3), now=utc_now()))
        assert (end.status, end.cut, end.sent) == (JobStatus.RENDERING, 3, 3)
        assert platform.jobs.get(job.job_id) == end
        assert (asked.jobs.names, asked.completions.names) == (["update"], [])
        assert segments(take(platform, Stage.RENDER)) == [1, 2]

    def test_time_goes_forward_in_a_change_and_what_follows_from_it(self, platform, make_job, complete) -> None:
        job = make_job(JobStatus.CHUNKING, plan=PLAN, cut=3, sent=3)
        for index in range(3):
            complete(job.job_id, index)
        end = advance(platform, job.job_id, seen=job, change=lambda job: start_rendering(job, now=utc_now()))
        assert [passage.status for passage in end.history] == [JobStatus.RENDERING, JobStatus.REASSEMBLING]
        assert end.history[0].at <= end.history[1].at

    def test_a_change_of_which_nothing_follows_is_stored_all_the_same(self, platform, make_job) -> None:
        job = make_job(segments=2)
        changed = advance(platform, job.job_id, change=lambda job: job.evolve(keep_source=True))
        assert changed.keep_source
        assert platform.jobs.get(job.job_id) == changed

    def test_a_change_is_made_to_the_job_as_it_is_and_not_as_it_was_seen(self, platform, make_job) -> None:
        seen = make_job(JobStatus.CHUNKING, plan=PLAN, cut=1, sent=1)
        update_job(platform, seen.job_id, lambda job: job.evolve(keep_source=True))
        changed = advance(platform, seen.job_id, seen=seen, change=lambda job: note_cut(job, 2))
        assert (changed.cut, changed.sent, changed.keep_source) == (2, 2, True)

        def only_where_it_is_cut(job):
            if job.cut < 2:
                raise Conflict("not yet")
            return note_cut(job, 3) if job.keep_source else None

        assert advance(platform, seen.job_id, seen=seen, change=only_where_it_is_cut).cut == 3
        assert segments(take(platform, Stage.RENDER)) == [1, 2]

    def test_a_change_that_a_job_does_not_want_any_more_changes_nothing(self, platform, make_job) -> None:
        seen = make_job(JobStatus.CHUNKING, plan=PLAN, cut=1, sent=1)
        cancelled = cancel_job(platform, seen.job_id)
        left = advance(platform, seen.job_id, seen=seen, change=lambda job: note_cut(job, 2) if job.status is JobStatus.CHUNKING else None)
        assert left == cancelled

    def test_whoever_has_sent_what_moves_a_job_on_looks_no_further(self, platform, make_job, complete) -> None:
        job = make_job(segments=1)
        complete(job.job_id, 0)
        asked = dataclasses.replace(platform, storage=Asked(platform.storage))
        assert advance(asked, job.job_id).status is JobStatus.REASSEMBLING
        assert asked.storage.names == []

    def test_a_result_that_was_just_published_is_not_looked_for(self, platform, make_job) -> None:
        job = make_job(JobStatus.REASSEMBLING, hinted_at=utc_now())
        result = JobResult(output_key="o", etag="e", bytes=5, frames=3, width=2, height=2, depth="basic")
        asked = dataclasses.replace(platform, jobs=Asked(platform.jobs), storage=Asked(platform.storage))
        completed = advance(asked, job.job_id, seen=job, published=result)
        assert (completed.status, completed.result) == (JobStatus.COMPLETED, result)
        assert (asked.jobs.names, asked.storage.names) == (["update"], [])

    def test_a_published_output_completes_the_job_and_one_that_is_not_whole_does_not(self, platform, make_job) -> None:
        job = make_job(JobStatus.REASSEMBLING, hinted_at=utc_now())
        key = output_key(job.job_id, "attempt", "mp4")
        result = JobResult(output_key=key, etag="e", bytes=5, frames=3, width=2, height=2, depth="basic")
        platform.storage.put_bytes(result.to_json(), result_key(job.job_id))
        assert advance(platform, job.job_id).status is JobStatus.REASSEMBLING, "its output is not there"
        platform.storage.put_bytes(b"1234", key)
        assert advance(platform, job.job_id).status is JobStatus.REASSEMBLING, "its output is truncated"
        platform.storage.put_bytes(b"12345", key)
        completed = advance(platform, job.job_id)
        assert (completed.status, completed.result) == (JobStatus.COMPLETED, result)
        assert len(take(platform, Stage.SWEEP)) == 1

    def test_fault_13_a_source_that_was_replaced_fails_the_job(self, platform, make_job) -> None:
        job = make_job(JobStatus.QUEUED)
        platform.storage.put_bytes(b"something else", job.source.key)
        failed = advance(platform, job.job_id)
        assert failed.error is not None
        assert failed.error.code == "source_changed"

    def test_there_is_no_such_job(self, platform) -> None:
        with pytest.raises(NotFound):
            advance(platform, "nosuchjob")


class TestReconcile:
    def test_fault_17_a_crash_between_job_write_and_enqueue(self, platform, make_job) -> None:
        job = make_job(JobStatus.QUEUED)
        assert take(platform, Stage.CHUNK) == []
        report = reconcile(platform)
        assert [ChunkRequest.decode(body).job_id for body in take(platform, Stage.CHUNK)] == [job.job_id]
        assert job.job_id in report.moved[0]
        assert reconcile(platform).moved == []

    def test_a_job_that_cannot_be_read_is_told_of_and_stops_no_other(self, platform, make_job, tmp_path) -> None:
        newer, sound = make_job(JobStatus.QUEUED), make_job(JobStatus.QUEUED)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "stereo-spot.db")) as connection, connection:
            connection.execute("update jobs set body = '{\"schema_version\": 999}' where job_id = ?", (newer.job_id,))
        report = reconcile(platform)
        assert [ChunkRequest.decode(body).job_id for body in take(platform, Stage.CHUNK)] == [sound.job_id]
        assert [newer.job_id in sentence for sentence in report.broken] == [True]

    def test_only_missing_segments_are_sent_again_and_only_when_nothing_is_heard(self, platform, make_job, complete) -> None:
        resend = STAGES[Stage.RENDER].resend_seconds
        job = make_job(segments=3, hinted_at=ago(resend + 60))
        complete(job.job_id, 1)
        platform.activity.report(Activity(job_id=job.job_id, stage=Stage.CHUNK, worker="w"))
        sign = Activity(job_id=job.job_id, stage=Stage.RENDER, segment_index=0, worker="w")
        platform.activity.report(sign)
        assert reconcile(platform).moved == []
        platform.activity.report(sign.model_copy(update={"at": ago(resend + 30)}))
        assert len(reconcile(platform).moved) == 1
        assert segments(take(platform, Stage.RENDER)) == [0, 2]

    def test_a_lost_message_is_noticed_sooner_where_the_queue_is_empty_and_later_behind_a_backlog(self, platform, make_job) -> None:
        resend = STAGES[Stage.RENDER].resend_seconds
        queue = platform.queues[Stage.RENDER]
        make_job(segments=1, hinted_at=ago(resend * 0.5))
        other = SegmentReady(job_id="another1", segment_index=0).encode()
        queue.send(other)
        assert reconcile(platform).moved == [], "it waits behind another"
        (delivery,) = queue.receive()
        assert reconcile(platform).moved == [], "it may be the one that is being worked on"
        queue.ack(delivery)
        assert len(reconcile(platform).moved) == 1
        assert segments(take(platform, Stage.RENDER)) == [0]
        make_job(segments=1, hinted_at=ago(resend * 7))
        queue.send(other)
        assert reconcile(platform).moved == []
        make_job(segments=1, hinted_at=ago(resend * 9))
        assert len(reconcile(platform).moved) == 1, "a backlog that never ends must not hide a job for ever"

    def test_with_no_patience_all_is_sent_at_once_for_the_jobs_asked_for(self, platform, make_job) -> None:
        wanted, _other = make_job(segments=2, hinted_at=utc_now()), make_job(segments=2, hinted_at=utc_now())
        report = reconcile(platform, patience=0, job_ids=[wanted.job_id, "nosuchjob"])
        assert (report.looked_at, len(report.moved), len(report.broken)) == (1, 1, 1)
        assert {SegmentReady.decode(body).job_id for body in take(platform, Stage.RENDER)} == {wanted.job_id}

    def test_fault_24_a_hint_from_the_future_does_not_silence_a_job(self, platform, make_job) -> None:
        make_job(JobStatus.QUEUED, hinted_at=utc_now() + timedelta(hours=1))
        assert len(reconcile(platform).moved) == 1
        assert reconcile(platform).moved == []

    def test_one_broken_job_does_not_stop_the_others(self, platform, make_job, monkeypatch) -> None:
        jobs = [make_job(JobStatus.QUEUED) for _ in range(3)]
        stat = platform.storage.stat

        def broken(key: str):
            if key == jobs[1].source.key:
                raise StoreUnavailable("its disk is away")
            return stat(key)

        monkeypatch.setattr(platform.storage, "stat", broken)
        report = reconcile(platform)
        assert (report.looked_at, len(report.moved)) == (3, 2)
        assert len(report.broken) == 1
        assert "its disk is away" in report.broken[0]

    def test_jobs_of_all_pages_are_looked_after_and_swept_ones_left_alone(self, platform, make_job) -> None:
        for _ in range(60):
            make_job(JobStatus.QUEUED)
        make_job(JobStatus.CANCELLED, swept=True)
        make_job(JobStatus.FAILED)
        make_job(JobStatus.DELETED)
        assert len(reconcile(platform, ended=False).moved) == 60
        assert reconcile(platform).looked_at == 61
        assert len(take(platform, Stage.SWEEP)) == 1

    def test_the_loop_outlives_a_store_that_is_away(self, platform, make_job, monkeypatch) -> None:
        stop, rounds = threading.Event(), []
        make_job(JobStatus.QUEUED)
        list_jobs = platform.jobs.list

        def away_at_first(**arguments):
            rounds.append(1)
            if len(rounds) < 3:
                raise StoreUnavailable("busy")
            stop.set()
            return list_jobs(**arguments)

        monkeypatch.setattr(platform.jobs, "list", away_at_first)
        run_reconciler(platform, seconds=0.01, stop=stop)
        assert len(take(platform, Stage.CHUNK)) == 1


class TestOpenPlatform:
    def test_the_settings_name_it(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("STEREO_SPOT_DATA_DIR", str(tmp_path))
        for name, variable in (("local", None), (None, "local")):
            if variable:
                monkeypatch.setenv("STORAGE_ADAPTER", variable)
            opened = open_platform(name)
            assert opened.name == "local"
            opened.close()

    def test_an_unknown_name_is_answered_with_those_that_exist(self, monkeypatch) -> None:
        monkeypatch.setenv("STORAGE_ADAPTER", "moon")
        with pytest.raises(NotFound, match=r"'moon'.*local") as error:
            open_platform()
        assert "STORAGE_ADAPTER" in (error.value.hint or "")
