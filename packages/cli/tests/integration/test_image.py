"""`stereo-spot image` as a person uses it: one photograph, a folder, depth of one's own, and what is wrong with some."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stereo_spot_media.scene import Scene

SCENE = Scene(width=160, height=90)


@pytest.fixture
def photographs(shell):
    folder = shell.folder / "photos"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(SCENE.picture(number)).save(folder / f"{number}.jpg", quality=95)
    (folder / "notes.txt").write_text("no photograph")
    return folder


def test_one_photograph_is_named_as_players_read_it(shell, photographs):
    answer = shell.run("image", photographs / "0.jpg", "--max-disparity", "3", "--depth", "basic")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == f"{shell.folder}/0_3D_SBS_LRF.jpg: 320×90, depth “basic”\n"
    with Image.open(shell.folder / "0_3D_SBS_LRF.jpg") as opened:
        assert opened.size == (320, 90)


def test_a_folder_becomes_a_folder_and_what_is_broken_in_it_is_named(shell, photographs):
    (photographs / "broken.jpg").write_bytes(b"nothing")
    answer = shell.run("image", photographs, "-o", "out", "--format", "mpo", "--json")
    assert answer.status == 1
    assert answer.json["status"] == "failed"
    assert sorted(path.name for path in (shell.folder / "out").iterdir()) == ["0_3D.mpo", "1_3D.mpo", "2_3D.mpo"]
    assert [one["failed"] for one in answer.json["photographs"]] == [None, None, None, "broken.jpg is not a picture that can be read."]


def test_depth_goes_out_and_comes_in_again(shell, photographs):
    assert shell.run("image", photographs, "-o", "one", "--format", "png", "--export-depth", "depth").status == 0
    assert sorted(path.name for path in (shell.folder / "depth").iterdir()) == ["0.png", "1.png", "2.png"]
    answer = shell.run("image", photographs, "-o", "two", "--format", "png", "--depth-file", "depth", "--json")
    assert [one["depth"] for one in answer.json["photographs"]] == ["file"] * 3
    for number in range(3):
        one, two = (np.asarray(Image.open(shell.folder / name / f"{number}_3D_SBS_LRF.png")).astype(int) for name in ("one", "two"))
        assert np.abs(one - two).max() <= 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("absent.jpg",), "absent.jpg does not exist"),
        (("photos/0.jpg", "-o", "a.gif"), "must end in one of .png, .jpg, .webp, .avif, .mpo, .jps"),
        (("photos/0.jpg", "-o", "photos/0.jpg"), "input and output are the same file"),
        (("photos/0.jpg", "--depth-file", "absent.npy"), "absent.npy does not exist"),
        (("photos", "--depth-file", "photos"), "holds no depth for 0.jpg"),
        (("photos/0.jpg", "--export-depth", "a.exr"), "must end in .npy or .png"),
        (("photos/0.jpg", "--layout", "rgbd", "--eye-swap"), "no views of two eyes"),
        (("photos/0.jpg", "--depth", "none"), "is neither a file nor one of 'auto'"),
        (("photos/0.jpg", "--keep-eye", "left", "--floating-window"), "choose one of the two"),
    ],
)
def test_wrong_orders_are_refused_in_a_sentence_and_leave_nothing(shell, photographs, arguments, sentence):
    answer = shell.run("image", *arguments)
    assert answer.status in {1, 2}
    assert sentence in answer.err
    assert "Traceback" not in answer.err
    assert [path.name for path in shell.folder.iterdir() if path.is_file()] == []


def test_nothing_is_replaced_unasked(shell, photographs):
    (shell.folder / "a.png").write_bytes(b"mine")
    assert "exists already" in shell.run("image", photographs / "0.jpg", "-o", "a.png").err
    assert (shell.folder / "a.png").read_bytes() == b"mine"
    assert shell.run("image", photographs / "0.jpg", "-o", "a.png", "--overwrite").status == 0
