"""Pixel formats of sources: which working format each is converted to, and how."""

from __future__ import annotations

import av
from av.video.reformatter import ColorRange, Colorspace

from stereo_inference.picture import PIXEL_FORMATS, PixelFormat
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Colour, VideoStream


def working_format(video: VideoStream) -> PixelFormat:
    """The format in which a source is rendered: the nearest of `PIXEL_FORMATS` that loses nothing up to 10 bit.

    RGB and palettes become 4:4:4, grey 4:2:0; chroma that is shared by four columns (4:1:1, 4:1:0) keeps more of
    itself than it has; alpha is dropped; more than 10 bits are rounded to 10. A picture that is turned by a quarter
    needs chroma that is halved alike in both directions: 4:2:2 then becomes 4:4:4.
    """
    try:
        source = av.VideoFormat(video.pixel_format)
    except ValueError as error:
        raise UnsupportedMedia(f"The pixel format {video.pixel_format!r} is not known.") from error
    bits = 8 if max(component.bits for component in source.components) <= 8 else 10
    if len(source.components) <= 2 and not source.has_palette:
        sub_x, sub_y = 1, 1
    elif is_rgb(source):
        sub_x, sub_y = 0, 0
    else:
        sub_x = int((source.chroma_width(16) or 16) < 16)
        sub_y = int((source.chroma_height(16) or 16) < 16)
    if (sub_x, sub_y) == (0, 1) or (sub_x != sub_y and video.rotation in (90, 270)):
        sub_x, sub_y = 0, 0
    return next(f for f in PIXEL_FORMATS.values() if (f.bits, f.sub_x, f.sub_y) == (bits, sub_x, sub_y))


def working_colour(video: VideoStream) -> Colour:
    """The colour description of the pictures as they are rendered: RGB sources come out as BT.709, limited range."""
    source = av.VideoFormat(video.pixel_format)
    if is_rgb(source):
        return video.colour.model_copy(update={"matrix": 1, "full_range": False})
    if video.pixel_format.startswith("yuvj"):
        return video.colour.model_copy(update={"full_range": True})
    return video.colour


def is_rgb(pixel_format: av.VideoFormat) -> bool:
    """Whether pixels are red, green and blue, directly or through a palette."""
    return bool(pixel_format.is_rgb or pixel_format.has_palette)


def convert(frame: av.VideoFrame, target: PixelFormat, colour: Colour, width: int, height: int) -> av.VideoFrame:
    """`frame` in the working format and size; the same frame where nothing needs to be done.

    The range and matrix of YUV sources are kept: only bit depth and chroma resolution change. A size other than the
    stream's (it changed in mid-stream) is scaled to it.
    """
    # yuvj is yuv in memory; its range is in `colour`, and swscale would squeeze it.
    same_layout = frame.format.name.replace("yuvj", "yuv") == target.name
    if same_layout and (frame.width, frame.height) == (width, height):
        return frame
    full = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
    return frame.reformat(
        width=width,
        height=height,
        format=target.name,
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if is_rgb(frame.format) else full,
        dst_color_range=full,
        interpolation="BICUBIC",
        threads=1,
    )
