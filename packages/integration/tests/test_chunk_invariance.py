"""However a video is cut, and however many workers render it, every picture is the same: the whole pipeline, losslessly, with a model."""

from __future__ import annotations

import hashlib
import importlib.util
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_media.testing import data_folder

TINY_MODELS = Path(__file__).parents[2] / "stereo-inference" / "tests" / "tiny_models.py"
WHOLE = 600.0
LENGTHS = [1.0, 2.0, 5.0]


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """A model whose depth is brightness, on no particular scale."""
    spec = importlib.util.spec_from_file_location("tiny_models", TINY_MODELS)
    tiny_models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny_models)
    return str(tiny_models.write_model(tmp_path_factory.mktemp("model") / "tiny.onnx"))


def digests(path: Path) -> list[str]:
    """A hash of every picture."""
    with av.open(str(path)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def rendered(pipeline, source: Path, folder: Path, **params: object) -> tuple[list[str], int]:
    """The pictures of the result, and in how many segments they were rendered."""
    look = {"quality": "lossless", "max_disparity": 6.0, "container": "mkv", "depth_profile": "balanced", **params}
    job = pipeline.submit(source, **look)
    output = pipeline.output(job, folder)
    return digests(output), pipeline.platform.jobs.get(job.job_id).plan.segment_count


def check(pipeline, workers: int, source: Path, folder: Path, model: str, lengths: list[float]) -> None:
    pipeline.start(video_workers=workers)
    look = {"depth": "own-model", "depth_model": model}
    whole, count = rendered(pipeline, source, folder, segment_seconds=WHOLE, **look)
    assert count == 1
    for seconds in lengths:
        pictures, count = rendered(pipeline, source, folder, segment_seconds=seconds, **look)
        assert count > 1
        assert pictures == whole
    basic, _ = rendered(pipeline, source, folder, segment_seconds=WHOLE, depth="basic")
    assert basic != whole, "the model had no part in it"


def scene_clip(folder: Path, shot: int | None) -> Path:
    scene = Scene(width=160, height=96, rate=Fraction(10), cut_frames=shot)
    return write_clip(folder / "scene.mp4", Clip(scene=scene, frames=120, options={"g": "10", "sc_threshold": "0", "preset": "ultrafast"}))


@pytest.mark.parametrize("shot", [20, pytest.param(None, marks=pytest.mark.slow), pytest.param(23, marks=pytest.mark.slow)])
@pytest.mark.parametrize("workers", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_scene_is_the_same_however_it_is_cut(pipeline, tmp_path, model, workers, shot):
    """Shots of 20 frames begin at seams of two seconds; those of 23 wander past them."""
    check(pipeline, workers, scene_clip(tmp_path, shot), tmp_path, model, LENGTHS)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_a_real_clip_is_the_same_however_it_is_cut(pipeline, tmp_path, model, workers):
    """Three shots in three seconds."""
    data = data_folder()
    if data is None:
        pytest.skip("no real clips: the data folder is absent")
    check(pipeline, workers, data / "clips" / "roadtrip-vp92-10bit.webm", tmp_path, model, [1.0, 2.0])
