"""Render the pictures of the page "Choosing strength, convergence and layout" from the procedural scene, into docs/pictures.

The same code renders them as renders films: run it again when the rendering changes (`./nx run stereo-spot:guide-pictures`).
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.layouts import packed_size
from stereo_inference.packing import packer_for
from stereo_inference.photo.files import GBR, as_image, as_picture
from stereo_inference.picture import Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.disparity import scaled_foreground
from stereo_inference.stereo.screen import ScreenPlacement
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import AUTO, FramePacking, RenderParams

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SCENE, FRAME = Scene(width=480, height=270, seed=3), 12
PAPER = 255
MARGIN, HEADER = 8, 26

RGB = NDArray[np.uint8]


def main() -> int:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in {
        "strength": strength(),
        "convergence": convergence(),
        "foreground-scale": foreground_scale(),
        "floating-window": floating_window(),
        "layouts": layouts(),
    }.items():
        path = FOLDER / f"{name}.png"
        cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{path.relative_to(FOLDER.parents[1])}: {picture.shape[1]}x{picture.shape[0]}")
    return 0


def strength() -> RGB:
    """The same frame at three disparities, for red-cyan glasses."""
    return row({f"--max-disparity {value}": shown(layout=FramePacking.ANAGLYPH, max_disparity=value) for value in (1, 2, 4)})


def convergence() -> RGB:
    """What lies on the screen, where both views are the same."""
    values = (0.2, 0.8, AUTO)
    return row({f"--convergence {value}": shown(layout=FramePacking.ANAGLYPH, max_disparity=3, convergence=value) for value in values})


def foreground_scale() -> RGB:
    """Depth as it is used."""
    return row({f"--foreground-scale {value}": shown(layout=FramePacking.DEPTH, foreground_scale=value) for value in (-2, 0, 2)})


def floating_window() -> RGB:
    """Both views, with what the picture's borders would cut off in one of them hidden."""
    views = shown(max_disparity=8, convergence=0.3, floating_window=True)
    return row({"left eye": views[:, : SCENE.width], "right eye": views[:, SCENE.width :]})


def layouts() -> RGB:
    """One frame in every layout that is a picture by itself."""
    tiles = {layout.value: shown(layout=layout, max_disparity=3) for layout in FramePacking if layout is not FramePacking.SEPARATE}
    names = list(tiles)
    rows = [row({name: fitted(tiles[name], 320, 180) for name in names[first : first + 3]}) for first in range(0, len(names), 3)]
    wide = max(part.shape[1] for part in rows)
    return np.vstack([np.pad(part, ((0, 0), (0, wide - part.shape[1]), (0, 0)), constant_values=PAPER) for part in rows])


def shown(**look: object) -> RGB:
    """The scene's frame with its true depth, as parameters want it."""
    params = RenderParams(**look)  # type: ignore[arg-type]  # names and values as on the command line
    picture = as_picture(SCENE.picture(FRAME))
    depth = scaled_foreground(SCENE.depth(FRAME), params.foreground_scale)
    screen = ScreenPlacement(params, picture.width, Fraction(24)).next(depth, new_shot=True)
    packed = Picture.empty(*packed_size(params.layout, picture.width, picture.height, picture.format), picture.format)
    packer_for(params, picture.width, picture.height, picture.format, GBR).pack(picture, DepthField.guided(depth, picture), screen, packed)
    return np.asarray(as_image(packed))


def fitted(picture: RGB, width: int, height: int) -> RGB:
    """The picture within a size, on paper."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    out = np.full((height, width, 3), PAPER, np.uint8)
    out[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return out


def row(tiles: dict[str, RGB]) -> RGB:
    """Pictures beside one another, each below its name."""
    parts = []
    for name, tile in tiles.items():
        part = np.full((tile.shape[0] + HEADER + MARGIN, tile.shape[1] + MARGIN, 3), PAPER, np.uint8)
        part[HEADER : HEADER + tile.shape[0], : tile.shape[1]] = tile
        cv2.putText(part, name, (2, HEADER - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
        parts.append(part)
    return np.hstack(parts)


if __name__ == "__main__":
    sys.exit(main())
