"""Black bars through the whole pipeline: found once, the same wherever the video is cut, and untouched."""

from __future__ import annotations

import av
import numpy as np
import pytest

from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import Quality

WIDTH, HEIGHT, BAR = 160, 96, 16


@pytest.fixture(scope="module")
def letterboxed(tmp_path_factory):
    """Four seconds between two bars."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    scene = Scene(width=WIDTH, height=HEIGHT - 2 * BAR)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "12", "qp": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(96):
            picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            picture[BAR:-BAR] = scene.picture(number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def luma(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]


def test_bars_stay_black_and_the_same_wherever_the_video_is_cut(running, letterboxed, tmp_path):
    look = {"quality": Quality.LOSSLESS, "container": "mkv", "max_disparity": 6.0, "autocrop": True}
    whole = luma(running.output(running.submit(letterboxed, **look, segment_seconds=600), tmp_path))
    shared = luma(running.output(running.submit(letterboxed, **look), tmp_path))
    plain = luma(running.output(running.submit(letterboxed, **{**look, "autocrop": False}), tmp_path))
    assert len(whole) == len(shared) == 96
    for one, other, source in zip(whole, shared, luma(letterboxed), strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one[:BAR], np.hstack([source[:BAR]] * 2))
        assert np.array_equal(one[-BAR:], np.hstack([source[-BAR:]] * 2))
    assert not np.array_equal(whole[10], plain[10])  # depth is that of the film, not of the film between bars
