"""Sizes of packed pictures, by layout."""

from __future__ import annotations

from stereo_inference.picture import PixelFormat
from stereo_spot_shared.rendering import FramePacking

SIDE_BY_SIDE = (FramePacking.FULL_SBS, FramePacking.HALF_SBS)
TOP_BOTTOM = (FramePacking.FULL_TB, FramePacking.HALF_TB)
HALF = (FramePacking.HALF_SBS, FramePacking.HALF_TB)


def view_size(layout: FramePacking, width: int, height: int, pixel_format: PixelFormat) -> tuple[int, int]:
    """The size of one view before it is squeezed: the picture's, padded to what the layout and its chroma need."""
    columns, rows = 1 << pixel_format.sub_x, 1 << pixel_format.sub_y
    if layout is FramePacking.HALF_SBS:
        columns *= 2
    if layout is FramePacking.HALF_TB:
        rows *= 2
    return -(-width // columns) * columns, -(-height // rows) * rows


def packed_size(layout: FramePacking, width: int, height: int, pixel_format: PixelFormat) -> tuple[int, int]:
    """Width and height of the packed picture for an upright picture of `width` x `height`.

    Twice as wide (full-sbs) or high (full-tb), otherwise the same; rounded up to whole chroma samples of each view.
    """
    columns, rows = view_size(layout, width, height, pixel_format)
    return (
        columns * (2 if layout is FramePacking.FULL_SBS else 1),
        rows * (2 if layout is FramePacking.FULL_TB else 1),
    )
