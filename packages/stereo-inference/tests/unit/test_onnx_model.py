"""Depth by ONNX models: every usual shape of them works, and what is no depth is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import write_model

from stereo_inference.depth.catalogue import HALF, Preparation
from stereo_inference.depth.learned import working_size
from stereo_inference.depth.onnx_model import OnnxDepth
from stereo_spot_shared.errors import ModelUnsuitable

PLAIN = Preparation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), multiple=14)


def load(path: Path, preparation: Preparation = PLAIN, threads: int = 1) -> OnnxDepth:
    return OnnxDepth(path, name=path.name, preparation=preparation, threads=threads)


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("names", [("image", "depth"), ("pixel_values", "predicted_depth"), ("input", "output")])
@pytest.mark.parametrize("rank", [3, 4])
def test_tensors_may_be_called_anything_and_have_one_channel_more(tmp_path, names, rank):
    model = load(write_model(tmp_path / "model.onnx", names=names, rank=rank))
    rgb = pictures(3, 28, 42)
    assert model.estimate(rgb) == pytest.approx(3 * rgb.mean(axis=3) / 255 + 5, abs=1e-4)
    assert not model.absolute


def test_pictures_are_prepared_as_the_model_wants_them(tmp_path):
    path = write_model(tmp_path / "model.onnx", scale=1.0, shift=0.0)
    rgb = pictures(1, 14, 14)
    assert load(path, Preparation(mean=HALF, std=HALF)).estimate(rgb) == pytest.approx(rgb.mean(axis=3) / 127.5 - 1, abs=1e-4)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    assert load(path, Preparation()).estimate(rgb) == pytest.approx(((rgb / 255 - mean) / std).mean(axis=3), abs=1e-4)


def test_a_size_that_is_fixed_is_kept_to(tmp_path):
    model = load(write_model(tmp_path / "model.onnx", height=28, width=56, rank=4))
    assert model.working_size(1920, 1080, 378 * 210) == (56, 28)
    assert model.estimate(pictures(2, 28, 56)).shape == (2, 28, 56)


def test_a_size_that_only_the_catalogue_knows_is_kept_to(tmp_path):
    """The graph calls its sides free and takes one size: it is tried out, and used, at that."""
    path = write_model(tmp_path / "model.onnx", only=(56, 28))
    with pytest.raises(ModelUnsuitable, match="fails on a picture of"):
        load(path)
    model = load(path, Preparation(mean=HALF, std=HALF, size=(56, 28)))
    assert model.working_size(1920, 1080, 378 * 210) == (56, 28)
    assert model.estimate(pictures(1, 28, 56)).shape == (1, 28, 56)


@pytest.mark.parametrize("count", [1, 4])
def test_a_number_of_pictures_that_is_fixed_is_kept_to(tmp_path, count):
    model = load(write_model(tmp_path / "model.onnx", count=count))
    rgb = pictures(5, 14, 28)
    assert model.batch == count
    assert model.estimate(rgb) == pytest.approx(3 * rgb.mean(axis=3) / 255 + 5, abs=1e-4)


def test_an_answer_of_another_size_is_brought_to_the_pictures(tmp_path):
    model = load(write_model(tmp_path / "model.onnx", shrink=7))
    smooth = np.broadcast_to(np.linspace(0, 255, 56)[None, None, :, None], (1, 28, 56, 3)).astype(np.uint8)
    depth = model.estimate(smooth)
    assert depth.shape == (1, 28, 56)
    assert depth[0, :, 4:-4] == pytest.approx(3 * smooth[0, :, 4:-4].mean(axis=2) / 255 + 5, abs=0.02)


@settings(deadline=None, max_examples=200)
@given(
    width=st.integers(1, 8000),
    height=st.integers(1, 8000),
    pixels=st.sampled_from([252 * 140, 378 * 210, 518 * 294]),
    multiple=st.sampled_from([14, 32]),
)
def test_the_working_size_is_of_whole_patches_and_no_more_pixels_than_asked_for(width, height, pixels, multiple):
    columns, rows = working_size(width, height, pixels, Preparation(multiple=multiple))
    assert columns % multiple == rows % multiple == 0
    assert columns >= multiple <= rows
    assert (columns - multiple) * (rows - multiple) <= pixels
    assert columns <= width + multiple
    assert rows <= height + multiple


def test_the_profiles_sizes_are_those_of_the_table():
    sizes = [working_size(1920, 1080, pixels, Preparation()) for pixels in (252 * 140, 378 * 210, 518 * 294)]
    assert sizes == [(252, 140), (378, 210), (518, 294)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("flat", "sees the same depth everywhere"),
        ("nan", "not a number"),
        ("whole", r"array of shape \(1,\), which is no depth"),
        ("whole-numbers", "answers in int64"),
        ("two-inputs", "asks for something else than pictures"),
        ("four-channels", "asks for something else than pictures"),
    ],
)
def test_a_model_that_gives_no_depth_is_refused_with_the_reason(tmp_path, fault, reason):
    path = write_model(tmp_path / "model.onnx", fault=fault, rank=4)
    with pytest.raises(ModelUnsuitable, match=reason):
        load(path)


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x0a" * 50])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelUnsuitable, match=r"model\.onnx cannot be loaded"):
        load(path)


def test_a_picture_that_the_model_fails_on_is_named(tmp_path):
    model = load(write_model(tmp_path / "model.onnx", height=28, width=28))
    with pytest.raises(ModelUnsuitable, match="fails on a picture of 14x14"):
        model.estimate(pictures(1, 14, 14))
