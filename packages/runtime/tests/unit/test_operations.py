"""What a person can do to a job, on the real embedded platform."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stereo_spot_runtime import cancel_job, delete_job, retry_job, submit, submit_url, update_job
from stereo_spot_runtime.operations import accept_upload, duplicate_job, set_params, start_job
from stereo_spot_shared.errors import Conflict, MissingSource, NotFound
from stereo_spot_shared.jobs import JobError, JobStatus, Stage
from stereo_spot_shared.messages import IngestRequest, SegmentReady
from stereo_spot_shared.pipeline import fail
from stereo_spot_shared.rendering import Quality, RenderParams

ERROR = JobError(code="render_failed", message="it failed")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"moving pictures")
    return path


def waiting(platform, stage: Stage) -> list[str]:
    return [delivery.body for delivery in platform.queues[stage].receive(max_messages=100)]


class TestSubmit:
    def test_a_job_is_accepted_with_its_source_pinned_and_its_message_sent(self, platform, film) -> None:
        job = submit(platform, film, RenderParams())
        assert job.status is JobStatus.QUEUED
        assert job.source.etag == platform.storage.stat(job.source.key).etag
        assert (job.source.size, job.source.name) == (15, "film.mp4")
        assert len(waiting(platform, Stage.CHUNK)) == 1

    def test_a_missing_file_makes_no_job(self, platform, tmp_path) -> None:
        for path in (tmp_path / "none.mp4", tmp_path):
            with pytest.raises(MissingSource, match=str(path)):
                submit(platform, path, RenderParams())
        assert platform.jobs.list().jobs == ()

    @pytest.mark.parametrize("point", ["create", "put_file", "update"])
    def test_an_interrupted_submission_goes_on_when_it_is_repeated(self, platform, film, point: str, monkeypatch) -> None:
        class Crash(BaseException):
            pass

        def crash(*_args, **_kwargs) -> None:
            raise Crash

        target = platform.storage if point == "put_file" else platform.jobs
        with monkeypatch.context() as patched:
            patched.setattr(target, point, crash)
            with pytest.raises(Crash):
                submit(platform, film, RenderParams(), job_id="job00001")
        assert submit(platform, film, RenderParams(), job_id="job00001").status is JobStatus.QUEUED
        assert submit(platform, film, RenderParams(), job_id="job00001").status is JobStatus.QUEUED
        assert len(waiting(platform, Stage.CHUNK)) == 1

    def test_a_source_that_was_stored_before_a_crash_is_used_and_not_replaced(self, platform, film, monkeypatch) -> None:
        stored = []
        put_file = platform.storage.put_file

        def store_and_crash(*args, **kwargs) -> None:
            stored.append(put_file(*args, **kwargs))
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(platform.storage, "put_file", store_and_crash)
            with pytest.raises(KeyboardInterrupt):
                submit(platform, film, RenderParams(), job_id="job00001")
        film.rename(film.with_suffix(".old"))
        film.write_bytes(b"moving pictures")
        job = submit(platform, film, RenderParams(), job_id="job00001")
        assert (job.status, job.source.etag) == (JobStatus.QUEUED, stored[0].etag)

    def test_a_job_whose_depth_the_workers_settled_is_still_what_was_asked_for(self, platform, film) -> None:
        job = submit(platform, film, RenderParams(depth="auto"), job_id="job00001")
        settled = update_job(platform, job.job_id, lambda job: job.evolve(params=RenderParams(depth="basic")))
        assert submit(platform, film, RenderParams(depth="auto"), job_id="job00001") == settled
        for other in (RenderParams(depth="other"), RenderParams(depth="auto", quality=Quality.DRAFT)):
            with pytest.raises(Conflict):
                submit(platform, film, other, job_id="job00001")

    def test_an_id_is_not_shared_by_different_jobs(self, platform, film) -> None:
        submit(platform, film, RenderParams(), job_id="job00001")
        with pytest.raises(Conflict, match="job00001"):
            submit(platform, film, RenderParams(quality=Quality.HIGH), job_id="job00001")


URL = "https://a.example/films/a%20film.mp4?signature=secret"


class TestSubmitUrl:
    def test_a_worker_is_asked_to_fetch_it(self, platform) -> None:
        job = submit_url(platform, URL, RenderParams(), job_id="job00001")
        assert (job.status, job.source.name, job.source.url, job.source.size) == (JobStatus.INGESTING, "a film.mp4", URL, None)
        assert waiting(platform, Stage.INGEST) == [IngestRequest(job_id="job00001").encode()]
        assert submit_url(platform, URL, RenderParams(), job_id="job00001") == job, "the same request again"
        assert waiting(platform, Stage.INGEST) == []

    @pytest.mark.parametrize("point", ["create", "update"])
    def test_an_interrupted_submission_goes_on_when_it_is_repeated(self, platform, point: str, monkeypatch) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(platform.jobs, point, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                submit_url(platform, URL, RenderParams(), job_id="job00001")
        assert submit_url(platform, URL, RenderParams(), job_id="job00001").status is JobStatus.INGESTING
        assert len(waiting(platform, Stage.INGEST)) == 1

    def test_another_video_or_other_parameters_are_another_job(self, platform, film) -> None:
        submit_url(platform, URL, RenderParams(), job_id="job00001")
        with pytest.raises(Conflict):
            submit_url(platform, "https://a.example/other.mp4", RenderParams(), job_id="job00001")
        with pytest.raises(Conflict):
            submit_url(platform, f"{URL}&id=7", RenderParams(), job_id="job00001")
        with pytest.raises(Conflict):
            submit_url(platform, URL, RenderParams(quality=Quality.DRAFT), job_id="job00001")
        with pytest.raises(Conflict):
            submit(platform, film, RenderParams(), job_id="job00001")

    def test_a_signature_that_ran_out_is_replaced(self, platform) -> None:
        submit_url(platform, URL, RenderParams(), job_id="job00001")
        update_job(platform, "job00001", lambda job: fail(job, ERROR))
        renewed = URL.replace("secret", "renewed")
        submit_url(platform, renewed, RenderParams(), job_id="job00001")
        assert retry_job(platform, "job00001").source.url == renewed
        waiting(platform, Stage.INGEST)

    def test_when_it_is_here_the_secret_is_forgotten_and_the_job_waits_for_its_word(self, platform) -> None:
        job = submit_url(platform, URL, RenderParams(), job_id="job00001", start=False)
        assert accept_upload(platform, "job00001") == job, "nothing is here"
        stored = platform.storage.put_bytes(b"video", job.source.key)
        here = accept_upload(platform, "job00001")
        assert submit_url(platform, URL, RenderParams(), job_id="job00001", start=False) == here, "it is still known for the same"
        assert (here.status, here.source.etag, here.source.size) == (JobStatus.INGESTING, stored.etag, 5)
        assert here.source.url == "https://a.example/films/a%20film.mp4"
        assert accept_upload(platform, "job00001") == here
        submit_url(platform, URL, RenderParams(), job_id="job00001", start=False)
        assert "secret" not in platform.jobs.get("job00001").to_json().decode()
        set_params(platform, "job00001", RenderParams(quality=Quality.DRAFT))
        assert start_job(platform, "job00001").status is JobStatus.QUEUED
        copy = duplicate_job(platform, "job00001", RenderParams(), new_id="job00002")
        assert (copy.status, copy.source.url) == (JobStatus.UPLOADING, None)

    def test_a_word_that_came_before_it_is_remembered(self, platform) -> None:
        job = submit_url(platform, URL, RenderParams(), job_id="job00001", start=False)
        assert start_job(platform, "job00001").status is JobStatus.INGESTING
        platform.storage.put_bytes(b"video", job.source.key)
        assert accept_upload(platform, "job00001").status is JobStatus.QUEUED
        assert len(waiting(platform, Stage.CHUNK)) == 1


class TestEnding:
    def test_a_retry_announces_only_what_is_missing(self, platform, make_job, complete) -> None:
        job = make_job(segments=4)
        complete(job.job_id, 0)
        complete(job.job_id, 2)
        update_job(platform, job.job_id, lambda job: fail(job, ERROR))
        again = retry_job(platform, job.job_id)
        assert (again.status, again.error) == (JobStatus.RENDERING, None)
        bodies = waiting(platform, Stage.RENDER)
        assert {SegmentReady.decode(body).segment_index for body in bodies} == {1, 3}
        assert len(bodies) == 2

    def test_what_ended_is_swept(self, platform, make_job) -> None:
        assert cancel_job(platform, make_job().job_id).status is JobStatus.CANCELLED
        assert delete_job(platform, make_job().job_id).status is JobStatus.DELETED
        assert len(waiting(platform, Stage.SWEEP)) == 2

    def test_deleting_twice_is_no_error(self, platform, make_job) -> None:
        job = make_job()
        assert delete_job(platform, job.job_id) == delete_job(platform, job.job_id)

    def test_what_cannot_be_is_said(self, platform, make_job) -> None:
        job = make_job()
        with pytest.raises(Conflict, match="only a failed job"):
            retry_job(platform, job.job_id)
        delete_job(platform, job.job_id)
        with pytest.raises(Conflict, match="deleted"):
            cancel_job(platform, job.job_id)
        with pytest.raises(NotFound):
            delete_job(platform, "nosuchjob")

    def test_fault_26_cancel_and_retry_race(self, platform, make_job) -> None:
        """One order or the other: a job that a person cancelled never goes on."""
        for _ in range(10):
            job = make_job(hinted_at=None)
            update_job(platform, job.job_id, lambda job: fail(job, ERROR))
            start = threading.Barrier(2)
            refused: list[Conflict] = []

            def act(operation, start=start, job=job, refused=refused) -> None:
                start.wait()
                try:
                    operation(platform, job.job_id)
                except Conflict as conflict:
                    refused.append(conflict)

            threads = [threading.Thread(target=act, args=(operation,)) for operation in (cancel_job, retry_job)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert platform.jobs.get(job.job_id).status is JobStatus.CANCELLED
            assert len(refused) <= 1


class TestUpdateJob:
    def test_every_change_of_many_writers_is_kept(self, platform, make_job) -> None:
        job = make_job(JobStatus.QUEUED)

        def add() -> None:
            for _ in range(5):
                update_job(platform, job.job_id, lambda job: job.evolve(cut=job.cut + 1))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert platform.jobs.get(job.job_id).cut == 20

    def test_none_leaves_the_job_as_it_is(self, platform, make_job) -> None:
        job = make_job()
        assert update_job(platform, job.job_id, lambda _: None) == job
