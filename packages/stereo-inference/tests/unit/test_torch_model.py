"""Depth by PyTorch, where it is installed: tiny models of the library with random weights."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from stereo_inference.depth import load_estimator
from stereo_inference.depth.catalogue import Preparation
from stereo_inference.depth.torch_model import DEPTH_ANYTHING_V2_SMALL, TorchDepth
from stereo_spot_shared.errors import ModelUnsuitable

TINY_BACKBONE = {
    "model_type": "dinov2",
    "hidden_size": 24,
    "num_attention_heads": 2,
    "num_hidden_layers": 4,
    "image_size": 56,
    "patch_size": 14,
    "out_indices": [1, 2, 3, 4],
    "reshape_hidden_states": False,
}


@pytest.fixture
def transformers():
    pytest.importorskip("torch", reason="PyTorch is an extra that is not installed")
    return pytest.importorskip("transformers", reason="transformers is an extra that is not installed")


def tiny(transformers):
    """A Depth Anything of a few thousand parameters."""
    import torch

    torch.manual_seed(1)
    config = transformers.DepthAnythingConfig(
        backbone_config=TINY_BACKBONE,
        reassemble_hidden_size=24,
        patch_size=14,
        neck_hidden_sizes=[4, 8, 12, 16],
        fusion_hidden_size=8,
        head_hidden_size=4,
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        model.head.conv3.bias.fill_(1.0)  # above the threshold of its last step
        model.head.conv3.weight.mul_(1e7)  # random weights are so small that little of the picture is left by then
    return model


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 56, 3)).astype(np.uint8)


def test_a_folder_as_transformers_saves_it_is_loaded_by_its_path(transformers, tmp_path):
    import torch

    model = tiny(transformers)
    model.save_pretrained(str(tmp_path / "model"))
    estimator = load_estimator("own-model", model=tmp_path / "model")
    assert (estimator.name, estimator.absolute) == ("model", False)
    assert estimator.working_size(1920, 1080, 378 * 210) == (378, 210)
    rgb = pictures(3)
    depth = estimator.estimate(rgb)
    assert depth.shape == (3, 28, 56)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        shown = ((torch.from_numpy(rgb) / 255 - mean) / std).permute(0, 3, 1, 2)
        expected = model.eval()(pixel_values=shown).predicted_depth.numpy()
    assert depth == pytest.approx(expected, rel=1e-3, abs=1e-2)
    assert np.ptp(depth) > 0.01


def test_weights_must_be_those_of_the_architecture(transformers, tmp_path):
    from safetensors.torch import save_file

    save_file(tiny(transformers).state_dict(), str(tmp_path / "model.safetensors"))
    with pytest.raises(ModelUnsuitable, match=r"cannot be loaded: Error\(s\) in loading state_dict"):
        TorchDepth(tmp_path / "model.safetensors", name="x", preparation=Preparation())


def test_the_weights_of_depth_anything_v2_small_alone_are_enough(transformers, tmp_path):
    from safetensors.torch import save_file

    model = transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(**DEPTH_ANYTHING_V2_SMALL))
    assert sum(weights.numel() for weights in model.parameters()) == 24_785_089
    model.head.conv3.bias.data.fill_(1.0)
    model.head.conv3.weight.data.mul_(1e4)
    save_file(model.state_dict(), str(tmp_path / "model.safetensors"))
    estimator = TorchDepth(tmp_path / "model.safetensors", name="x", preparation=Preparation())
    assert estimator.estimate(pictures(1)).shape == (1, 28, 56)


def test_a_flat_model_is_refused(transformers, tmp_path):
    model = tiny(transformers)
    model.head.conv3.weight.data.zero_()
    model.save_pretrained(str(tmp_path / "model"))
    with pytest.raises(ModelUnsuitable, match="sees the same depth everywhere"):
        load_estimator("own-model", model=tmp_path / "model")


def test_without_pytorch_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelUnsuitable, match="needs PyTorch, and torch is not installed") as refusal:
        load_estimator("own-model", model=tmp_path / "model")
    assert "pip install 'stereo-inference[torch]'" in str(refusal.value.hint)
