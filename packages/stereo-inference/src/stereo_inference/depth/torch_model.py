"""Depth by PyTorch: the models of the transformers library, and Depth Anything V2 Small by its weights alone.

PyTorch is an extra of this package (`stereo-inference[torch]`): it is large, and slower than ONNX Runtime on a CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from stereo_inference.depth.catalogue import IMAGENET_MEAN, IMAGENET_STD, ONE, ZERO, Preparation, Rgb
from stereo_inference.depth.learned import TRIAL_SIDE, as_depth, prepared, try_out, working_size
from stereo_spot_shared.errors import ModelUnsuitable

CUDA_BATCH = 8
"""Pictures at once on a graphics card."""

DEPTH_ANYTHING_V2_SMALL = {
    "backbone_config": {
        "model_type": "dinov2",
        "hidden_size": 384,
        "num_attention_heads": 6,
        "num_hidden_layers": 12,
        "image_size": 518,
        "patch_size": 14,
        "out_indices": [3, 6, 9, 12],
        "apply_layernorm": True,
        "reshape_hidden_states": False,
    },
    "reassemble_hidden_size": 384,
    "patch_size": 14,
    "neck_hidden_sizes": [48, 96, 192, 384],
    "fusion_hidden_size": 64,
    "head_hidden_size": 32,
}
"""The architecture (Yang et al., "Depth Anything V2", NeurIPS 2024), so that nothing but weights has to be fetched and checked."""


class TorchDepth:
    """A relative-depth model of the transformers library; on a graphics card where there is one.

    `path` is a file of weights (.safetensors) of Depth Anything V2 Small, or a folder as transformers saves models. Nothing of a folder
    is run: only architectures that the library itself knows are loaded.
    """

    absolute = False

    def __init__(self, path: Path, *, name: str, preparation: Preparation, threads: int = 1) -> None:
        """Load the model. ModelUnsuitable where PyTorch is not installed, or the model does not load or is none of depth."""
        self.name = name
        self._preparation = preparation
        self._torch = torch = imported("torch")
        torch.set_num_threads(threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch = CUDA_BATCH if self._device.type == "cuda" else 1
        try:
            model = of_folder(path) if path.is_dir() else depth_anything_v2_small(path)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelUnsuitable(f"The depth model {name} cannot be loaded: {reason}") from error
        self._model = model.eval().to(self._device)
        trial = working_size(16 * TRIAL_SIDE, 9 * TRIAL_SIDE, TRIAL_SIDE * TRIAL_SIDE, preparation)
        try_out(self.estimate, *trial, name)

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """See `DepthEstimator`."""
        return working_size(width, height, pixels, self._preparation)

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `DepthEstimator`. ModelUnsuitable where the answer is no depth."""
        with self._torch.inference_mode():
            pictures = self._torch.from_numpy(prepared(rgb, self._preparation)).to(self._device)
            try:
                answer = self._model(pixel_values=pictures).predicted_depth.float().cpu().numpy()
            except Exception as error:
                raise ModelUnsuitable(
                    f"The depth model {self.name} fails on a picture of {rgb.shape[2]}x{rgb.shape[1]}: {error}"
                ) from error
        return as_depth(answer, len(rgb), rgb.shape[2], rgb.shape[1], self.name)


def of_folder(path: Path) -> Any:
    """A model that transformers saved: its configuration names the architecture."""
    transformers = imported("transformers")
    transformers.utils.logging.disable_progress_bar()
    return transformers.AutoModelForDepthEstimation.from_pretrained(
        str(path), local_files_only=True, use_safetensors=True, trust_remote_code=False
    )


def depth_anything_v2_small(path: Path) -> Any:
    """The architecture with the weights of a file; every one of them must be there, and no other."""
    transformers = imported("transformers")
    config = transformers.DepthAnythingConfig(**DEPTH_ANYTHING_V2_SMALL)
    model = transformers.DepthAnythingForDepthEstimation(config)
    model.load_state_dict(imported("safetensors.torch").load_file(str(path)), strict=True)
    return model


class Size(BaseModel):
    """A picture's, as transformers writes it."""

    width: int
    height: int


class Preprocessor(BaseModel):
    """What matters here of how a model wants its pictures, as transformers writes it down."""

    do_normalize: bool = True
    image_mean: Rgb = IMAGENET_MEAN
    image_std: Rgb = IMAGENET_STD
    size: Size | int | None = None
    keep_aspect_ratio: bool = False
    ensure_multiple_of: int = 1

    def preparation(self) -> Preparation:
        """The same in our terms. A model whose pictures do not keep their shape takes one size only."""
        mean, std = (self.image_mean, self.image_std) if self.do_normalize else (ZERO, ONE)
        if self.keep_aspect_ratio or self.size is None:
            multiple = self.ensure_multiple_of if self.ensure_multiple_of > 1 else Preparation().multiple
            return Preparation(mean=mean, std=std, multiple=multiple)
        size = (self.size, self.size) if isinstance(self.size, int) else (self.size.width, self.size.height)
        return Preparation(mean=mean, std=std, size=size)


def preparation_of(folder: Path) -> Preparation:
    """What the model of a folder wants to see; as most models do, where it does not say. ModelUnsuitable where that cannot be read."""
    file = folder / "preprocessor_config.json"
    if not file.is_file():
        return Preparation()
    try:
        return Preprocessor.model_validate_json(file.read_bytes()).preparation()
    except (ValidationError, OSError) as error:
        raise ModelUnsuitable(f"How the depth model {folder.name} wants its pictures cannot be read from {file}.") from error


def imported(module: str) -> Any:
    """A module of the extra. ModelUnsuitable where it is not installed."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ModelUnsuitable(
            f"This depth model needs PyTorch, and {module.partition('.')[0]} is not installed.",
            hint="Install the extra with `pip install 'stereo-inference[torch]'`, or choose a model that runs by ONNX.",
        ) from error
