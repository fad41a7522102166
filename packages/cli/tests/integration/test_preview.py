"""`stereo-spot convert --preview`: a few seconds from all over a video and a contact sheet, as a person asks for them."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.scene import Scene, read_frame_number


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Twenty seconds, each second another shot."""
    scene = Scene(width=160, height=96, rate=Fraction(24), cut_frames=24)
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4", Clip(scene, 480, options={"g": "48", "preset": "ultrafast"}))


def numbers(path):
    with av.open(str(path)) as container:
        return [read_frame_number(frame.to_ndarray(format="gray")[:, :160]) for frame in container.decode(video=0)]


def test_it_shows_places_from_all_over_the_video(shell, film):
    answer = shell.run("convert", film, "--preview", "6", "--json")
    assert answer.status == 0, answer.err
    summary = answer.json
    assert summary["output"] == f"{shell.folder}/film_preview_3D_SBS_LRF.mp4"
    assert (summary["frames"], summary["places"], summary["width"], summary["height"]) == (144, 3, 320, 96)
    shown = numbers(shell.folder / "film_preview_3D_SBS_LRF.mp4")
    starts = [shown[48 * place] for place in range(3)]
    assert shown == [start + number for start in starts for number in range(48)]
    assert [start // 160 for start in starts] == [0, 1, 2]  # one in each third


def test_the_contact_sheet_shows_source_depth_both_eyes_and_an_anaglyph_of_each_place(shell, film):
    assert shell.run("convert", film, "-o", "a.mkv", "--preview", "4", "--max-disparity", "6").status == 0
    sheet = cv2.imread(str(shell.folder / "a.png"))
    rows, columns = sheet.shape[:2]
    tile = columns // 5
    moments = [sheet[28 + number * (rows - 28) // 2 : 28 + (number + 1) * (rows - 28) // 2] for number in range(2)]
    for moment in moments:
        source, depth, left, right, anaglyph = (moment[:-8, place * tile : (place + 1) * tile - 8].astype(int) for place in range(5))
        assert np.abs(depth - depth[..., :1]).max() == 0  # grey
        assert np.abs(left - right).mean() > 1
        assert np.abs(source - left).mean() < np.abs(left - right).mean() * 1.5
        assert np.abs(anaglyph[..., 2] - left[..., 2]).mean() < np.abs(anaglyph[..., 2] - right[..., 2]).mean()  # red is the left eye's


def test_it_keeps_to_the_part_that_is_wanted(shell, film):
    assert shell.run("convert", film, "-o", "a.mp4", "--preview", "2", "--start", "10", "--end", "14").status == 0
    assert all(240 <= number < 336 for number in numbers(shell.folder / "a.mp4"))


def test_a_video_that_is_shorter_is_shown_whole(shell, film):
    short = write_clip(shell.folder / "short.mp4", Clip(Scene(width=160, height=96, rate=Fraction(24)), 20))
    assert shell.run("convert", short, "-o", "a.mp4", "--preview", "10").status == 0
    assert numbers(shell.folder / "a.mp4") == list(range(20))
    assert cv2.imread(str(shell.folder / "a.png")).shape[0] > 100


def test_nothing_is_replaced_unasked_and_nothing_is_left_behind(shell, film):
    (shell.folder / "a.png").write_bytes(b"mine")
    answer = shell.run("convert", film, "-o", "a.mp4", "--preview", "1")
    assert answer.status == 1
    assert "a.png exists already" in answer.err
    assert [path.name for path in shell.folder.iterdir() if path.name != "data"] == ["a.png"]
    (shell.folder / "b.mp4").write_bytes(b"no video at all, though it is called one")
    assert "not" in shell.run("convert", "b.mp4", "--preview", "1").err
    assert shell.run("convert", "--demo", "--preview", "1").status == 2
