"""Depth by PyTorch, where it is installed: tiny models of the library with random weights."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from stereo_inference.depth import load_estimator
from stereo_inference.depth.catalogue import HALF, ONE, ZERO, Preparation
from stereo_inference.depth.torch_model import DEPTH_ANYTHING_V2_SMALL, TorchDepth, preparation_of
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


def test_a_folder_that_says_how_it_wants_its_pictures_is_given_them_so(transformers, tmp_path):
    """MiDaS's DPT counts its positions: it takes one size, and another preparation than most."""
    import torch

    torch.manual_seed(1)
    sizes = {"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 48, "image_size": 64}
    config = transformers.DPTConfig(
        **sizes, patch_size=16, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4, 8, 12, 16], fusion_hidden_size=32
    )
    model = transformers.DPTForDepthEstimation(config)
    with torch.no_grad():
        model.head.head[4].bias.fill_(1.0)
        model.head.head[4].weight.mul_(1e6)
    model.save_pretrained(str(tmp_path / "model"))
    described(tmp_path / "model", image_mean=HALF, image_std=HALF, size={"height": 64, "width": 64}, keep_aspect_ratio=False)
    estimator = load_estimator("own-model", model=tmp_path / "model")
    assert estimator.working_size(1920, 1080, 378 * 210) == (64, 64)
    rgb = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.uint8)
    with torch.inference_mode():
        expected = model.eval()(pixel_values=(torch.from_numpy(rgb) / 127.5 - 1).permute(0, 3, 1, 2)).predicted_depth.numpy()
    assert np.ptp(expected) > 0.01
    assert estimator.estimate(rgb) == pytest.approx(expected, rel=1e-3, abs=1e-2)


def described(folder, **wanted) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "resample": 2} | wanted))


@pytest.mark.parametrize(
    ("wanted", "preparation"),
    [
        ({}, Preparation()),
        ({"image_mean": HALF, "image_std": HALF, "size": 384}, Preparation(mean=HALF, std=HALF, size=(384, 384))),
        ({"size": {"height": 256, "width": 512}}, Preparation(size=(512, 256))),
        ({"size": 518, "keep_aspect_ratio": True, "ensure_multiple_of": 32}, Preparation(multiple=32)),
        ({"size": 518, "keep_aspect_ratio": True, "ensure_multiple_of": 1}, Preparation()),
        ({"do_normalize": False, "image_mean": HALF, "image_std": HALF}, Preparation(mean=ZERO, std=ONE)),
    ],
)
def test_what_a_folder_says_of_its_pictures_is_read(tmp_path, wanted, preparation):
    described(tmp_path / "model", **wanted)
    assert preparation_of(tmp_path / "model") == preparation


def test_a_folder_that_says_nothing_is_shown_pictures_as_most_are(tmp_path):
    assert preparation_of(tmp_path) == Preparation()


@pytest.mark.parametrize("content", [b"", b"{", b'{"image_mean": [0.5]}', b'{"size": {"shortest_edge": 384}}'])
def test_a_description_that_cannot_be_read_is_refused(tmp_path, content):
    (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(ModelUnsuitable, match=r"cannot be read from .*preprocessor_config\.json"):
        preparation_of(tmp_path)


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
