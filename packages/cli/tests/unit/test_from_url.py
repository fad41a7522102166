"""Commands that take the URL of a video."""

from __future__ import annotations

import pytest

from stereo_spot_cli.conversion.checks import check_url, is_url
from stereo_spot_cli.conversion.display import Tick
from stereo_spot_cli.conversion.identity import Identity
from stereo_spot_cli.pages import ingest_policy
from stereo_spot_cli.tables import activity_line
from stereo_spot_shared.errors import SourceRefused
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import Activity, Job, JobStatus, Source, Stage
from stereo_spot_shared.progress import job_progress
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui.settings import WebSettings


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/f.mp4", True),
        ("HTTP://a.example", True),
        ("ftp://a.example/f", True),
        ("film.mp4", False),
        ("./https:/f.mp4", False),
        ("C:/f.mp4", False),
        ("a film://.mp4", False),
    ],
)
def test_what_is_taken_for_a_url(text, url):
    assert is_url(text) == url


def test_a_person_at_the_command_line_may_use_http_and_an_operator_may_say_otherwise(monkeypatch):
    assert check_url("http://a.example/f.mp4") == "http://a.example/f.mp4"
    monkeypatch.setenv("STEREO_SPOT_INGEST", "https")
    with pytest.raises(SourceRefused):
        check_url("http://a.example/f.mp4")


def test_others_have_nothing_fetched_unless_the_operator_says_so():
    assert ingest_policy(None) is IngestPolicy.HTTPS
    assert ingest_policy(WebSettings()) is IngestPolicy.HTTPS
    assert ingest_policy(WebSettings(host="0.0.0.0", password="a")) is IngestPolicy.OFF
    assert ingest_policy(WebSettings(base_url="https://films.example")) is IngestPolicy.OFF


def test_a_renewed_signature_is_the_same_conversion(tmp_path):
    one, other = (Identity.of_url(f"https://a.example/f.mp4?sig={number}", RenderParams(), tmp_path / "o.mp4") for number in (1, 2))
    assert one.job_id(0) == other.job_id(0)


def test_another_video_of_the_same_address_is_another_conversion(tmp_path):
    one, other = (Identity.of_url(f"https://a.example/get?id={number}", RenderParams(), tmp_path / "o.mp4") for number in (1, 2))
    assert one.job_id(0) != other.job_id(0)


def test_how_far_it_is_is_told_in_bytes():
    source = Source(key="k", name="f.mp4", url="https://a.example/f.mp4", size=10_000_000)
    job = Job(job_id="0123456789", status=JobStatus.INGESTING, source=source, params=RenderParams())
    sign = Activity(job_id=job.job_id, stage=Stage.INGEST, worker="w", done=2_500_000, total=10_000_000)
    progress = job_progress(job, completed_frames=0, activities=[sign])
    assert progress.fraction == 0.25
    assert Tick(progress, None, None).details == "2.5 MB"
    assert activity_line(sign).startswith("ingest: 2.5 MB of 10.0 MB by w")
    unknown = job_progress(job.evolve(source=source.model_copy(update={"size": None})), completed_frames=0, activities=[sign])
    assert (unknown.fraction, unknown.bytes_done) == (0.0, 2_500_000)
