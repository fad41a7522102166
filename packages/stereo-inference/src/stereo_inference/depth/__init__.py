"""Estimators of depth from single pictures, chosen by name: `basic`, a model of the catalogue, or a model file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS, ModelEntry, Preparation, Runtime
from stereo_inference.depth.model_store import ModelStore
from stereo_spot_shared.errors import ModelMissing, PermanentError
from stereo_spot_shared.rendering import AUTO, BASIC, OWN_MODEL, RenderParams


class DepthEstimator(Protocol):
    """Something that sees depth in a picture. It is loaded once and used for many segments."""

    @property
    def name(self) -> str:
        """The name that results record."""

    @property
    def absolute(self) -> bool:
        """Whether its depth is 0..1 and means the same in every picture. Otherwise it has any range, and is known up to a scale and a
        shift that differ from picture to picture."""

    @property
    def batch(self) -> int:
        """How many pictures it likes to look at together: 1 on a CPU."""

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """Width and height to which an upright picture of this size is scaled before it is looked at: about so many pixels, or what the
        estimator insists on."""

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Relative inverse depth float32 (N, h, w), nearer is larger, of RGB pictures (N, h, w, 3) at the working size.

        Each picture by itself: whatever connects pictures over time belongs to `depth.steady`.
        """


def load_estimator(name: str, *, model: Path | None = None, threads: int = 1, store: ModelStore | None = None) -> DepthEstimator:
    """The estimator called `name`, loaded; `model` is the file or folder of one's own model.

    `auto` is the default model where it is on this machine, else `basic`. PermanentError for a name that is not known, ModelMissing for
    a model that is not there or not what it should be, ModelUnsuitable for one that cannot be used.
    """
    if name == BASIC:
        return BasicDepth()
    if name == OWN_MODEL:
        return own_model(model, threads)
    store = store or ModelStore()
    if name == AUTO:
        if not store.is_present(MODELS[DEFAULT_MODEL]):
            return BasicDepth()
        name = DEFAULT_MODEL
    if name not in MODELS:
        raise unknown(name)
    entry = MODELS[name]
    return load_model(store.verified(entry), entry.runtime, entry.name, entry.preparation, threads)


def estimator_of(params: RenderParams, *, threads: int = 1, models: Path | None = None) -> DepthEstimator:
    """The estimator that a job asks for, see `load_estimator`; `models` is the folder of models, if not the one of the settings.

    Where depth was brought along none is asked, and no model is loaded for it.
    """
    if params.depth_file is not None:
        return BasicDepth()
    model = Path(params.depth_model) if params.depth_model else None
    return load_estimator(params.depth, model=model, threads=threads, store=ModelStore(models))


def own_model(path: Path | None, threads: int) -> DepthEstimator:
    """A model of one's own: an ONNX file, which is shown pictures as most models want them, or a folder as transformers saves them."""
    if path is None or not path.exists():
        raise ModelMissing(f"There is no depth model at {path}.", hint="It must be where the workers can read it, at the same path.")
    if not path.is_dir():
        return load_model(path, Runtime.ONNX, path.name, Preparation(), threads)
    from stereo_inference.depth.torch_model import preparation_of

    return load_model(path, Runtime.TORCH, path.name, preparation_of(path), threads)


def load_model(path: Path, runtime: Runtime, name: str, preparation: Preparation, threads: int) -> DepthEstimator:
    """Load a model by what runs it; the runtimes are imported only here, since they are large."""
    if runtime is Runtime.ONNX:
        from stereo_inference.depth.onnx_model import OnnxDepth

        return OnnxDepth(path, name=name, preparation=preparation, threads=threads)
    from stereo_inference.depth.torch_model import TorchDepth

    return TorchDepth(path, name=name, preparation=preparation, threads=threads)


def unknown(name: str) -> PermanentError:
    """What it means when nothing is called so."""
    return PermanentError(
        f"There is no depth estimator called {name!r}.",
        hint=f"Choose one of: {', '.join(estimator_names())}; or name a model file.",
    )


def estimator_names() -> tuple[str, ...]:
    """All names that can be asked for."""
    return (AUTO, BASIC, *MODELS)


__all__ = ["DepthEstimator", "ModelEntry", "ModelStore", "estimator_names", "estimator_of", "load_estimator", "unknown"]
