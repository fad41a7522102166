"""Messages of one queue group are never seen by another; jobs and objects are shared."""

from pathlib import Path

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.jobs import Job, Source, Stage
from stereo_spot_shared.rendering import RenderParams


def test_a_message_stays_in_its_group_and_a_job_does_not(tmp_path: Path) -> None:
    ours, theirs = open_platform(tmp_path), open_platform(tmp_path, queue_group="convert-1")
    try:
        ours.queues[Stage.RENDER].send("ours")
        ours.jobs.create(Job(job_id="0123456789", source=Source(key="jobs/0123456789/source", name="a.mp4"), params=RenderParams()))
        assert theirs.queues[Stage.RENDER].receive() == []
        assert theirs.jobs.get("0123456789").source.name == "a.mp4"
        assert [delivery.body for delivery in ours.queues[Stage.RENDER].receive()] == ["ours"]
    finally:
        ours.close()
        theirs.close()
