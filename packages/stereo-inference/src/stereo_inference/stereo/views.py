"""Both eyes of a picture: the warp's kernels driven over threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_inference.picture import Picture
from stereo_inference.stereo.depth_field import RESEMBLANCE, DepthField
from stereo_inference.stereo.disparity import foreground_dilation, half_disparity
from stereo_inference.stereo.fill import soften_holes
from stereo_inference.stereo.row_depth import depth_rows
from stereo_inference.stereo.warp import BOTH, LEFT, RIGHT, warp_rows
from stereo_spot_shared.rendering import Eye


@dataclass(frozen=True, slots=True)
class Place:
    """Where a view is written: with its top left corner at luma row `top` and luma column `left` of `picture`."""

    picture: Picture
    top: int = 0
    left: int = 0

    def moved(self, right: int, down: int) -> Place:
        """The place so many columns and rows further on."""
        return Place(self.picture, self.top + down, self.left + right)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was filled in a view: `holes` (height, width) is 1 there, `torn` (height,) for rows that have any; see `warp_rows`."""

    holes: NDArray[np.uint8]
    torn: NDArray[np.uint8]

    @classmethod
    def none(cls, width: int, height: int) -> Gaps:
        return cls(np.zeros((height, width), np.uint8), np.zeros(height, np.uint8))


class StereoRenderer:
    """Renders both eyes of pictures of one size; keeps the masks that every picture needs.

    `max_disparity` is in percent of the width. `keep_eye` is the
    view that is the source, bit for bit; the other one then takes all of the disparity. With an
    `executor` its `threads` workers share a picture's rows; the result does not depend on how many there are.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        max_disparity: float,
        keep_eye: Eye | None = None,
        executor: Executor | None = None,
        threads: int = 1,
    ) -> None:
        self._width = width
        self._height = height
        half = half_disparity(max_disparity, width)
        self._kept = keep_eye
        self._eyes, self._shift = {None: (BOTH, half), Eye.LEFT: (RIGHT, 2 * half), Eye.RIGHT: (LEFT, 2 * half)}[keep_eye]
        self._executor = executor
        self._bands = np.linspace(0, height // 2, threads + 1).astype(int) * 2
        self._bands[-1] = height
        self._left_gaps, self._right_gaps = Gaps.none(width, height), Gaps.none(width, height)

    def render(self, picture: Picture, depth: DepthField, convergence: float, left: Place, right: Place) -> None:
        """Write the left and the right view of `picture` to their places (which may lie in the same picture).

        `convergence` is the depth (0..1) that lies on the screen. Depth outside 0..1 is clipped. Where max_disparity is 0,
        both views are the picture, bit for bit.
        """
        dilation = foreground_dilation(self._width, depth.depth.shape[1])
        # Along rows here, once for all that lie between two of the depth map; between those in the kernel.
        wide = cv2.resize(depth.depth, (self._width, depth.depth.shape[0]), interpolation=cv2.INTER_LINEAR)
        columns = depth.columns(self._width)
        resemblance = RESEMBLANCE * (1 << (picture.format.bits - 8))
        form = picture.format

        def band(first: int, end: int) -> None:
            warp_rows(
                *picture.planes, form.sub_x, form.sub_y,
                wide, depth.depth, depth.luma, depth.steps, columns, resemblance, self._shift, convergence, dilation, self._eyes,
                *left.picture.planes, left.top, left.left,
                *right.picture.planes, right.top, right.left,
                self._left_gaps.holes, self._left_gaps.torn, self._right_gaps.holes, self._right_gaps.torn, first, end,
            )  # fmt: skip

        def soften(place: Place, gaps: Gaps, background_on_right: bool) -> None:
            for index, plane in enumerate(place.picture.planes):
                sub_x, sub_y = (form.sub_x, form.sub_y) if index else (0, 0)
                soften_holes(plane, place.top >> sub_y, place.left >> sub_x, gaps.holes, gaps.torn, sub_x, sub_y, background_on_right)

        if self._kept is not None:
            kept = left if self._kept is Eye.LEFT else right
            picture.copy_to(kept.picture, kept.top, kept.left)
        self._all(band, [(int(a), int(b)) for a, b in pairwise(self._bands) if a < b])
        self._all(soften, [(left, self._left_gaps, False), (right, self._right_gaps, True)])

    def _all(self, work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
        if self._executor is None or len(arguments) == 1:
            for each in arguments:
                work(*each)
            return
        futures = [self._executor.submit(work, *each) for each in arguments]
        wait(futures)
        for future in futures:
            future.result()


def depth_over(field: DepthField, picture: Picture) -> NDArray[np.float32]:
    """The depth (height, width) of every pixel of `picture`, 0..1, as the warp follows it."""
    depth = np.empty((picture.height, picture.width), np.float32)
    wide = cv2.resize(field.depth, (picture.width, field.depth.shape[0]), interpolation=cv2.INTER_LINEAR)
    luma = np.ascontiguousarray(picture.cropped(0))
    resemblance = RESEMBLANCE * (1 << (picture.format.bits - 8))
    depth_rows(luma, wide, field.depth, field.luma, field.steps, field.columns(picture.width), resemblance, depth)
    return depth
