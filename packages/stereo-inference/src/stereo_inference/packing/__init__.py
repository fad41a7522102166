"""What becomes of a picture and its depth: packers, one for each kind of layout, chosen by `packer_for`.

Views whose size does not hold whole chroma samples are padded on the right and at the bottom by repeating their last
column and row. The sample aspect ratio stays the source's in every flat layout, by which each view is shown as the source
is: a full layout is twice as wide (or high) as one view, and the players that unpack a half layout stretch each view
back to the whole picture.
"""

from __future__ import annotations

from concurrent.futures import Executor
from fractions import Fraction
from typing import Protocol

from stereo_inference.packing.anaglyph import Anaglyph
from stereo_inference.packing.anaglyph_colours import GLASSES
from stereo_inference.packing.arrangements import Arrangement, InPlace, Mixed, Rows, Squeezed, ViewPacker
from stereo_inference.packing.depth import DepthPacker
from stereo_inference.packing.dome import Domes
from stereo_inference.picture import Picture, PixelFormat
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_inference.stereo.views import StereoRenderer
from stereo_spot_shared.comfort import comfortable_disparity
from stereo_spot_shared.manifest import Colour, Region
from stereo_spot_shared.rendering import PLAIN, FramePacking, RenderParams

SHARING: dict[FramePacking, type[Squeezed | Rows | InPlace]] = {
    FramePacking.HALF_SBS: Squeezed,
    FramePacking.HALF_TB: Squeezed,
    FramePacking.ROWS: Rows,
}
"""How both views come into the size of one; at full size they are rendered in place."""


class Packer(Protocol):
    """Makes packed pictures of one layout, from pictures of one size and format."""

    def pack(self, picture: Picture, depth: DepthField, screen: Screen, packed: Picture) -> None:
        """Write what the layout shows of `picture` with its `depth` to `packed` (of `layouts.packed_size`)."""


def packer_for(
    params: RenderParams,
    width: int,
    height: int,
    pixel_format: PixelFormat,
    colour: Colour,
    *,
    aspect: Fraction = Fraction(1),
    active: Region | None = None,
    executor: Executor | None = None,
    threads: int = 1,
) -> Packer:
    """The packer of `params.layout` for upright pictures of `width` x `height` pixels whose own aspect ratio is `aspect`.

    Only the `active` part of them has depth (a `DepthField` is one of that part); None: all of it.
    With an `executor` its `threads` workers share a picture's rows; the result does not depend on how many there are.
    """
    layout, size = params.layout, (width, height)
    if layout in PLAIN:
        return DepthPacker(size, pixel_format, colour, active=active, with_picture=layout is FramePacking.RGBD)
    inner = (active.width, active.height) if active else size
    renderer = StereoRenderer(
        *inner,
        max_disparity=comfortable_disparity(params) * width / inner[0], keep_eye=params.keep_eye, executor=executor, threads=threads,
    )  # fmt: skip
    arrangement = arrangement_for(params, width, height, pixel_format, colour, aspect=aspect, executor=executor, threads=threads)
    return ViewPacker(renderer, arrangement, size, colour, active=active, swapped=params.right_first)


def arrangement_for(
    params: RenderParams,
    width: int,
    height: int,
    pixel_format: PixelFormat,
    colour: Colour,
    *,
    aspect: Fraction = Fraction(1),
    executor: Executor | None = None,
    threads: int = 1,
) -> Arrangement:
    """How two views of this size come together in `params.layout`, which must be one with views; see `packer_for`."""
    layout, size = params.layout, (width, height)
    if layout in GLASSES:
        mixer = Anaglyph(GLASSES[layout], colour, pixel_format, height, executor=executor, threads=threads)
        return Mixed(mixer, size, pixel_format)
    if layout is FramePacking.VR180:
        return Domes(size, pixel_format, colour, aspect, executor=executor, threads=threads)
    return SHARING.get(layout, InPlace)(layout, size, pixel_format)
