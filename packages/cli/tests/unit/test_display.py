"""What is shown where there is no terminal: a line when the stage changes, and otherwise only now and then."""

import pytest

from stereo_spot_cli.conversion.display import WORDS, Lines, Tick
from stereo_spot_cli.conversion.run import LOOK_EVERY_SECONDS, WAIT_AT_MOST_SECONDS, Patience
from stereo_spot_shared.jobs import Job, JobStatus, Source
from stereo_spot_shared.progress import JobProgress
from stereo_spot_shared.rendering import RenderParams


def tick(status: JobStatus = JobStatus.RENDERING, done: int = 5, *, completed: int = 0, waiting: str | None = None) -> Tick:
    return Tick(JobProgress(status, 0.5, done, 10), 2.0, 2.5, completed, waiting)


def test_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines("film.mp4")
    for status in (JobStatus.CHUNKING, JobStatus.RENDERING, JobStatus.RENDERING, JobStatus.REASSEMBLING):
        lines.update(tick(status))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"film.mp4: {word}, 50%, 5 of 10 frames, 2.0 fps, 2.5 s left" for word in ("cutting and rendering", "rendering", "joining")
    ]


def test_every_status_has_a_word() -> None:
    assert set(WORDS) == set(JobStatus)


def test_what_is_waited_for_is_said() -> None:
    assert tick(waiting="no space left").details.endswith("no space left")


def test_patience_ends_when_nothing_lasting_happens_and_not_before() -> None:
    job = Job(job_id="0123456789", source=Source(key="k", name="film.mp4"), params=RenderParams())
    looks = round(WAIT_AT_MOST_SECONDS / LOOK_EVERY_SECONDS)
    patience = Patience()
    assert not any(patience.is_over(job, tick(done=number, waiting="no space left")) for number in range(looks))
    assert not patience.is_over(job, tick(completed=48, waiting="no space left"))  # a segment was finished: it waits anew
    assert not any(patience.is_over(job, tick(completed=48)) for _ in range(2 * looks))  # it does not wait at all
    over = [patience.is_over(job, tick(completed=48, waiting="no space left")) for _ in range(looks + 1)]
    assert over[-1]
    assert not any(over[: looks // 2])
