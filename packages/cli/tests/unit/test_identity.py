"""The same command is the same job; anything that would change the result makes another one."""

import os
import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_cli.conversion.identity import Identity, find_job
from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Source
from stereo_spot_shared.rendering import FramePacking, RenderParams

BASE = Identity(("2f61", 1000, 5, 7), RenderParams(), Path("/a/film_3d.mp4"))


@given(name=st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text), generation=st.integers(0, 1000))
def test_ids_are_legal_and_depend_on_nothing_but_the_facts(name: str, generation: int) -> None:
    one = replace(BASE, output=Path("/films") / os.fsdecode(name.encode("utf-8", "surrogatepass")))
    assert one.job_id(generation) == replace(one).job_id(generation)
    assert re.fullmatch(r"[0-9a-z]{8,40}", one.job_id(generation))


def test_every_fact_makes_another_job() -> None:
    others = [
        replace(BASE, origin=("2f62", 1000, 5, 7)),
        replace(BASE, origin=("2f61", 1001, 5, 7)),
        replace(BASE, origin=("2f61", 1000, 6, 7)),
        replace(BASE, origin=("2f61", 1000, 5, 8)),
        Identity.of_url("https://a.example/film.mp4", BASE.params, BASE.output),
        Identity.of_url("https://b.example/film.mp4", BASE.params, BASE.output),
        replace(BASE, params=RenderParams(layout=FramePacking.HALF_SBS)),
        replace(BASE, output=Path("/a/film.mkv")),
    ]
    assert len({one.job_id(0) for one in [BASE, *others]} | {BASE.job_id(1)}) == len(others) + 2


def test_a_job_that_can_still_give_the_result_is_gone_on_with_and_a_spent_one_is_followed_by_another(tmp_path: Path) -> None:
    platform = open_platform(tmp_path)
    try:
        assert find_job(platform, BASE) == (BASE.job_id(0), None)
        job_id = BASE.job_id(0)
        job = Job(job_id=job_id, source=Source(key=f"jobs/{job_id}/source", name="film.mp4"), params=RenderParams())
        job = platform.jobs.create(job)
        assert find_job(platform, BASE) == (job_id, job)
        output = platform.storage.put_bytes(b"x", f"jobs/{job_id}/output/1.mp4")
        result = JobResult(output_key=output.key, etag=output.etag, bytes=1, frames=1, width=2, height=2, depth="basic")
        job = platform.jobs.update(job.evolve(status=JobStatus.COMPLETED, result=result))
        assert find_job(platform, BASE) == (job_id, job)
        platform.storage.delete(output.key)
        assert find_job(platform, BASE) == (BASE.job_id(1), None)
    finally:
        platform.close()
