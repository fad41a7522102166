from __future__ import annotations

import pytest

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_runtime.operations import cancel_job
from stereo_spot_runtime.watch import JobWatch
from stereo_spot_shared.errors import Interrupted, NoSpaceLeft, StoreUnavailable, UnsupportedMedia
from stereo_spot_shared.jobs import Job, JobStatus, Source
from stereo_spot_shared.rendering import RenderParams

JOB = "jobwatched"
WANTED = frozenset({JobStatus.CREATED})


@pytest.fixture
def platform(tmp_path):
    platform = open_platform(tmp_path)
    platform.jobs.create(Job(job_id=JOB, source=Source(key="jobs/jobwatched/source", name="a.mp4"), params=RenderParams()))
    yield platform
    platform.close()


class Away:
    """A store that does not answer."""

    def get(self, job_id):
        raise StoreUnavailable("away")


def test_it_notices_that_the_job_was_cancelled(platform):
    watch = JobWatch(platform.jobs, JOB, WANTED, interval_seconds=0)
    assert not watch.given_up()
    cancel_job(platform, JOB)
    assert watch.given_up()


def test_it_asks_the_store_now_and_then_only(platform):
    watch = JobWatch(platform.jobs, JOB, WANTED, interval_seconds=3600)
    cancel_job(platform, JOB)
    assert not watch.given_up()
    assert not watch.still_wanted()


def test_a_job_that_is_gone_wants_nothing(platform):
    assert not JobWatch(platform.jobs, "nosuchjob", WANTED).still_wanted()


def test_work_goes_on_while_the_store_is_away():
    assert JobWatch(Away(), JOB, WANTED).still_wanted()


@pytest.mark.parametrize("error", [Interrupted("stopped"), UnsupportedMedia("swept already")])
def test_a_failure_of_unwanted_work_is_no_failure(platform, error):
    watch = JobWatch(platform.jobs, JOB, WANTED)
    with pytest.raises(type(error)), watch.quiet_end():
        raise error
    cancel_job(platform, JOB)
    with watch.quiet_end():
        raise error


def test_the_platforms_faults_are_never_hidden(platform):
    cancel_job(platform, JOB)
    with pytest.raises(NoSpaceLeft), JobWatch(platform.jobs, JOB, WANTED).quiet_end():
        raise NoSpaceLeft("full")
