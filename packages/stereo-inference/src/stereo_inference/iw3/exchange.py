"""What goes to iw3 and what comes back: RGB without loss, one frame a tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from stereo_inference.picture import Picture, PixelFormat
from stereo_spot_media.hostile import open_media
from stereo_spot_shared.errors import RenderFailed
from stereo_spot_shared.manifest import Colour

RATE = Fraction(25)
"""Of the copy; any constant one will do, as long as iw3 keeps it."""

SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Matrix coefficients (H.273) by the numbers that swscale has for them."""

HD_HEIGHT = 720


def write_copy(pictures: Iterable[Picture], path: Path, colour: Colour) -> int:
    """Write pictures as FFV1 in Matroska; returns how many. Where they say nothing of their matrix it is guessed as players do."""
    count = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        for count, picture in enumerate(pictures, start=1):
            frame = rgb_frame(picture, colour)
            if count == 1:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
            frame.pts, frame.time_base = count - 1, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return count


def read_views(path: Path, width: int, height: int, form: PixelFormat, colour: Colour) -> Iterator[tuple[Picture, Picture]]:
    """The left and the right view of every frame that iw3 wrote side by side. RenderFailed where they are of another size."""
    with open_media(path) as container:
        for frame in container.decode(video=0):
            if (frame.width, frame.height) != (2 * width, height):
                raise RenderFailed(f"iw3 wrote pictures of {frame.width}x{frame.height} where {2 * width}x{height} were expected.")
            both = frame.to_ndarray(format="rgb24" if form.bits == 8 else "rgb48le")
            left, right = (np.ascontiguousarray(both[:, side * width : (side + 1) * width]) for side in (0, 1))
            yield picture_of(left, form, colour), picture_of(right, form, colour)


def rgb_frame(picture: Picture, colour: Colour) -> av.VideoFrame:
    """A picture as RGB of 8 or 10 bit, full range."""
    frame = av.VideoFrame(picture.width, picture.height, picture.format.name)
    for index, plane in enumerate(frame.planes):
        source = picture.cropped(index)
        row = plane.line_size // source.dtype.itemsize
        target = np.frombuffer(memoryview(plane), source.dtype).reshape(plane.height, row)
        target[: source.shape[0], : source.shape[1]] = source
    # In two steps: swscale's short way from shared chroma to RGB is off by one.
    bits = picture.format.bits
    whole = frame.reformat(format="yuv444p" if bits == 8 else "yuv444p10le", interpolation="BICUBIC", threads=1)
    return whole.reformat(
        format="bgr0" if bits == 8 else "gbrp10le",  # what FFV1 has
        src_colorspace=matrix_of(colour, picture.height),
        src_color_range=ColorRange.JPEG if colour.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    )


def picture_of(rgb: np.ndarray, form: PixelFormat, colour: Colour) -> Picture:
    """An RGB array (h, w, 3) of 8 or 16 bit as a picture of a working format."""
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24" if rgb.dtype == np.uint8 else "rgb48le")
    whole = frame.reformat(
        format="yuv444p" if form.bits == 8 else "yuv444p10le",
        dst_colorspace=matrix_of(colour, rgb.shape[0]),
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if colour.full_range else ColorRange.MPEG,
        threads=1,
    )
    return Picture.view(whole.reformat(format=form.name, interpolation="BICUBIC", threads=1), form)


def matrix_of(colour: Colour, height: int) -> int:
    """The matrix of a picture, as swscale numbers it."""
    return SWSCALE_MATRICES.get(colour.matrix, 1 if height >= HD_HEIGHT else 5)
