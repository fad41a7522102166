"""Pictures for an ordinary screen: 8 bit, limited light, the colours of BT.709.

What was graded for more than such a screen shows (PQ, HLG, the primaries of BT.2020 and P3) goes through a table that is computed here
and applied by FFmpeg's `lut3d`. Its curve is a simple one, the same for every picture of every film, and no grading: light up to half of
reference white (203 cd/m2, ITU-R BT.2408) stays as it is, and what is brighter is rolled off towards white, which the brightest that PQ
knows (10,000 cd/m2) just reaches. It follows the largest of red, green and blue, so hues stay. Colours beyond BT.709 are clipped.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from stereo_spot_shared.manifest import Colour

BT709, BT601, BT2020, BT2020_CONSTANT, PQ, HLG = 1, 6, 9, 10, 16, 18
"""ITU-T H.273 code points."""
KNOWN_MATRICES = frozenset({1, 4, 5, 6, 7, 9})
"""Matrices that FFmpeg's scaler knows; the constant luminance of BT.2020 is near enough to the other one."""
HD_HEIGHT = 720
"""From this height on, a picture that does not say its matrix is taken for BT.709, below it for BT.601, as players do."""

GAMUTS = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Chromaticities of red, green and blue wider than BT.709's; white is taken for D65 (a cinema's, of code point 11, differs a little)."""
BT709_GAMUT = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
D65 = (0.3127, 0.3290)

REFERENCE_WHITE = 203.0
"""cd/m2."""
BRIGHTEST = 10_000.0 / REFERENCE_WHITE
HLG_PEAK = 1000.0 / REFERENCE_WHITE
KNEE = 0.5
GAMMA = 2.4
"""Of an ordinary screen (ITU-R BT.1886)."""
TABLE_SIZE = 33

Light = NDArray[np.float64]
"""Red, green and blue in the last axis."""


class OrdinaryScreen:
    """Converts the pictures of one video, all of one size, which `colour` describes.

    They come out `width` x `height` in `form` (`yuv420p`: limited range, BT.709; `yuvj420p`, JPEG's: full range, BT.601), with the times
    they came with, turned clockwise by `rotation` degrees after they were scaled. `one_field`: only the odd lines are looked at, since the
    even ones of an interlaced picture are of another moment. `folder` is where the table lies while it is used.
    """

    def __init__(
        self, colour: Colour, width: int, height: int, folder: Path, *, form: str = "yuv420p", one_field: bool = False, rotation: int = 0
    ) -> None:
        self._colour, self._size, self._folder = colour, (width, height), folder
        self._form, self._one_field, self._rotation = form, one_field, rotation
        self._graph: Graph | None = None

    def convert(self, frame: VideoFrame) -> VideoFrame:
        """The same picture for the screen. Raises av.FFmpegError where FFmpeg cannot convert it."""
        graph = self._graph
        if graph is None:
            graph = self._graph = self._build(frame)
        tag(frame, self._colour)
        graph.vpush(frame)
        return graph.vpull()

    def _build(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        width, height = self._size
        jpeg = self._form == "yuvj420p"
        matrix, levels = ("bt470bg", "pc") if jpeg else ("bt709", "tv")
        scale = f"w={width}:h={height}:{EXACT}"
        steps: list[tuple[str, str | None]] = [("field", "type=top")] if self._one_field else []
        if is_wide(self._colour):
            table = self._folder / "ordinary-screen.cube"
            write_table(table, self._colour)
            # In RGB of 16 bit, so that nothing is lost on the way.
            steps += [("scale", scale), ("format", "gbrp16le"), ("lut3d", f"file='{escaped(table)}':interp=tetrahedral")]
            scale = EXACT
        steps += [("scale", f"{scale}:out_color_matrix={matrix}:out_range={levels}"), ("format", self._form), *TURNS[self._rotation]]
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25))
        graph.link_nodes(source, *(graph.add(name, arguments) for name, arguments in steps), graph.add("buffersink")).configure()
        return graph


EXACT = "flags=area+accurate_rnd+full_chroma_int"
"""Areas are averaged; without the other two the scaler is a little faster, and everything two steps of 255 darker."""

TURNS: dict[int, list[tuple[str, str | None]]] = {
    0: [],
    90: [("transpose", "clock")],
    180: [("hflip", None), ("vflip", None)],
    270: [("transpose", "cclock")],
}


def escaped(path: Path) -> str:
    """A path inside the quotes of a filter's option, which end at a quote."""
    return str(path).replace("\\", "\\\\").replace("'", "'\\''").replace(":", "\\:")


def is_wide(colour: Colour) -> bool:
    """Whether pictures were made for more than an ordinary screen shows."""
    return colour.transfer in (PQ, HLG) or colour.primaries in GAMUTS


def tag(frame: VideoFrame, colour: Colour) -> None:
    """Let the frame itself say what the scaler is to take it for."""
    matrix = BT2020 if colour.matrix == BT2020_CONSTANT else colour.matrix
    if matrix not in KNOWN_MATRICES:
        matrix = BT709 if frame.height >= HD_HEIGHT else BT601
    # Red, green and blue are full range whatever is stated.
    rgb = frame.format.is_rgb or frame.format.has_palette
    full = rgb or bool(colour.full_range) or frame.format.name.startswith("yuvj")
    frame.colorspace = 0 if rgb else matrix
    frame.color_range = 2 if full else 1
    # Light and primaries are not the scaler's business: they go through the table.
    frame.color_primaries = frame.color_trc = BT709


def write_table(path: Path, colour: Colour) -> None:
    """The table as a .cube file (red runs fastest): from the code values 0..1 of `colour` to those of the screen."""
    axis = np.linspace(0, 1, TABLE_SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    screen = on_screen(np.stack([red, green, blue], axis=-1).reshape(-1, 3), colour)
    with path.open("w", encoding="ascii") as file:
        file.write(f"LUT_3D_SIZE {TABLE_SIZE}\n")
        np.savetxt(file, screen, fmt="%.6f")


def on_screen(codes: Light, colour: Colour) -> Light:
    """Code values 0..1 of a picture (red, green, blue) as those of an ordinary screen."""
    light = light_of(codes, colour.transfer)
    light = np.clip(light @ gamut_matrix(colour.primaries).T, 0, None)
    if colour.transfer in (PQ, HLG):
        light = rolled_off(light)
    return np.asarray(np.clip(light, 0, 1) ** (1 / GAMMA))


def light_of(codes: Light, transfer: int) -> Light:
    """Light on the screen that the codes were made for; 1 is reference white."""
    if transfer == PQ:  # SMPTE ST 2084
        root = codes ** (1 / 78.84375)
        return np.asarray(BRIGHTEST * (np.clip(root - 0.8359375, 0, None) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))
    if transfer == HLG:  # ITU-R BT.2100, on a screen of 1000 cd/m2
        bright = (np.exp((codes - 0.55991073) / 0.17883277) + 0.28466892) / 12
        scene = np.where(codes <= 0.5, codes**2 / 3, bright)
        luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
        return np.asarray(HLG_PEAK * scene * luminance[..., None] ** 0.2)
    return np.asarray(codes**GAMMA)


def rolled_off(light: Light) -> Light:
    """The curve of the module text: the identity up to KNEE, then a shoulder of the same slope that reaches 1 at BRIGHTEST."""
    largest = light.max(axis=-1, keepdims=True)
    above = np.clip((largest - KNEE) / (1 - KNEE), 0, None)
    end = (BRIGHTEST - KNEE) / (1 - KNEE)
    shoulder = KNEE + (1 - KNEE) * above * (1 + above / end**2) / (1 + above)
    return np.asarray(light * np.where(largest > KNEE, shoulder / np.maximum(largest, KNEE), 1.0))


def gamut_matrix(primaries: int) -> Light:
    """Matrix (3, 3) from linear light of these primaries to that of BT.709; the identity where they are no wider."""
    if primaries not in GAMUTS:
        return np.eye(3)
    return np.asarray(np.linalg.inv(to_xyz(BT709_GAMUT)) @ to_xyz(GAMUTS[primaries]))


def to_xyz(gamut: tuple[tuple[float, float], ...]) -> Light:
    """Matrix from linear red, green and blue of these chromaticities to CIE XYZ."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in gamut]).T
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    return np.asarray(columns * np.linalg.solve(columns, white))


def as_jpeg(frame: VideoFrame) -> bytes:
    """A picture in `yuvj420p` as a JPEG file."""
    context = av.VideoCodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1, 25)
    context.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY), "flags": "+bitexact"}
    frame.pts, frame.time_base = 0, context.time_base
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


JPEG_QUALITY = 4
"""FFmpeg's quantiser scale, 2 (best) to 31; this is about 85 of 100 as others count."""
