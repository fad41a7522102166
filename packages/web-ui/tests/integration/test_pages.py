"""What pages say: where things are kept and how much they take, which depth models there are, how each segment of a job is."""

from __future__ import annotations

import re
import time
from fractions import Fraction

import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Activity, JobError, JobStatus, Plan, Stage
from stereo_spot_shared.pipeline import enter

SMALL, LARGE = "depth-anything-v2-small", "depth-anything-v2-large"


@pytest.fixture
def models_folder(tmp_path, monkeypatch):
    """To be asked for before the server."""
    monkeypatch.setenv("STEREO_SPOT_OFFLINE", "1")
    monkeypatch.setenv("STEREO_SPOT_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def test_it_says_where_things_are_kept_and_what_they_take(client, server):
    server.platform.storage.put_bytes(b"s" * 1000, keys.source_key("01m8k18cgz7vfa61j1hcp9zvcz"))
    server.platform.storage.put_bytes(b"o" * 3000, keys.output_key("01m8k18cgz7vfa61j1hcp9zvcz", "a1", "mp4"))
    page = client.get("/settings").text
    assert f"<code>{server.data_dir}</code>" in page
    assert "<dt>videos taken in</dt><dd>1 kB</dd>" in page
    assert "<dt>results</dt><dd>3 kB</dd>" in page
    assert client.get("/api/v1/server").json()["place"] == str(server.data_dir)


def test_depth_models_are_listed_with_what_is_here(models_folder, client):
    (models_folder / SMALL).mkdir(parents=True)
    (models_folder / SMALL / "model.onnx").write_bytes(b"")
    here = {model["name"]: model["present"] for model in client.get("/api/v1/models").json()}
    assert (here[SMALL], here[LARGE]) == (True, False)
    page = client.get("/settings").text
    assert f'data-fetch="{SMALL}"' not in page
    assert f'data-fetch="{LARGE}" data-licence="1"' in page


def test_a_model_that_cannot_be_fetched_says_why(models_folder, client):
    assert client.post(f"/api/v1/models/{SMALL}/fetch").status_code == 202
    model: dict = {}
    for _ in range(600):
        model = next(one for one in client.get("/api/v1/models").json() if one["name"] == SMALL)
        if model["problem"] and model["fetched"] is None:
            break
        time.sleep(0.1)
    assert "cannot be fetched offline" in model["problem"]
    assert model["problem"] in client.get("/settings/models").text
    assert f'data-fetch="{SMALL}"' in client.get("/settings/models").text


def test_a_model_with_a_licence_of_its_own_is_fetched_by_who_accepts_it(models_folder, client):
    refused = client.post(f"/api/v1/models/{LARGE}/fetch")
    assert (refused.status_code, refused.json()["code"]) == (409, "licence")
    assert client.post("/api/v1/models/nothing/fetch").status_code == 404
    assert client.post(f"/api/v1/models/{LARGE}/fetch?accept_licence=true").status_code == 202


def test_each_segment_says_how_it_is_and_who_has_it(client, server):
    job_id = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 5, "start": True}).json()["id"]
    jobs = server.platform.jobs
    plan = Plan(plan_id="p", segment_count=4, frame_count=100, duration=Fraction(4))
    job = jobs.update(jobs.get(job_id).evolve(status=JobStatus.RENDERING, plan=plan, cut=4))
    worker = {"job_id": job_id, "stage": Stage.RENDER, "worker": "worker@attic"}
    server.platform.activity.report(Activity(**worker, segment_index=1, attempt=2, done=5, total=25))
    page = client.get(f"/jobs/{job_id}/state").text
    assert "Segment 1: on worker@attic, attempt 2" in page
    assert "Segment 2: waiting" in page
    assert "<li>Segment 1: on worker@attic, attempt 2</li>" in page  # for who has nothing to point with
    error = JobError(code="render_failed", message="it did not work", stage=Stage.RENDER, segment_index=3, hint="do something")
    jobs.update(enter(job.evolve(error=error), JobStatus.FAILED))
    page = client.get(f"/jobs/{job_id}/state").text
    assert "Segment 3: failed" in page
    assert "It did not work." in page
    assert "Do something." in page


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("all", {"waits.mp4", "runs.mp4", "ready.mp4", "failed.mp4", "stopped.mp4"}),
        ("running", {"waits.mp4", "runs.mp4"}),
        ("completed", {"ready.mp4"}),
        ("failed", {"failed.mp4", "stopped.mp4"}),
    ],
)
def test_the_library_shows_what_was_asked_for(client, server, show, names):
    statuses = {"runs.mp4": JobStatus.RENDERING, "ready.mp4": JobStatus.COMPLETED, "failed.mp4": JobStatus.FAILED}
    jobs = server.platform.jobs
    for name in ("waits.mp4", "stopped.mp4", *statuses):
        job_id = client.post("/api/v1/jobs", json={"name": name, "bytes": 5}).json()["id"]
        if name in statuses:
            jobs.update(jobs.get(job_id).evolve(status=statuses[name]))
        elif name == "stopped.mp4":
            client.post(f"/api/v1/jobs/{job_id}/cancel")
    shown = client.get("/", params={"show": show}).text
    assert set(re.findall(r">(\w+\.mp4)</a></h3>", shown)) == names
    assert re.findall(r'<a href="/\?show=(\w+)" aria-current="true">', shown) == [show]
