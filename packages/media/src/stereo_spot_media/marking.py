"""Marking a finished file: how its views are packed and what light it was mastered for, so that players know.

MP4 and MOV say it in boxes of the video's sample entry: `st3d` and `sv3d` of the Spherical Video V2 RFC, `mdcv` and `clli` of
ISO/IEC 14496-12. Their index is rebuilt for it anyway, and so it is put first (faststart) in the same pass; FFmpeg would do the second
by itself, but then the first would cost another. Matroska says the same in elements that FFmpeg's muxer writes from what the template
of a stream carries; such a template is made here, by way of a marked MP4 of one picture.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
from av import Packet
from av.video.stream import VideoStream as AvVideoStream

from stereo_spot_media.isobmff import boxed, boxes_of, edited, find, rewrite_index
from stereo_spot_shared.manifest import ContentLight, MasteringDisplay, VideoStream
from stereo_spot_shared.rendering import FramePacking, RenderParams

SIDE_BY_SIDE = (FramePacking.FULL_SBS, FramePacking.HALF_SBS, FramePacking.CROSS_EYED, FramePacking.VR180)
TOP_BOTTOM = (FramePacking.FULL_TB, FramePacking.HALF_TB)

ST3D_MODES: dict[FramePacking, tuple[int | None, int | None]] = {
    **dict.fromkeys(SIDE_BY_SIDE, (2, 4)),
    **dict.fromkeys(TOP_BOTTOM, (1, None)),
}
"""`st3d` stereo_mode with the left view first, and with the right view first. What is not listed has none: an ordinary picture there."""

MATROSKA_MODES: dict[FramePacking, tuple[str | None, str | None]] = {
    **dict.fromkeys(SIDE_BY_SIDE, ("left_right", "right_left")),
    **dict.fromkeys(TOP_BOTTOM, ("top_bottom", "bottom_top")),
    FramePacking.ROWS: ("row_interleaved_lr", "row_interleaved_rl"),
    FramePacking.ANAGLYPH: ("anaglyph_cyan_red", None),
    FramePacking.ANAGLYPH_GREY: ("anaglyph_cyan_red", None),
    FramePacking.ANAGLYPH_COLOUR: ("anaglyph_cyan_red", None),
    FramePacking.ANAGLYPH_HALF_COLOUR: ("anaglyph_cyan_red", None),
    FramePacking.ANAGLYPH_GREEN_MAGENTA: ("anaglyph_green_magenta", None),
}
"""The same for Matroska, as what FFmpeg's muxer wants as stream metadata `stereo_mode` to write the StereoMode element."""

OURS = (b"st3d", b"sv3d", b"mdcv", b"clli")
VISUAL_SAMPLE_ENTRY_HEADER = 8 + 78
"""Bytes of a VisualSampleEntry, its own header included, before its child boxes (ISO/IEC 14496-12)."""

QUARTER_TURN = 1 << 30
"""A quarter of the panorama that is missing on a side of a half dome, as a 0.32 fixed-point number."""


@dataclass(frozen=True)
class Marks:
    """What the container says about the picture."""

    stereo: int | None = None
    """`st3d` stereo_mode: 1 = left view above the right one, 2 = left view left, 4 = right view left."""
    matroska: str | None = None
    dome: bool = False
    """Whether each view is a half dome (equirectangular, 180 degrees)."""
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None

    @classmethod
    def of(cls, params: RenderParams, video: VideoStream) -> Self:
        """The marks of a job's output."""
        return cls(
            stereo=ST3D_MODES.get(params.layout, (None, None))[params.right_first],
            matroska=MATROSKA_MODES.get(params.layout, (None, None))[params.right_first],
            dome=params.layout is FramePacking.VR180,
            mastering_display=video.mastering_display,
            content_light=video.content_light,
        )

    def boxes(self) -> bytes:
        """The boxes that say it in a sample entry."""
        parts = []
        if self.stereo is not None:
            parts.append(boxed(b"st3d", struct.pack(">IB", 0, self.stereo)))
        if self.dome:
            parts.append(half_dome())
        if self.mastering_display is not None:
            parts.append(mastering_box(self.mastering_display))
        if self.content_light is not None:
            parts.append(boxed(b"clli", struct.pack(">2H", self.content_light.max_content, self.content_light.max_average)))
        return b"".join(parts)


def half_dome() -> bytes:
    """`sv3d` of an equirectangular picture of 180 degrees: a panorama without the quarters on its left and right."""
    header = boxed(b"svhd", struct.pack(">I", 0) + b"stereo-spot\0")
    pose = boxed(b"prhd", bytes(16))
    bounds = boxed(b"equi", struct.pack(">5I", 0, 0, 0, QUARTER_TURN, QUARTER_TURN))
    return boxed(b"sv3d", header + boxed(b"proj", pose + bounds))


def mastering_box(display: MasteringDisplay) -> bytes:
    """`mdcv`: chromaticities of green, blue, red and white in 1/50000, luminances in 1/10000 cd/m2."""
    points = [round(value * 50_000) for xy in (display.green, display.blue, display.red, display.white) for value in xy]
    return boxed(b"mdcv", struct.pack(">8H2I", *points, round(display.max_luminance * 10_000), round(display.min_luminance * 10_000)))


def mark(path: Path, marks: Marks) -> None:
    """Write `marks` into the first video track of the MP4/MOV at `path`, and put its index first; see `isobmff.rewrite_index`.

    Marks that are there already are replaced.
    """
    rewrite_index(path, lambda kind, body: marked_video(body, marks) if kind == b"trak" else None)


def marked_video(trak: memoryview, marks: Marks) -> bytes | None:
    """The `trak` box with marks in its sample entries if it is a video track; None leaves it as it is."""
    handler = find(trak, b"mdia", b"hdlr")
    if handler is None or bytes(handler[8:12]) != b"vide":
        return None

    def edit(kind: bytes, body: memoryview) -> bytes | None:
        if kind != b"stsd":
            return None
        entries = (boxed(entry.kind, marked_entry(body[entry.start : entry.end], marks)) for entry in boxes_of(body, 8))
        return boxed(b"stsd", b"".join([body[:8], *entries]))

    return boxed(b"trak", edited(trak, edit))


def marked_entry(entry: memoryview, marks: Marks) -> bytes:
    """The body of a VisualSampleEntry (given whole) with these marks and no others."""
    kept = [entry[box.start : box.end] for box in boxes_of(entry, VISUAL_SAMPLE_ENTRY_HEADER) if box.kind not in OURS]
    return b"".join([entry[8:VISUAL_SAMPLE_ENTRY_HEADER], *kept, marks.boxes()])


@contextmanager
def marked_template(stream: AvVideoStream, packet: Packet[AvVideoStream], marks: Marks, folder: Path) -> Iterator[AvVideoStream]:
    """A stream like `stream` that carries `marks`, to be the template of another; `packet` is any of its packets.

    Its extradata has the form that MP4 wants: give the stream that is made after it those of `stream`.
    """
    path = folder / f".template-{uuid.uuid4().hex[:12]}.mp4"
    try:
        with av.open(f"file:{path}", "w", format="mp4") as writing:
            copy = writing.add_stream_from_template(stream, opaque=True)
            packet.stream = copy
            writing.mux(packet)
        mark(path, marks)
        with av.open(f"file:{path}") as opened:
            yield opened.streams.video[0]
    finally:
        path.unlink(missing_ok=True)
