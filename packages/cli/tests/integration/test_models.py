"""Depth models from the command line: listed, fetched, refused, and used by their name or their file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

TINY_MODELS = Path(__file__).parents[3] / "stereo-inference" / "tests" / "tiny_models.py"
DEFAULT = "depth-anything-v2-small"


@pytest.fixture(scope="session")
def tiny_models():
    spec = importlib.util.spec_from_file_location("tiny_models", TINY_MODELS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def model(shell, tiny_models) -> Path:
    """A model whose depth is brightness, in the folder that commands run in."""
    return tiny_models.write_model(shell.folder / "mine.onnx")


def test_the_list_says_licence_size_speed_and_what_is_here(shell):
    """On a narrow terminal too: a name that is broken cannot be copied."""
    answer = shell.run("models", "list", env={"COLUMNS": "80"})
    assert answer.status == 0
    line = next(line for line in answer.out.splitlines() if DEFAULT in line)
    assert line.split() == [DEFAULT, "Apache-2.0", "99.1", "MB", "fast", "no"]
    assert "depth-anything-v2-small-torch" in answer.out
    assert "auto takes depth-anything-v2-small. CC-BY-NC: not for commercial use." in answer.out
    (shell.data_dir.parent / "models" / DEFAULT).mkdir(parents=True)
    (shell.data_dir.parent / "models" / DEFAULT / "model.onnx").write_bytes(b"")
    listed = {each["name"]: each for each in shell.run("models", "list", "--json").json["models"]}
    assert listed[DEFAULT]["present"]
    assert not listed["dpt-hybrid-midas"]["present"]


def test_a_licence_that_forbids_commercial_use_must_be_accepted(shell):
    answer = shell.run("models", "pull", "depth-anything-v2-large")
    assert (answer.status, answer.out) == (1, "")
    assert "not for commercial use (https://huggingface.co/onnx-community/depth-anything-v2-large)" in answer.err
    assert "the licence of depth-anything-v2-large was not accepted" in answer.err
    accepted = shell.run("models", "pull", "depth-anything-v2-large", "--accept-licence", "--json")
    assert accepted.json["error"]["code"] == "model_not_fetched"
    assert "cannot be fetched offline" in accepted.json["error"]["message"]


def test_an_unknown_model_is_wrong_usage(shell):
    answer = shell.run("models", "pull", "midas")
    assert answer.status == 2
    assert "'depth-anything-v2-small'" in answer.err


def test_without_a_model_auto_is_basic_and_says_so_in_one_sentence(shell, clip):
    answer = shell.run("convert", clip, "-o", "out.mp4", "--quality", "draft", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["depth"] == "basic"
    said = [line for line in answer.err.splitlines() if line.startswith("depth: ")]
    assert len(said) == 1
    assert "basic, a mild relief and no real depth" in said[0]
    assert f"stereo-spot models pull {DEFAULT}" in said[0]


def test_a_model_of_ones_own_makes_films_previews_and_photographs(shell, clip, model):
    film = shell.run("convert", clip, "-o", "out.mp4", "--depth", "mine.onnx", "--quality", "draft", "--json")
    assert film.status == 0, film.err
    assert (film.json["depth"], film.err) == ("mine.onnx", "")
    preview = shell.run("convert", clip, "-o", "taste.mp4", "--depth", "mine.onnx", "--preview", "0.5", "--json")
    assert preview.status == 0, preview.err
    assert preview.json["depth"] == "mine.onnx"
    photo = shell.run("image", shell.folder / "taste.png", "-o", "photo.png", "--depth", "mine.onnx", "--export-depth", "d.png", "--json")
    assert photo.status == 0, photo.err
    assert photo.json["photographs"][0]["depth"] == "mine.onnx"


def test_a_model_that_sees_nothing_fails_the_job_with_the_reason(shell, clip, tiny_models):
    tiny_models.write_model(shell.folder / "flat.onnx", fault="flat")
    answer = shell.run("convert", clip, "-o", "out.mp4", "--depth", "flat.onnx", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (1, "model_unsuitable")
    assert "flat.onnx sees the same depth everywhere" in answer.json["error"]["message"]
    assert not (shell.folder / "out.mp4").exists()


def test_a_file_that_only_has_the_name_of_the_default_model_is_refused(shell, clip, tiny_models):
    place = shell.data_dir.parent / "models" / DEFAULT
    place.mkdir(parents=True)
    tiny_models.write_model(place / "model.onnx")
    answer = shell.run("convert", clip, "-o", "out.mp4", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (1, "model_missing")
    assert "is not the file that it should be" in answer.json["error"]["message"]


def test_a_model_that_is_asked_for_by_name_and_is_not_here_is_refused_before_anything_starts(shell, clip):
    answer = shell.run("convert", clip, "-o", "out.mp4", "--depth", "dpt-hybrid-midas", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (1, "model_missing")
    assert answer.json["error"]["hint"] == "fetch it: stereo-spot models pull dpt-hybrid-midas"
    assert "job_id" not in answer.json


def test_the_engine_iw3_is_refused_where_it_is_not(shell, clip):
    answer = shell.run("convert", clip, "-o", "out.mp4", "--engine", "iw3", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (1, "engine_unavailable")
    assert "not set up on this machine" in answer.json["error"]["message"]
    assert shell.run("convert", clip, "-o", "out.mp4", "--engine", "iw3", "--preview", "1").status == 2
    assert shell.run("convert", clip, "-o", "out.mp4", "--engine", "iw3", "--layout", "rgbd").status == 2
