"""Depth as a picture: alone, or beside the picture that it belongs to."""

from __future__ import annotations

from stereo_inference.colour import IDENTITY, grey_levels
from stereo_inference.layouts import view_size
from stereo_inference.packing.arrangements import Size, pad
from stereo_inference.picture import Picture, PixelFormat
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_inference.stereo.views import Place, depth_over
from stereo_spot_shared.manifest import Colour, Region
from stereo_spot_shared.rendering import FramePacking


class DepthPacker:
    """Writes depth in grey, from black (far) to white (near), as the views would follow it: with the picture's edges."""

    def __init__(self, size: Size, pixel_format: PixelFormat, colour: Colour, *, active: Region | None, with_picture: bool) -> None:
        self._size = size
        self._active = active
        self._view = view_size(FramePacking.DEPTH, *size, pixel_format)
        self._levels = grey_levels(colour, pixel_format.bits)
        self._colour = colour
        self._with_picture = with_picture

    def pack(self, picture: Picture, depth: DepthField, screen: Screen, packed: Picture) -> None:  # noqa: ARG002 - depth has no screen
        """Write the depth of `picture` to `packed`, on the right of the picture if it is wanted too."""
        left = self._view[0] if self._with_picture else 0
        if self._with_picture:
            picture.copy_to(packed)
            pad(Place(packed), self._size, self._view)
        black, white, neutral = self._levels
        width, height = self._size
        grey = packed.planes[0][:height, left : left + width]
        area = grey
        if (inner := self._active) is not None:
            grey[:] = black
            area = grey[inner.top : inner.top + inner.height, inner.left : inner.left + inner.width]
        area[:] = depth_over(depth, picture.part(inner)) * (white - black) + (black + 0.5)
        pad(Place(packed, left=left), self._size, self._view)
        for index in (1, 2):
            chroma = packed.cropped(index)[:, left >> packed.format.sub_x :]
            chroma[:] = packed.cropped(0)[:, left:] if self._colour.matrix == IDENTITY else neutral
