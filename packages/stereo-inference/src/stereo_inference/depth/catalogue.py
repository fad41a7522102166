"""Depth models that are known by name: where they are, under which licence, and how to be sure of them.

A model is a file of a repository on the Hugging Face hub, at one revision, or at an address of its own, with one SHA-256. A new one is
an entry here.
`docs/adr/0011-depth-models.md` says where each number comes from.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from stereo_spot_shared.base import Value

Rgb = tuple[float, float, float]

IMAGENET_MEAN: Rgb = (0.485, 0.456, 0.406)
IMAGENET_STD: Rgb = (0.229, 0.224, 0.225)
ZERO: Rgb = (0.0, 0.0, 0.0)
HALF: Rgb = (0.5, 0.5, 0.5)
ONE: Rgb = (1.0, 1.0, 1.0)


class Runtime(StrEnum):
    """What runs a model."""

    ONNX = "onnx"
    """ONNX Runtime, which is always there."""
    TORCH = "torch"
    """PyTorch and transformers, which are an extra."""


class Speed(StrEnum):
    """How long a model takes, next to the fastest of them, on a CPU."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"


class Evidence(StrEnum):
    """Where a SHA-256 comes from. None of the files could be fetched where this catalogue was made."""

    HUB = "the hub's page"
    SEVERAL = "several projects"
    """Public projects that pin the same one."""
    ONE = "one project"


class Preparation(Value):
    """What a model wants to see: RGB in 0..1, less `mean`, divided by `std`; sides that are multiples of `multiple`, or just `size`."""

    mean: Rgb = IMAGENET_MEAN
    std: Rgb = IMAGENET_STD
    multiple: int = 14
    size: tuple[int, int] | None = None
    """Width and height, of a model that takes no others; not every graph says so itself."""


class ModelEntry(Value):
    """One model. `size` is in bytes; `commercial` is false where the licence forbids it: such a model is fetched only by who accepts
    that."""

    name: str
    runtime: Runtime
    repository: str
    revision: str
    file: str
    url: str | None = None
    """Where the file is, if not on the hub."""
    sha256: str
    evidence: Evidence
    size: int
    licence: str
    commercial: bool = True
    speed: Speed
    about: str
    preparation: Preparation = Preparation()

    @property
    def page(self) -> str:
        """Where its licence and its model card are to be read."""
        return f"https://{'huggingface.co' if self.url is None else 'github.com'}/{self.repository}"


DEFAULT_MODEL: Final = "depth-anything-v2-small"
"""What `auto` takes."""

MODELS = {
    entry.name: entry
    for entry in (
        ModelEntry(
            name=DEFAULT_MODEL,
            runtime=Runtime.ONNX,
            repository="onnx-community/depth-anything-v2-small",
            revision="4472b7362082ad9968fee890ca0f1e5aca36b93d",
            file="onnx/model.onnx",
            sha256="afb6a5c28f3b6bf1618c6e43f02073ef9dfdc70e937502d51603e57b0a1df10c",
            evidence=Evidence.SEVERAL,
            size=99_060_839,
            licence="Apache-2.0",
            speed=Speed.FAST,
            about="Depth Anything V2 Small: good depth for its size",
        ),
        ModelEntry(
            name="depth-anything-v2-base",
            runtime=Runtime.ONNX,
            repository="onnx-community/depth-anything-v2-base",
            revision="6db5e16b48d85e78c043e57f8411a23550edbbfc",
            file="onnx/model.onnx",
            sha256="dab40f67d5ead5e0ed52acfae41a717a708b02bc57f6cb761c5de828f26a7289",
            evidence=Evidence.ONE,
            size=388_917_010,
            licence="CC-BY-NC-4.0",
            commercial=False,
            speed=Speed.MEDIUM,
            about="Depth Anything V2 Base: finer edges",
        ),
        ModelEntry(
            name="depth-anything-v2-large",
            runtime=Runtime.ONNX,
            repository="onnx-community/depth-anything-v2-large",
            revision="1fa1591c7b080e98da9655827c3a33a3972a4a83",
            file="onnx/model.onnx",
            sha256="a93aa89b5e92e30e0afbe0f7c3ec692b35cfca791ae9004a190fb0ca2010e905",
            evidence=Evidence.ONE,
            size=1_336_922_232,
            licence="CC-BY-NC-4.0",
            commercial=False,
            speed=Speed.SLOW,
            about="Depth Anything V2 Large: the best of them, for graphics cards",
        ),
        ModelEntry(
            name="midas-v2.1-small",
            runtime=Runtime.ONNX,
            repository="isl-org/MiDaS",
            revision="v2_1",
            file="model-small.onnx",
            url="https://github.com/isl-org/MiDaS/releases/download/v2_1/model-small.onnx",
            sha256="2d8c6cb8f415229daf1eb041024208e2608c9f98e17c81cc7c6ecb449c56fd58",
            evidence=Evidence.SEVERAL,
            size=66_764_249,
            licence="MIT",
            speed=Speed.FAST,
            about="MiDaS 2.1 Small: older and coarser",
            preparation=Preparation(mean=ZERO, std=ONE),  # its first layers do the rest
        ),
        ModelEntry(
            name="dpt-hybrid-midas",
            runtime=Runtime.ONNX,
            repository="Xenova/dpt-hybrid-midas",
            revision="c9ab952ed178a2f0c085a4602d0a9da35bc54bca",
            file="onnx/model.onnx",
            sha256="2eca68239006c64af94bdfa68464f34d7627c3dca7bb02932636e616c55a39ff",
            evidence=Evidence.HUB,
            size=533_061_339,
            licence="Apache-2.0",
            speed=Speed.SLOW,
            about="DPT Hybrid (MiDaS 3.0)",
            preparation=Preparation(mean=HALF, std=HALF, size=(384, 384)),  # its positions are counted for 24x24 patches
        ),
        ModelEntry(
            name="depth-anything-v2-small-torch",
            runtime=Runtime.TORCH,
            repository="depth-anything/Depth-Anything-V2-Small-hf",
            revision="5426e4f0f36572d16453bbda7a8389317b1bef99",
            file="model.safetensors",
            sha256="3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
            evidence=Evidence.HUB,
            size=99_173_660,
            licence="Apache-2.0",
            speed=Speed.MEDIUM,
            about="Depth Anything V2 Small by PyTorch, for graphics cards",
        ),
    )
}
