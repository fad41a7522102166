"""Depth by a model in the ONNX format, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stereo_inference.depth.catalogue import Preparation
from stereo_inference.depth.learned import TRIAL_SIDE, as_depth, prepared, try_out, working_size
from stereo_spot_shared.errors import ModelUnsuitable

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

CUDA_BATCH = 8
"""Pictures at once on a graphics card."""


class OnnxDepth:
    """Any relative-depth model that takes one picture tensor (N, 3, H, W) and gives one depth map for each.

    Exports name their tensors as they like, so the first input and the first output are taken; a size or a number of pictures that is
    fixed in the graph is kept to. The model is tried out on a picture when it is loaded.
    """

    absolute = False

    def __init__(self, path: Path, *, name: str, preparation: Preparation, threads: int = 1) -> None:
        """Load the model at `path`. ModelUnsuitable where it is none, or none of depth."""
        self.name = name
        self._preparation = preparation
        self._session = session_of(path, threads, name)
        self._input, self._output = self._session.get_inputs()[0], self._session.get_outputs()[0]
        count, self._height, self._width = self._fixed()
        on_card = CUDA in self._session.get_providers()
        self.batch = count or (CUDA_BATCH if on_card else 1)
        self._count = count
        trial = working_size(16 * TRIAL_SIDE, 9 * TRIAL_SIDE, TRIAL_SIDE * TRIAL_SIDE, preparation)
        try_out(self.estimate, self._width or trial[0], self._height or trial[1], name)

    def working_size(self, width: int, height: int, pixels: int) -> tuple[int, int]:
        """See `DepthEstimator`; the model's own size where it has one."""
        columns, rows = working_size(width, height, pixels, self._preparation)
        return self._width or columns, self._height or rows

    def estimate(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `DepthEstimator`. ModelUnsuitable where the answer is no depth."""
        if self._count is None:
            return self._run(rgb)
        parts = [self._run_padded(rgb[begin : begin + self._count]) for begin in range(0, len(rgb), self._count)]
        return np.concatenate(parts)

    def _run_padded(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As many pictures as the graph insists on; the last one fills up."""
        missing = (self._count or 0) - len(rgb)
        return self._run(np.concatenate([rgb, np.repeat(rgb[-1:], missing, axis=0)]))[: len(rgb)] if missing else self._run(rgb)

    def _run(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            (answer,) = self._session.run([self._output.name], {self._input.name: prepared(rgb, self._preparation)})
        except Exception as error:  # the runtime has exceptions of its own for each kind of failure, and no common base for them
            raise ModelUnsuitable(f"The depth model {self.name} fails on a picture of {rgb.shape[2]}x{rgb.shape[1]}: {error}") from error
        return as_depth(np.asarray(answer), len(rgb), rgb.shape[2], rgb.shape[1], self.name)

    def _fixed(self) -> tuple[int | None, int | None, int | None]:
        """The number of pictures, their height and their width, where the graph insists on them."""
        shape: list[Any] = self._input.shape
        pictures = self._input.type == "tensor(float)" and len(shape) == 4 and (shape[1] == 3 or not isinstance(shape[1], int))
        if len(self._session.get_inputs()) != 1 or not pictures:
            asks = ", ".join(f"{each.name}: {each.type} {each.shape}" for each in self._session.get_inputs())
            raise ModelUnsuitable(
                f"The depth model {self.name} asks for something else than pictures ({asks}).",
                hint="It must have one input, of 32-bit floating-point numbers, shaped (N, 3, H, W).",
            )
        count, _, height, width = (side if isinstance(side, int) and side > 0 else None for side in shape)
        return count, height, width


def session_of(path: Path, threads: int, name: str) -> onnxruntime.InferenceSession:
    """ONNX Runtime's session for a model file. ModelUnsuitable where it does not load."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin between two pictures would take the cores that decoding, warping and encoding need meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = onnxruntime.get_available_providers()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[each for each in (CUDA, CPU) if each in available])
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelUnsuitable(f"The depth model {name} cannot be loaded: {reason}", hint="Is it an ONNX file, and whole?") from error
