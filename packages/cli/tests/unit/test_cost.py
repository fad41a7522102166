"""`stereo-spot cost` says every term, and where its figures come from."""

import json

import pytest

from stereo_spot_cli.main import run


def test_every_term_is_said_and_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "--minutes", "120", "--resolution", "1080p", "--backend", "gpu_spot"]) == 0
    said = capsys.readouterr().out
    for word in ("rendering", "cold start", "idle", "requests", "storage", "egress", "total", "us-east-1", "not measured"):
        assert word in said


def test_an_hour_costs_the_same_whatever_the_length_but_for_what_is_paid_once(capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for minutes in ("60", "120"):
        assert run(["cost", "--minutes", minutes, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    hour, two = (answer["dollars_per_video_hour"] for answer in answers)
    assert hour["rendering"] == pytest.approx(two["rendering"])
    assert hour["cold_start"] == pytest.approx(2 * two["cold_start"])
    assert answers[0]["dollars"] == pytest.approx(sum(value for name, value in hour.items() if name != "total"))
    assert answers[0]["idle_day"]["machines"] == 0


def test_a_speed_that_is_known_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "--minutes", "60", "--speed", "24", "--backend", "cpu", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["speed_is_assumed"] is None
    assert answer["dollars_per_video_hour"]["rendering"] == pytest.approx(0.0592, abs=1e-3)


def test_an_unknown_backend_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "--backend", "mainframe"]) == 2
    assert "gpu_spot" in capsys.readouterr().err
