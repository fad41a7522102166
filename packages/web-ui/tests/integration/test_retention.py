"""What is old is removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stereo_spot_runtime.operations import submit
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui import retention
from stereo_spot_web_ui.preferences import Preferences
from stereo_spot_web_ui.retention import enforce


def job_of(server, name="a film.mp4"):
    path = server.data_dir / name
    path.write_bytes(b"x")
    return submit(server.platform, path, RenderParams(), keep_source=True)


def test_what_is_older_than_people_chose_is_removed(server, client):
    platform = server.platform
    upload = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 10}).json()
    done = job_of(server)
    platform.jobs.update(platform.jobs.get(done.job_id).evolve(status=JobStatus.COMPLETED))
    now = utc_now()
    wanted = Preferences(keep_sources_days=3, keep_results_days=30, keep_uploads_days=7)
    enforce(platform, wanted, now=now + timedelta(days=2))
    assert platform.storage.stat(done.source.key)
    enforce(platform, wanted, now=now + timedelta(days=4))
    with pytest.raises(NotFound):
        platform.storage.stat(done.source.key)
    assert platform.jobs.get(upload["id"]).status is JobStatus.UPLOADING
    enforce(platform, wanted, now=now + timedelta(days=8))
    assert platform.jobs.get(upload["id"]).status is JobStatus.DELETED
    assert platform.jobs.get(done.job_id).status is JobStatus.COMPLETED
    enforce(platform, wanted, now=now + timedelta(days=31))
    assert platform.jobs.get(done.job_id).status is JobStatus.DELETED


def test_for_ever_is_for_ever(server):
    job = job_of(server)
    server.platform.jobs.update(server.platform.jobs.get(job.job_id).evolve(status=JobStatus.COMPLETED))
    never = Preferences(keep_sources_days=None, keep_results_days=None, keep_uploads_days=None)
    enforce(server.platform, never, now=utc_now() + timedelta(days=9999))
    assert server.platform.storage.stat(job.source.key)


def test_a_job_whose_turn_fails_keeps_no_other_from_its_own(server, client, monkeypatch):
    platform, now = server.platform, utc_now()
    ids = {client.post("/api/v1/jobs", json={"name": f"{number}.mp4", "bytes": 5}).json()["id"] for number in range(3)}
    real, failed = retention.delete_job, []

    def delete(platform, job_id):
        if not failed:
            failed.append(job_id)
            raise Conflict("others were first again and again")
        return real(platform, job_id)

    monkeypatch.setattr(retention, "delete_job", delete)
    enforce(platform, Preferences(keep_uploads_days=1), now=now + timedelta(days=2))
    assert {job_id for job_id in ids if platform.jobs.get(job_id).status is JobStatus.DELETED} == ids - set(failed)
