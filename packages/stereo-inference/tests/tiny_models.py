"""Depth models in the ONNX format, made on the spot: what they answer is a known function of the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Fault = Literal["", "flat", "nan", "whole", "whole-numbers", "two-inputs", "four-channels"]


def write_model(
    path: Path,
    *,
    names: tuple[str, str] = ("pixel_values", "predicted_depth"),
    rank: int = 3,
    count: int | str = "N",
    height: int | str = "H",
    width: int | str = "W",
    only: tuple[int, int] | None = None,
    shrink: int = 1,
    scale: float = 3.0,
    shift: float = 5.0,
    fault: Fault = "",
) -> Path:
    """A model that answers `scale * mean of the channels + shift`, averaged over `shrink` x `shrink` pixels; or with a fault.

    `only`: the one width and height that it takes, though its inputs do not say so, as with exports that count positions.
    """
    asked, answered = names
    channels = 4 if fault == "four-channels" else 3
    nodes = [helper.make_node("ReduceMean", [asked, "axis"], ["mean"], keepdims=1)]
    constants = {
        "axis": np.array([1], np.int64),
        "scale": np.array(0 if fault == "flat" else scale, np.float32),
        "shift": np.full((1, 1, only[1], only[0]) if only else (), np.nan if fault == "nan" else shift, np.float32),
    }
    nodes.append(helper.make_node("AveragePool", ["mean"], ["pooled"], kernel_shape=[shrink, shrink], strides=[shrink, shrink]))
    nodes.append(helper.make_node("Mul", ["pooled", "scale"], ["scaled"]))
    last = "shifted" if rank == 3 or fault in {"whole", "whole-numbers"} else answered
    nodes.append(helper.make_node("Add", ["scaled", "shift"], [last]))
    kind, shape = TensorProto.FLOAT, [count, *([1] if rank == 4 else []), "h", "w"]
    if fault == "whole":
        constants["all"] = np.array([1, 2, 3], np.int64)
        nodes.append(helper.make_node("ReduceMean", [last, "all"], [answered], keepdims=0))
        shape = [count]
    elif fault == "whole-numbers":
        nodes.append(helper.make_node("Cast", [last], [answered], to=TensorProto.INT64))
        kind, shape = TensorProto.INT64, [count, 1, "h", "w"]
    elif rank == 3:
        nodes.append(helper.make_node("Squeeze", [last, "axis"], [answered]))
    inputs = [helper.make_tensor_value_info(asked, TensorProto.FLOAT, [count, channels, height, width])]
    if fault == "two-inputs":
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info(answered, kind, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
