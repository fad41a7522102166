"""How two views share one picture: where each is rendered to, and what happens to them afterwards."""

from __future__ import annotations

from typing import Protocol

import cv2

from stereo_inference.colour import grey_levels
from stereo_inference.layouts import BESIDE, SIDE_BY_SIDE, view_size
from stereo_inference.packing.anaglyph import Anaglyph
from stereo_inference.picture import Picture, PixelFormat, Plane
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_inference.stereo.views import Place, StereoRenderer
from stereo_spot_shared.manifest import Colour, Region
from stereo_spot_shared.rendering import FramePacking

Size = tuple[int, int]
"""Columns and rows."""


class Arrangement(Protocol):
    """Takes a first and a second view: the left and the right one, unless the eyes are swapped."""

    def places(self, packed: Picture) -> tuple[Place, Place]:
        """Where the first and the second view are to be rendered, for the result to come into `packed`."""

    def finish(self, packed: Picture) -> None:
        """Complete `packed` once both views are rendered to their places."""


class ViewPacker:
    """Renders both eyes of the `active` part of pictures and arranges them; `swapped` puts the right eye first.

    What lies around that part, black bars, is the same in both views.
    """

    def __init__(
        self, renderer: StereoRenderer, arrangement: Arrangement, size: Size, colour: Colour, *, active: Region | None, swapped: bool
    ) -> None:
        self._renderer = renderer
        self._arrangement = arrangement
        self._bars = active is not None
        self._active = active or Region(left=0, top=0, width=size[0], height=size[1])
        self._colour = colour
        self._swapped = swapped

    def pack(self, picture: Picture, depth: DepthField, screen: Screen, packed: Picture) -> None:
        """Render both views of `picture` and arrange them in `packed`."""
        first, second = self._arrangement.places(packed)
        left, right = (second, first) if self._swapped else (first, second)
        if self._bars:
            for view in (left, right):
                picture.copy_to(view.picture, view.top, view.left)
            picture = picture.part(self._active).compact()
            left, right = left.moved(self._active.left, self._active.top), right.moved(self._active.left, self._active.top)
        self._renderer.render(picture, depth, screen.convergence, left, right)
        self._hide(left, 0, screen.left_bar)
        self._hide(right, self._active.width - screen.right_bar, self._active.width)
        self._arrangement.finish(packed)

    def _hide(self, view: Place, first: int, end: int) -> None:
        """Make columns of a view's active part black."""
        if first >= end:
            return
        form = view.picture.format
        black, _, neutral = grey_levels(self._colour, form.bits)
        for index, plane in enumerate(view.picture.planes):
            sub_x, sub_y = (form.sub_x, form.sub_y) if index else (0, 0)
            columns, rows = (self._active.width + sub_x) >> sub_x, (self._active.height + sub_y) >> sub_y
            top, left = view.top >> sub_y, view.left >> sub_x
            area = plane[top : top + rows, left : left + columns]
            area[:, first >> sub_x : (end + sub_x) >> sub_x] = neutral if index else black


class InPlace(Arrangement):
    """Side by side or one above the other, at full size: views are rendered straight to where they stay."""

    def __init__(self, layout: FramePacking, size: Size, pixel_format: PixelFormat) -> None:
        self._size = size
        self._view = view_size(layout, *size, pixel_format)
        self._beside = layout in BESIDE

    def places(self, packed: Picture) -> tuple[Place, Place]:
        """The halves of `packed`."""
        columns, rows = self._view
        return Place(packed), Place(packed, left=columns) if self._beside else Place(packed, top=rows)

    def finish(self, packed: Picture) -> None:
        """Pad the views."""
        for place in self.places(packed):
            pad(place, self._size, self._view)


class Apart(Arrangement):
    """What the arrangements have in common whose views need pictures of their own before they come together."""

    def __init__(self, layout: FramePacking, size: Size, pixel_format: PixelFormat) -> None:
        self._size = size
        self._view = view_size(layout, *size, pixel_format)
        self._views = Picture.empty(*self._view, pixel_format), Picture.empty(*self._view, pixel_format)

    def places(self, packed: Picture) -> tuple[Place, Place]:  # noqa: ARG002 - the views come to it later
        """Pictures that are kept from one packed picture to the next."""
        first, second = self._views
        return Place(first), Place(second)

    def padded(self) -> tuple[Picture, Picture]:
        """Both views, padded."""
        for view in self._views:
            pad(Place(view), self._size, self._view)
        return self._views


class Squeezed(Apart):
    """Side by side or one above the other, each view squeezed to half: neighbouring pixels are averaged."""

    def __init__(self, layout: FramePacking, size: Size, pixel_format: PixelFormat) -> None:
        super().__init__(layout, size, pixel_format)
        self._axis = 1 if layout in SIDE_BY_SIDE else 0

    def finish(self, packed: Picture) -> None:
        """Squeeze each view into its half of `packed`."""
        for eye, view in enumerate(self.padded()):
            for index in range(3):
                target = packed.cropped(index)
                half = target.shape[self._axis] // 2
                own = slice(eye * half, (eye + 1) * half)
                target = target[:, own] if self._axis else target[own]
                target[:] = cv2.resize(view.cropped(index), target.shape[::-1], interpolation=cv2.INTER_AREA)


class Rows(Apart):
    """Even rows from the first view, odd rows from the second. A row of chroma that two rows of luma share is the mean of both."""

    def finish(self, packed: Picture) -> None:
        """Lay the views' rows into `packed` in turn."""
        first, second = self.padded()
        for index in range(3):
            one, other, target = first.cropped(index), second.cropped(index), packed.cropped(index)
            if index and packed.format.sub_y:
                target[:] = cv2.addWeighted(one, 0.5, other, 0.5, 0.0)
            else:
                target[::2], target[1::2] = one[::2], other[1::2]


class Mixed(Apart):
    """Both views mixed to one by colours: an anaglyph."""

    def __init__(self, mixer: Anaglyph, size: Size, pixel_format: PixelFormat) -> None:
        super().__init__(FramePacking.ANAGLYPH, size, pixel_format)
        self._mixer = mixer

    def finish(self, packed: Picture) -> None:
        """Mix the views into `packed`."""
        self._mixer.mix(*self.padded(), packed)


def pad(place: Place, inner: Size, outer: Size) -> None:
    """Repeat the last column and row of a view of size `inner` until `outer` is filled, in place."""
    if inner == outer:
        return
    form = place.picture.format
    pad_plane(place.picture.planes[0], place.top, place.left, inner, outer)
    for plane in place.picture.planes[1:]:
        pad_plane(plane, place.top >> form.sub_y, place.left >> form.sub_x, form.chroma_size(*inner), form.chroma_size(*outer))


def pad_plane(plane: Plane, top: int, left: int, inner: Size, outer: Size) -> None:
    """The same for a plane."""
    area = plane[top : top + outer[1], left : left + outer[0]]
    area[: inner[1], inner[0] :] = area[: inner[1], inner[0] - 1 : inner[0]]
    area[inner[1] :] = area[inner[1] - 1 : inner[1]]
