"""The procedural demo scene: moving textured shapes whose depth and whose views from any eye are known exactly.

Every layer is an analytic function of continuous coordinates at one depth (the ground: one depth per row), so a view
from a shifted eye is not an approximation by warping but the truth, at sub-pixel precision. Each picture carries its
frame number as blocks, which `read_frame_number` reads back after coding, scaling and packing; the sound carries a
beep at every whole second.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

SHAPES = 5
HORIZON = 0.45
"""Height of the horizon, as a share of the picture."""
LABEL_DEPTH = 0.5
LABEL_COLUMNS, LABEL_ROWS = 12, 2
LABEL_LEFT, LABEL_TOP = 1.0, 1.0
GRID_COLUMNS, GRID_ROWS = 32, 18
"""A block of the label is 1/32 of the picture wide and 1/18 high, so that it survives squeezing."""
NUMBER_BITS = 20
SECONDS_OF_BEEP = Fraction(1, 20)


class Shape(NamedTuple):
    """A disc or box at one depth, moving on an ellipse; lengths are shares of the picture's height."""

    depth: float
    round: bool
    size: float
    centre: tuple[float, float]
    swing: tuple[float, float]
    turns_per_second: float
    phase: float
    colour: tuple[float, float, float]
    frequency: float


@dataclass(frozen=True)
class Scene:
    """A video of any length: the pictures are functions of the frame number and nothing else.

    `cut_frames` is the length of a shot; each shot has other shapes and colours (None: one shot for ever).
    """

    width: int = 640
    height: int = 360
    rate: Fraction = Fraction(24)
    seed: int = 1
    cut_frames: int | None = None

    def picture(self, frame: int | Fraction, *, eye: float = 0.0, max_disparity: float = 2.0, convergence: float = 0.5) -> Picture:
        """RGB (height, width, 3) of one frame (a fraction lies between two: the second field of an interlaced one).

        `eye` 0 is the source camera, -0.5 the left and +0.5 the right eye of the pair whose total disparity is
        `max_disparity / 100 * width * (depth - convergence)` pixels: what lies at x for the source camera lies
        `eye * total` pixels further left for that eye.
        """
        gain = eye * max_disparity / 100 * self.width
        image = np.empty((self.height, self.width, 3), np.float32)
        for layer in self._layers(frame):
            layer.paint(image, -gain * (layer.depth - convergence))
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def depth(self, frame: int | Fraction) -> Floats:
        """Relative inverse depth (height, width) of one frame as the source camera sees it: 0 far, 1 near."""
        depth = np.empty((self.height, self.width), np.float32)
        for layer in self._layers(frame):
            rows, columns, visible = layer.covered(np.float32(0), (self.height, self.width))
            target = depth[rows, columns]
            target[visible] = np.broadcast_to(layer.depth, target.shape)[visible]
        return depth

    def sound(self, first: int, count: int, *, sample_rate: int = 48000) -> Floats:
        """Samples `[first, first + count)` of the mono sound: a soft hum, and a 1 kHz beep at every whole second."""
        n = np.arange(first, first + count, dtype=np.int64)
        beeping = n % sample_rate < int(SECONDS_OF_BEEP * sample_rate)
        seconds = (n % sample_rate) / sample_rate
        hum = 0.05 * np.sin(2 * np.pi * 220 * seconds)
        return np.where(beeping, 0.5 * np.sin(2 * np.pi * 1000 * seconds), hum).astype(np.float32)

    def _layers(self, frame: int | Fraction) -> Iterator[Layer]:
        """What is seen, from the back to the front."""
        shot = 0 if self.cut_frames is None else frame // self.cut_frames
        generator = np.random.default_rng((self.seed, shot))
        seconds = float(frame / self.rate)
        yield Backdrop(self.width, self.height, generator.uniform(60, 190, 3), seconds)
        for shape in sorted(random_shape(generator) for _ in range(SHAPES)):
            yield Figure(shape, self.width, self.height, seconds)
        yield Label(int(frame), self.width, self.height)


def read_frame_number(picture: Picture) -> int | None:
    """The number drawn into one view: RGB (height, width, 3) or luma (height, width), 8 bit or deeper, any squeeze.

    None when the blocks do not hold a number (their check bits disagree).
    """
    luma = picture.mean(axis=2) if picture.ndim == 3 else picture.astype(np.float32)
    height, width = luma.shape
    cells = np.empty((LABEL_ROWS, LABEL_COLUMNS))
    for row in range(LABEL_ROWS):
        for column in range(LABEL_COLUMNS):
            y = (LABEL_TOP + row + np.array([0.3, 0.7])) * height / GRID_ROWS
            x = (LABEL_LEFT + column + np.array([0.3, 0.7])) * width / GRID_COLUMNS
            cells[row, column] = luma[int(y[0]) : int(y[1]) + 1, int(x[0]) : int(x[1]) + 1].mean()
    threshold = (cells.min() + cells.max()) / 2
    bits = [bool(cell > threshold) for cell in cells.ravel()]
    number = sum(1 << i for i, bit in enumerate(bits[:NUMBER_BITS]) if bit)
    return number if bits == label_bits(number) else None


def label_bits(number: int) -> list[bool]:
    """Twenty bits of the number, lowest first, then four check bits; never all equal."""
    number %= 1 << NUMBER_BITS
    check = (0b1010 ^ number ^ (number >> 4) ^ (number >> 8) ^ (number >> 12) ^ (number >> 16)) & 0b1111
    return [bool(number >> i & 1) for i in range(NUMBER_BITS)] + [bool(check >> i & 1) for i in range(4)]


def random_shape(generator: np.random.Generator) -> Shape:
    """Draw one shape; shapes sort from far to near."""
    depth = float(generator.uniform(0.3, 1.0))
    red, green, blue = (float(value) for value in generator.uniform(40, 215, 3))
    return Shape(
        depth=depth,
        round=bool(generator.random() < 0.5),
        size=float(0.08 + 0.14 * depth),
        centre=(float(generator.uniform(0.2, 0.8)), float(generator.uniform(0.35, 0.8))),
        swing=(float(generator.uniform(0.05, 0.3)), float(generator.uniform(0.0, 0.1))),
        turns_per_second=float(generator.uniform(0.05, 0.25)),
        phase=float(generator.uniform(0, 1)),
        colour=(red, green, blue),
        frequency=float(generator.uniform(20, 60)),
    )


Covered = tuple[slice, slice, NDArray[np.bool_]]


class Layer(ABC):
    """Something at a known depth that covers part of the picture."""

    depth: np.float32 | Floats
    """Relative inverse depth, or one for each row, shaped (height, 1)."""

    @abstractmethod
    def covered(self, shift: np.float32 | Floats, shape: tuple[int, int]) -> Covered:
        """Rows and columns of a box, and where in it the layer is seen, when moved right by `shift` pixels."""

    @abstractmethod
    def paint(self, image: Floats, shift: np.float32 | Floats) -> None:
        """Draw the layer, moved right by `shift` pixels, into an RGB picture."""


class Backdrop(Layer):
    """A far wall, and a textured ground that comes nearer from the horizon down."""

    def __init__(self, width: int, height: int, colour: NDArray[np.float64], seconds: float) -> None:
        self.width, self.height, self.seconds = width, height, seconds
        self.colour = colour.astype(np.float32)
        below = (np.arange(height, dtype=np.float32)[:, None] / height - HORIZON) / (1 - HORIZON)
        self.depth = np.asarray(0.1 + 0.7 * np.clip(below, 0, 1), np.float32)

    def covered(self, shift: np.float32 | Floats, shape: tuple[int, int]) -> Covered:  # noqa: ARG002 - it covers all
        return slice(None), slice(None), np.ones(shape, bool)

    def paint(self, image: Floats, shift: np.float32 | Floats) -> None:
        x = (np.arange(self.width, dtype=np.float32)[None, :] - shift) / self.height
        y = np.arange(self.height, dtype=np.float32)[:, None] / self.height
        drift = np.float32(0.1 * self.seconds)
        texture = np.sin(37 * x + 5 * np.sin(11 * y) + drift) + np.sin(23 * y - 9 * x) * np.sin(71 * x)
        image[...] = self.colour + 18 * texture[..., None]


class Figure(Layer):
    """A disc or a box."""

    def __init__(self, shape: Shape, width: int, height: int, seconds: float) -> None:
        angle = 2 * np.pi * (shape.phase + shape.turns_per_second * seconds)
        self.shape, self.scale = shape, height
        self.depth = np.float32(shape.depth)
        self.x = (shape.centre[0] * width / height + shape.swing[0] * np.cos(angle)) * height
        self.y = (shape.centre[1] + shape.swing[1] * np.sin(angle)) * height

    def covered(self, shift: np.float32 | Floats, shape: tuple[int, int]) -> Covered:
        rows, columns, dx, dy = self._box(float(shift), shape)
        radius = self.shape.size * self.scale
        visible = dx**2 + dy**2 <= radius**2 if self.shape.round else np.maximum(abs(dx), abs(dy)) <= radius
        return rows, columns, visible

    def paint(self, image: Floats, shift: np.float32 | Floats) -> None:
        rows, columns, dx, dy = self._box(float(shift), image.shape[:2])
        visible = self.covered(shift, image.shape[:2])[2]
        frequency = self.shape.frequency / self.scale
        texture = np.sin(frequency * dx) * np.cos(0.7 * frequency * dy) + np.sin(0.3 * frequency * (dx + dy))
        colours = np.asarray(self.shape.colour, np.float32) + 25 * texture[..., None]
        image[rows, columns][visible] = colours[visible]

    def _box(self, shift: float, shape: tuple[int, int]) -> tuple[slice, slice, Floats, Floats]:
        radius = self.shape.size * self.scale
        top, left = max(0, int(self.y - radius)), max(0, int(self.x + shift - radius))
        bottom, right = min(shape[0], int(self.y + radius) + 2), min(shape[1], int(self.x + shift + radius) + 2)
        rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
        dx = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] - np.float32(self.x + shift)
        dy = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(self.y)
        return rows, columns, dx, dy


class Label(Layer):
    """The frame number, as dark and bright blocks."""

    def __init__(self, frame: int, width: int, height: int) -> None:
        self.bits = np.array(label_bits(frame)).reshape(LABEL_ROWS, LABEL_COLUMNS)
        self.block = (height / GRID_ROWS, width / GRID_COLUMNS)
        self.depth = np.float32(LABEL_DEPTH)

    def covered(self, shift: np.float32 | Floats, shape: tuple[int, int]) -> Covered:
        row, column = self._cells(float(shift), shape)
        return slice(None), slice(None), (row >= 0) & (row < LABEL_ROWS) & (column >= 0) & (column < LABEL_COLUMNS)

    def paint(self, image: Floats, shift: np.float32 | Floats) -> None:
        row, column = self._cells(float(shift), image.shape[:2])
        visible = self.covered(shift, image.shape[:2])[2]
        bright = self.bits[np.clip(row, 0, LABEL_ROWS - 1), np.clip(column, 0, LABEL_COLUMNS - 1)]
        image[visible] = np.where(bright[visible], np.float32(225), np.float32(30))[:, None]

    def _cells(self, shift: float, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row = np.floor((np.arange(shape[0]) + 0.5) / self.block[0] - LABEL_TOP).astype(np.int64)[:, None]
        column = np.floor((np.arange(shape[1]) + 0.5 - shift) / self.block[1] - LABEL_LEFT).astype(np.int64)[None, :]
        return row, column
