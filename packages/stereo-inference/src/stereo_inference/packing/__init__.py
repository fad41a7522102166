"""How both views share one picture: where each is rendered to, and what happens to them afterwards.

Views whose size does not hold whole chroma samples are padded on the right and at the bottom by repeating their last
column and row. The sample aspect ratio stays the source's in every layout, by which each view is shown as the source
is: a full layout is twice as wide (or high) as one view, and the players that unpack a half layout stretch each view
back to the whole picture.
"""

from __future__ import annotations

from concurrent.futures import Executor

import cv2

from stereo_inference.layouts import HALF, view_size
from stereo_inference.packing.anaglyph import Anaglyph
from stereo_inference.picture import Picture, PixelFormat, Plane
from stereo_inference.stereo.views import Place
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking


class Packer:
    """Packs the views of pictures of one size. Full layouts are rendered in place; the others need two views between."""

    def __init__(
        self, layout: FramePacking, width: int, height: int, pixel_format: PixelFormat, colour: Colour,
        *, executor: Executor | None = None, threads: int = 1,
    ) -> None:  # fmt: skip
        self._layout = layout
        self._size = (width, height)
        self._view = view_size(layout, width, height, pixel_format)
        self._views: tuple[Picture, Picture] | None = None
        self._anaglyph: Anaglyph | None = None
        if layout in HALF or layout is FramePacking.ANAGLYPH:
            self._views = Picture.empty(*self._view, pixel_format), Picture.empty(*self._view, pixel_format)
        if layout is FramePacking.ANAGLYPH:
            self._anaglyph = Anaglyph(colour, pixel_format, height, executor=executor, threads=threads)

    def places(self, packed: Picture) -> tuple[Place, Place]:
        """Where the left and the right view are to be rendered, for the result to come into `packed`."""
        if self._views is not None:
            return Place(self._views[0]), Place(self._views[1])
        columns, rows = self._view
        if self._layout is FramePacking.FULL_SBS:
            return Place(packed), Place(packed, left=columns)
        return Place(packed), Place(packed, top=rows)

    def finish(self, packed: Picture) -> None:
        """Complete `packed` once both views are rendered to their places."""
        places = self.places(packed)
        for place in places:
            self._pad(place)
        if self._anaglyph is not None:
            self._anaglyph.mix(places[0].picture, places[1].picture, packed)
        elif self._views is not None:
            for eye, view in enumerate(self._views):
                self._squeeze(view, packed, eye)

    def _squeeze(self, view: Picture, packed: Picture, eye: int) -> None:
        for index in range(3):
            target = packed.cropped(index)
            rows, columns = target.shape
            if self._layout is FramePacking.HALF_SBS:
                target = target[:, eye * columns // 2 : (eye + 1) * columns // 2]
            else:
                target = target[eye * rows // 2 : (eye + 1) * rows // 2]
            size = (target.shape[1], target.shape[0])
            target[:] = cv2.resize(view.cropped(index), size, interpolation=cv2.INTER_AREA)

    def _pad(self, place: Place) -> None:
        if self._view == self._size:
            return
        form = place.picture.format
        inner, outer = form.chroma_size(*self._size), form.chroma_size(*self._view)
        pad_plane(place.picture.planes[0], place.top, place.left, self._size, self._view)
        for plane in place.picture.planes[1:]:
            pad_plane(plane, place.top >> form.sub_y, place.left >> form.sub_x, inner, outer)


def pad_plane(plane: Plane, top: int, left: int, inner: tuple[int, int], outer: tuple[int, int]) -> None:
    """Repeat the last column and row of the (width, height) `inner` until `outer` is filled, in place."""
    area = plane[top : top + outer[1], left : left + outer[0]]
    area[: inner[1], inner[0] :] = area[: inner[1], inner[0] - 1 : inner[0]]
    area[inner[1] :] = area[inner[1] - 1 : inner[1]]
