"""Encoding packed pictures into a NUT file whose packets can be joined with those of the other segments."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.codec.codec import UnknownCodecError
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.stream import VideoStream as OutputVideoStream

from stereo_inference.video_io.encoder_options import options
from stereo_inference.video_io.encoders import OutputFormat, encoder_of, pixel_format_of
from stereo_spot_media.hostile import os_error
from stereo_spot_media.segment_io import encoder_fingerprint
from stereo_spot_media.timestamps import regenerate_dts
from stereo_spot_shared.errors import RenderFailed

REORDER_DEPTH = 4
"""By how many frames decoding times run ahead of presentation times: no encoder in the table reorders further."""

KEYFRAME_SECONDS = 4
"""Longest distance between keyframes, for seeking."""

DEFAULT_RATE = Fraction(25)
"""Frames per second told to the encoder where the source does not know its own (it only steers bit allocation)."""


class View:
    """One video of a segment that is being encoded."""

    def __init__(self, stream: OutputVideoStream) -> None:
        self.stream = stream
        self.written = 0


class SegmentEncoder:
    """Encodes frames to the part file behind `segment_writer`; two at a time where each view has a video of its own.

    The encoder counts frames; presentation times are put onto its packets afterwards. So equal times, gaps and odd
    time bases never meet an encoder's opinion of them, and each packet carries exactly the time that its frame had.
    """

    def __init__(self, file: BinaryIO, output: OutputFormat, *, times: Sequence[int], end: int, pts_offset: int, threads: int) -> None:
        """`times`: every time that the segment may hold, in order; `end`: when its last frame stops being shown."""
        self._container = av.open(file, "w", format="nut")
        self._output = output
        self._offset = pts_offset
        self._listed = times
        self._end = end
        self._times: list[int] = []
        self._dts: list[int] = []
        self._pixel_format = pixel_format_of(output)
        self._views = [View(self._open_stream(threads)) for _ in range(output.streams)]
        self._container.start_encoding()
        context = self._views[0].stream.codec_context
        self.codec = context.codec.canonical_name
        self.fingerprint = encoder_fingerprint(context)

    def encode(self, frames: Sequence[av.VideoFrame], time: int) -> int:
        """Encode the next frame of each view, shown at `time` (source ticks); returns how many left all encoders by it."""
        before = self._complete
        number = len(self._times)
        self._times.append(time)
        for view, given in zip(self._views, frames, strict=True):
            frame = given if given.format.name == self._pixel_format else given.reformat(format=self._pixel_format, threads=1)
            frame.pts = number
            frame.time_base = view.stream.codec_context.time_base
            frame.pict_type = PictureType.NONE if number else PictureType.I
            self._mux(view, view.stream.encode(frame))
        return self._complete - before

    def finish(self) -> int:
        """Flush the encoders and complete the file; returns how many frames left all of them by it."""
        before = self._complete
        for view in self._views:
            self._mux(view, view.stream.encode(None))
        self._container.close()
        if any(view.written != len(self._times) for view in self._views):
            raise RenderFailed(f"The encoder took {len(self._times)} frames and gave back {self._complete}.")
        return self._complete - before

    def close(self) -> None:
        """Let go of the file, complete or not."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()

    @property
    def _complete(self) -> int:
        return min(view.written for view in self._views)

    def _mux(self, view: View, packets: list[av.Packet[Any]]) -> None:
        for packet in packets:
            if packet.pts is None:
                raise RenderFailed("The encoder gave back a frame without saying which.")
            number = packet.pts
            time = self._times[number]
            following = self._times[number + 1] if number + 1 < len(self._times) else self._after(time)
            if not self._dts:
                self._dts = self._decoding_times()
            packet.stream = view.stream
            packet.time_base = self._output.time_base
            packet.pts = time + self._offset
            packet.dts = self._dts[view.written] + self._offset
            packet.duration = max(0, following - time)
            if packet.dts > packet.pts:
                raise RenderFailed("The encoder reorders frames further than it says.")
            self._container.mux(packet)
            view.written += 1

    def _after(self, time: int) -> int:
        """When the frame at `time`, the last that was given to the encoder so far, stops being shown."""
        return next((later for later in self._listed if later > time), self._end)

    def _decoding_times(self) -> list[int]:
        # Of all listed times, though some frames may turn out lost: that only makes decoding times earlier, and the
        # file can be written while frames still come. Encoders' own words on their depth are not to be had from all.
        return regenerate_dts(self._listed, time_base=self._output.time_base, depth=REORDER_DEPTH)

    def _open_stream(self, threads: int) -> OutputVideoStream:
        output = self._output
        settings = encoder_of(output)
        try:
            stream = self._container.add_stream(settings.name, options=options(settings, output, threads))
        except UnknownCodecError as error:
            raise no_such_encoder(settings.name, "this FFmpeg does not know it") from error
        assert isinstance(stream, OutputVideoStream)  # noqa: S101 - the table holds video encoders only
        context = stream.codec_context
        rate = (output.rate if output.rate > 0 else DEFAULT_RATE).limit_denominator(100_000)
        context.width, context.height, context.pix_fmt = output.stream_width, output.height, pixel_format_of(output)
        context.framerate = rate
        context.time_base = 1 / rate
        context.gop_size = max(1, math.ceil(rate * KEYFRAME_SECONDS))
        context.sample_aspect_ratio = output.aspect
        context.flags |= Flags.global_header | Flags.closed_gop
        context.thread_count = threads
        context.color_primaries = output.colour.primaries
        context.color_trc = output.colour.transfer
        context.colorspace = output.colour.matrix
        context.color_range = {None: 0, False: 1, True: 2}[output.colour.full_range]
        try:
            context.open(strict=False)
        except av.FFmpegError as error:
            raise no_such_encoder(settings.name, str(error.strerror)) from error
        stream.time_base = output.time_base
        return stream


def no_such_encoder(name: str, reason: str) -> RenderFailed:
    """What an encoder means that cannot be opened: the driver or the device is missing, or what it is asked is too much for it."""
    return RenderFailed(
        f"The encoder {name} cannot be used on this machine: {reason}.",
        hint="Convert again with --encoder software, or run only workers that have it.",
    )


@contextlib.contextmanager
def encoder_errors() -> Iterator[None]:
    """Errors of the system and of the encoder, translated."""
    try:
        yield
    except OSError as error:
        raise os_error(error) from error
    except av.FFmpegError as error:
        raise RenderFailed(f"The encoder failed: {error.strerror}.") from error


@contextlib.contextmanager
def segment_writer(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to; at the end of the `with` block it becomes `path`, whole and on the disk.

    When the block raises, nothing stays. Errors of the system are translated.
    """
    part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
    try:
        try:
            with part.open("xb") as file:
                yield part
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise os_error(error) from error
