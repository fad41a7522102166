"""`stereo-spot bench depth`: over the scene and over a clip, in numbers and in a picture."""

from __future__ import annotations

import json

from PIL import Image


def test_over_the_scene_carrying_is_steadier_and_truer(shell):
    words = ("bench", "depth", "--frames", "14", "--depth-profile", "fast", "--plot", "depth.png", "-o", "depth.json", "--json")
    answer = shell.run(*words)
    assert answer.status == 0, answer.err
    assert json.loads((shell.folder / "depth.json").read_text()) == answer.json
    rows = {(row["estimator"], row["way"]): row["metrics"] for row in answer.json["rows"]}
    assert len(rows) == 6
    alone, carried = rows["truth with moods", "each by itself"], rows["truth with moods", "carried"]
    assert carried["flicker"] < 0.4 * alone["flicker"]
    assert carried["scale_jump"] < 0.4 * alone["scale_jump"]
    assert carried["error"] < alone["error"]
    (speed,) = answer.json["speeds"]
    assert (speed["width"], speed["height"]) == (250, 141)
    assert speed["frames_per_second"] > 0
    assert 0 < speed["context_share"] < 0.08
    with Image.open(shell.folder / "depth.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300


def test_over_a_clip_there_is_no_truth_and_a_table(shell, clip):
    answer = shell.run("bench", "depth", clip, "--frames", "6", "--depth-profile", "quality", env={"COLUMNS": "220"})
    assert answer.status == 0, answer.err
    assert "each by itself" in answer.out
    assert "rendered twice at 20 s" in answer.out
    assert "truth with moods" not in answer.out


def test_what_cannot_be_measured_is_a_sentence(shell):
    (shell.folder / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    answer = shell.run("bench", "depth", "noise.mp4")
    assert answer.status == 1
    assert "Traceback" not in answer.err
    assert shell.run("bench", "depth", "--depth", "none-such").status == 2
