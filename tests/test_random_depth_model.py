"""The model with random weights is the architecture that it stands for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

TOOL = Path(__file__).parents[1] / "tools" / "random_depth_model.py"


def test_it_has_the_parameters_of_depth_anything_v2_small_and_sees_something(tmp_path: Path) -> None:
    """24,785,089 are those of the published model, as transformers counts them."""
    path = tmp_path / "model.onnx"
    said = subprocess.run([sys.executable, TOOL, path, "--size", "56x42"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"24\.8 million parameters, pictures of 56x42", said)
    numbers = {each.name: int(np.prod(each.dims)) for each in onnx.load(str(path)).graph.initializer}
    unused = 384 + 2 * (64 * 64 * 9 + 64)  # the mask token; the unit of the first fusion that nothing comes through
    embedding = 37 * 37 * 384 - 4 * 3 * 384  # interpolated for the patches that there are
    small = sum(count for count in numbers.values() if count > 8)
    assert small + unused + embedding == pytest.approx(24_785_089, abs=2)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (depth,) = session.run(None, {"pixel_values": np.random.default_rng(0).standard_normal((1, 3, 42, 56)).astype(np.float32)})
    assert depth.shape == (1, 42, 56)
    assert np.isfinite(depth).all()
    assert np.ptp(depth) > 0.1


def test_a_size_that_is_not_of_whole_patches_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, TOOL, tmp_path / "model.onnx", "--size", "100x50"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "multiples of 14" in done.stderr
