"""Sizes of packed pictures, by layout."""

from __future__ import annotations

import math

from stereo_inference.picture import PixelFormat
from stereo_spot_shared.rendering import FramePacking

SIDE_BY_SIDE = frozenset({FramePacking.FULL_SBS, FramePacking.HALF_SBS, FramePacking.CROSS_EYED, FramePacking.VR180})
BESIDE = SIDE_BY_SIDE | {FramePacking.SEPARATE}
"""Layouts whose views lie side by side while they are rendered."""

TOP_BOTTOM = frozenset({FramePacking.FULL_TB, FramePacking.HALF_TB})

VIEWS = {
    FramePacking.FULL_SBS: (2, 1),
    FramePacking.CROSS_EYED: (2, 1),
    FramePacking.SEPARATE: (2, 1),
    FramePacking.RGBD: (2, 1),
    FramePacking.VR180: (2, 1),
    FramePacking.FULL_TB: (1, 2),
}
"""How many views (or domes) wide and high a packed picture is; one of each where the layout is not listed."""

SHARED = {FramePacking.HALF_SBS: (2, 1), FramePacking.HALF_TB: (1, 2), FramePacking.ROWS: (1, 2)}
"""Where both views share the size of one: how many columns and rows of it belong together."""

SCREEN_DEGREES = 100.0
"""How wide the picture hangs in a dome, along its longer side: as from the front rows of a cinema."""

LARGEST_DOME = 4096
"""Pixels of a dome's side at most: two of them are as wide as what headsets decode."""

DOME_GRID = 16


def view_size(layout: FramePacking, width: int, height: int, pixel_format: PixelFormat) -> tuple[int, int]:
    """The size of one view before it is squeezed, or of one dome: the picture's, padded to what the layout and its chroma need."""
    if layout is FramePacking.VR180:
        side = dome_side(max(width, height))
        return side, side
    across, down = SHARED.get(layout, (1, 1))
    columns = across << pixel_format.sub_x
    rows = 2 if layout is FramePacking.ROWS else down << pixel_format.sub_y  # a row of chroma belongs to a row of each view
    return -(-width // columns) * columns, -(-height // rows) * rows


def packed_size(layout: FramePacking, width: int, height: int, pixel_format: PixelFormat) -> tuple[int, int]:
    """Width and height of the packed picture for an upright picture of `width` x `height`, in whole chroma samples of each view."""
    columns, rows = view_size(layout, width, height, pixel_format)
    across, down = VIEWS.get(layout, (1, 1))
    return columns * across, rows * down


def dome_side(longer: int) -> int:
    """Pixels of a dome's side: as many as keep every pixel in the middle of a picture whose longer side has `longer`."""
    whole = longer * math.pi / (2 * math.tan(math.radians(SCREEN_DEGREES / 2)))
    return min(LARGEST_DOME, math.ceil(whole / DOME_GRID) * DOME_GRID)
