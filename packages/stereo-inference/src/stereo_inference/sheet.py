"""The contact sheet: for a few moments of a video what was seen, its depth, both views and how they differ."""

from __future__ import annotations

import secrets
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.colour import to_rgb
from stereo_inference.layouts import packed_size
from stereo_inference.output import upright_aspect, upright_size
from stereo_inference.packing import Packer, packer_for
from stereo_inference.picture import Picture
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_inference.video_io.formats import working_colour, working_format
from stereo_spot_shared.errors import StorageUnavailable
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import FramePacking, RenderParams

TILE_PIXELS = 384 * 216
"""Of a picture on the sheet, about."""

MARGIN = 8
HEADER = 28
HEADINGS = ("source", "depth", "left eye", "right eye", "anaglyph (red-cyan)")
PAPER, INK = 24, 220

LAYOUTS = (FramePacking.DEPTH, FramePacking.FULL_SBS, FramePacking.ANAGLYPH)


class Sheet:
    """Collects moments and draws them, one in a row."""

    def __init__(self, params: RenderParams, video: VideoStream) -> None:
        self._colour = working_colour(video)
        form, size, aspect = working_format(video), upright_size(video), float(upright_aspect(video))
        self._packers: list[tuple[Packer, Picture]] = []
        for layout in LAYOUTS:
            shown = params.model_copy(update={"layout": layout, "eye_swap": False})
            packed = Picture.empty(*packed_size(layout, *size, form), form)
            self._packers.append((packer_for(shown, *size, form, self._colour, active=video.active), packed))
        scale = (TILE_PIXELS / (size[0] * aspect * size[1])) ** 0.5
        self._size = size
        self._tile = max(8, round(size[0] * aspect * scale)), max(8, round(size[1] * scale))
        self._rows: list[NDArray[np.uint8]] = []

    def add(self, picture: Picture, depth: DepthField, screen: Screen) -> None:
        """Add a moment: a row of five pictures."""
        for packer, packed in self._packers:
            packer.pack(picture, depth, screen, packed)
        of_depth, views, anaglyph = (to_rgb(packed, self._colour) for _, packed in self._packers)
        width, height = self._size
        half = views.shape[1] // 2
        left, right = views[:, :half], views[:, half:]
        tiles = (to_rgb(picture, self._colour), of_depth, left, right, anaglyph)
        self._rows.append(np.hstack([self._framed(tile[:height, :width]) for tile in tiles]))

    def write(self, path: Path) -> None:
        """Write the sheet as PNG, whole or not at all. StorageUnavailable where that fails."""
        picture = np.vstack([self._header(), *self._rows]) if self._rows else self._header()
        done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        part = path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")
        try:
            part.write_bytes(data.tobytes() if done else b"")
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StorageUnavailable(f"The contact sheet could not be written: {error.strerror}.") from error

    def _framed(self, tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
        columns, rows = self._tile
        frame = np.full((rows + MARGIN, columns + MARGIN, 3), PAPER, np.uint8)
        frame[:rows, :columns] = cv2.resize(tile, (columns, rows), interpolation=cv2.INTER_AREA)
        return frame

    def _header(self) -> NDArray[np.uint8]:
        columns = self._tile[0] + MARGIN
        header = np.full((HEADER, columns * len(HEADINGS), 3), PAPER, np.uint8)
        for number, heading in enumerate(HEADINGS):
            cv2.putText(header, heading, (number * columns + 4, HEADER - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (INK,) * 3, 1, cv2.LINE_AA)
        return header
