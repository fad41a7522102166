"""Write an ONNX model with the architecture of Depth Anything V2 Small and random weights, to measure speed and memory with.

Where the real weights cannot be had, this costs exactly what they would. A DINOv2 backbone (ViT-S/14: Oquab et al., arXiv:2304.07193)
and a DPT head (Ranftl, Bochkovskiy and Koltun, ICCV 2021), as in Yang et al., "Depth Anything V2", NeurIPS 2024: 24.8 million parameters.
What it answers is no depth of anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PATCH = 14
LAYERS, WIDTH, HEADS = 12, 384, 6
TAPPED = (3, 6, 9, 12)
"""The layers whose tokens the head uses, counted from 1."""
NECK = (48, 96, 192, 384)
FUSED, HEAD = 64, 32
TRAINED_SIDE = 37
"""Patches along each side of the pictures that the position embedding is made for."""

Floats = NDArray[np.float32]


class Graph:
    """An ONNX graph in the making; every method adds what its name says and returns the name of the result."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.parameters = 0
        self._random = np.random.default_rng(seed)

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape: int, spread: float = 0.0, middle: float = 0.0) -> str:
        """Trained numbers, normally distributed."""
        self.parameters += int(np.prod(shape))
        return self.constant(np.asarray(middle + spread * self._random.standard_normal(shape), np.float32))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        product = self.node("MatMul", x, self.weights(inputs, outputs, spread=inputs**-0.5))
        return self.node("Add", product, self.weights(outputs))

    def norm(self, x: str) -> str:
        return self.node("LayerNormalization", x, self.weights(WIDTH, middle=1.0), self.weights(WIDTH), epsilon=1e-6, axis=-1)

    def convolution(self, x: str, inputs: int, outputs: int, size: int, *, stride: int = 1, bias: bool = True) -> str:
        parts = [x, self.weights(outputs, inputs, size, size, spread=(2 / (inputs * size * size)) ** 0.5)]
        parts += [self.weights(outputs)] if bias else []
        return self.node("Conv", *parts, kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4)

    def upsampling(self, x: str, channels: int, factor: int) -> str:
        """A transposed convolution that makes each pixel `factor` x `factor` of them."""
        weights = self.weights(channels, channels, factor, factor, spread=channels**-0.5)
        return self.node("ConvTranspose", x, weights, self.weights(channels), kernel_shape=[factor, factor], strides=[factor, factor])

    def resized(self, x: str, rows: int, columns: int) -> str:
        sizes = self.node("Concat", self.node("Shape", x, end=2), self.constant(np.array([rows, columns], np.int64)), axis=0)
        return self.node("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="align_corners")


def depth_anything_v2_small(width: int, height: int, seed: int) -> tuple[onnx.ModelProto, int]:
    """The model for pictures of this size (multiples of 14), and how many parameters it has."""
    rows, columns = height // PATCH, width // PATCH
    graph = Graph(seed)
    features = backbone(graph, rows, columns)
    depth = head(graph, features, rows, columns)
    graph.nodes.append(helper.make_node("Squeeze", [depth, graph.constant(np.array([1], np.int64))], ["predicted_depth"]))
    made = helper.make_graph(
        graph.nodes,
        "depth_anything_v2_small",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("predicted_depth", TensorProto.FLOAT, [1, height, width])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model, graph.parameters


def backbone(graph: Graph, rows: int, columns: int) -> list[str]:
    """The tokens (1, patches, WIDTH) of the tapped layers, without the class token."""
    patches = rows * columns
    kernel = graph.weights(WIDTH, 3, PATCH, PATCH, spread=(3 * PATCH * PATCH) ** -0.5)
    embedded = graph.node("Conv", "pixel_values", kernel, graph.weights(WIDTH), kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
    shape = graph.constant(np.array([1, WIDTH, patches], np.int64))
    tokens = graph.node("Transpose", graph.node("Reshape", embedded, shape), perm=[0, 2, 1])
    x = graph.node("Concat", graph.weights(1, 1, WIDTH, spread=0.02), tokens, axis=1)
    graph.parameters += WIDTH  # the mask token: trained, and of no use here
    x = graph.node("Add", x, graph.constant(position_embedding(graph, rows, columns)))
    found = []
    for layer in range(1, LAYERS + 1):
        x = block(graph, x)
        if layer in TAPPED:
            found.append(x)
    scale, shift = graph.weights(WIDTH, middle=1.0), graph.weights(WIDTH)  # the last norm serves all four
    begin, end, axis = (graph.constant(np.array([value], np.int64)) for value in (1, patches + 1, 1))
    normed = [graph.node("LayerNormalization", each, scale, shift, epsilon=1e-6, axis=-1) for each in found]
    return [graph.node("Slice", each, begin, end, axis) for each in normed]


def position_embedding(graph: Graph, rows: int, columns: int) -> Floats:
    """(1, patches + 1, WIDTH): trained for a square, and interpolated for the shape at hand."""
    graph.weights(1, TRAINED_SIDE * TRAINED_SIDE + 1, WIDTH, spread=0.02)
    whole = numpy_helper.to_array(graph.constants.pop())
    square = whole[0, 1:].reshape(TRAINED_SIDE, TRAINED_SIDE, WIDTH)
    layers = [cv2.resize(square[..., each], (columns, rows), interpolation=cv2.INTER_CUBIC) for each in range(WIDTH)]
    return np.asarray(np.concatenate([whole[:, :1], np.stack(layers, axis=-1).reshape(1, -1, WIDTH)], axis=1), np.float32)


def block(graph: Graph, x: str) -> str:
    """One layer of the transformer: attention, and two linear steps, each on top of what came in, each with a scale of its own."""
    normed = graph.norm(x)
    split = graph.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
    query, key, value = (graph.node("Reshape", graph.linear(normed, WIDTH, WIDTH), split) for _ in range(3))
    query, value = (graph.node("Transpose", each, perm=[0, 2, 1, 3]) for each in (query, value))
    key = graph.node("Transpose", key, perm=[0, 2, 3, 1])
    scale = graph.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
    attention = graph.node("Softmax", graph.node("Mul", graph.node("MatMul", query, key), scale), axis=-1)
    joined = graph.node("Transpose", graph.node("MatMul", attention, value), perm=[0, 2, 1, 3])
    joined = graph.node("Reshape", joined, graph.constant(np.array([0, 0, WIDTH], np.int64)))
    attended = graph.node("Mul", graph.linear(joined, WIDTH, WIDTH), graph.weights(WIDTH, middle=1.0))
    x = graph.node("Add", x, attended)
    inner = graph.node("Gelu", graph.linear(graph.norm(x), WIDTH, 4 * WIDTH))
    stretched = graph.node("Mul", graph.linear(inner, 4 * WIDTH, WIDTH), graph.weights(WIDTH, middle=1.0))
    return graph.node("Add", x, stretched)


def head(graph: Graph, features: Sequence[str], rows: int, columns: int) -> str:
    """The depth (1, 1, height, width) that four layers of tokens amount to."""
    maps: list[tuple[str, int, int]] = []
    for tokens, channels, place in zip(features, NECK, range(4), strict=True):
        flat = graph.node("Transpose", tokens, perm=[0, 2, 1])
        image = graph.node("Reshape", flat, graph.constant(np.array([1, WIDTH, rows, columns], np.int64)))
        image = graph.convolution(image, WIDTH, channels, 1)
        match place:
            case 0:
                image, high, wide = graph.upsampling(image, channels, 4), rows * 4, columns * 4
            case 1:
                image, high, wide = graph.upsampling(image, channels, 2), rows * 2, columns * 2
            case 2:
                high, wide = rows, columns
            case _:
                image, high, wide = graph.convolution(image, channels, channels, 3, stride=2), (rows + 1) // 2, (columns + 1) // 2
        maps.append((graph.convolution(image, channels, FUSED, 3, bias=False), high, wide))
    graph.parameters += 2 * (FUSED * FUSED * 9 + FUSED)  # the first fusion has a unit for what came before it, and there is nothing
    fused, *_ = maps[3]
    for place in reversed(range(4)):
        if place < 3:
            fused = graph.node("Add", fused, refined(graph, maps[place][0]))
        high, wide = maps[place - 1][1:] if place else (maps[0][1] * 2, maps[0][2] * 2)
        fused = graph.convolution(graph.resized(refined(graph, fused), high, wide), FUSED, FUSED, 1)
    depth = graph.convolution(fused, FUSED, FUSED // 2, 3)
    depth = graph.resized(depth, rows * PATCH, columns * PATCH)
    depth = graph.node("Relu", graph.convolution(depth, FUSED // 2, HEAD, 3))
    return graph.node("Relu", graph.node("Add", graph.convolution(depth, HEAD, 1, 1), graph.constant(np.array(3.0, np.float32))))


def refined(graph: Graph, x: str) -> str:
    """A residual unit: two convolutions on top of what came in."""
    inner = graph.convolution(graph.node("Relu", x), FUSED, FUSED, 3)
    return graph.node("Add", x, graph.convolution(graph.node("Relu", inner), FUSED, FUSED, 3))


def main() -> int:
    """Write the model; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path, help="the file to write (.onnx)")
    parser.add_argument("--size", default="378x210", help="of the pictures that it looks at: multiples of 14 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    if width % PATCH or height % PATCH:
        print(f"{arguments.size}: the sides must be multiples of {PATCH}", file=sys.stderr)
        return 2
    model, parameters = depth_anything_v2_small(width, height, arguments.seed)
    onnx.save(model, str(arguments.output))
    print(f"{arguments.output}: {parameters / 1e6:.1f} million parameters, pictures of {width}x{height}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
