"""Cutting by stream copy: one pass over the source writes all segment objects, in order.

A segment object holds the coded packets of one `SegmentSpec` in NUT (MOV for the codecs that NUT cannot carry), at
presentation times shifted by the manifest's one offset and decoding times regenerated from them. Neighbours share packets;
each packet is written to every segment that is open, so nothing but the packet at hand is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream as AvVideoStream
from numpy.typing import NDArray

from stereo_spot_media.hostile import DEFAULT_LIMITS, MediaLimits, open_media, translated
from stereo_spot_media.packets import read_packets
from stereo_spot_media.pictures import encoder_signature
from stereo_spot_media.scan import scan
from stereo_spot_media.timestamps import Times, regenerate_dts
from stereo_spot_shared.errors import SourceChanged
from stereo_spot_shared.manifest import Manifest, SegmentSpec

MOV_ONLY = frozenset({"prores", "prores_raw", "dnxhd", "cfhd"})
"""Codecs for which NUT has no tag that comes back as the same codec."""


def segment_container(codec: str) -> str:
    """FFmpeg's name of the muxer for segment objects of this codec (`Manifest.segment_container`)."""
    return "mov" if codec in MOV_ONLY else "nut"


def segment_file(index: int, container: str) -> str:
    """Name of the file that a segment is cut into."""
    return f"segment-{index:06d}.{container}"


@dataclass(frozen=True)
class CutSegment:
    """A finished segment object."""

    index: int
    path: Path
    bytes: int


def cut_segments(
    source: Path,
    manifest: Manifest,
    folder: Path,
    *,
    kept: Path | None = None,
    skip: Collection[int] = (),
    limits: MediaLimits = DEFAULT_LIMITS,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Iterator[CutSegment]:
    """Write the segment objects of `manifest` into `folder`, yielding each as it is finished, in order.

    `kept` is the packet table that `planning.make_manifest` kept; without it the source is scanned again. Segments in
    `skip` exist already and are left out. A file appears under its name (`segment_file`) only when it is whole.
    `on_progress` hears every so often how many packets were read. Raises SourceChanged when the source's packets are
    not those that were planned.
    """
    table = CutTable.of(source, manifest, kept, limits, on_progress)
    waiting = [spec for spec in manifest.segments if spec.index not in skip]
    waiting.reverse()
    active: list[OpenSegment] = []
    with ExitStack() as cleanup, open_media(source, limits) as container:
        stream = next(stream for stream in container.streams.video if stream.index == manifest.video.index)
        signature = b""
        for number, packet in enumerate(packets_of_table(container, stream, table, source.name)):
            if number == 0:
                signature = encoder_signature(stream, memoryview(packet))
            while waiting and waiting[-1].packets[0] <= number:
                active.append(OpenSegment(waiting.pop(), manifest, table, stream, folder))
                cleanup.callback(active[-1].discard)
            for segment in active:
                opening = number == segment.spec.packets[0] and number > 0
                segment.write(prefixed(signature, packet) if opening and signature else packet, number)
            while active and active[0].spec.packets[1] == number + 1:
                yield active.pop(0).finish()
            if not waiting and not active:
                return
            if number % 1000 == 0:
                on_progress(number)


@dataclass(frozen=True)
class CutTable:
    """What cutting must know of each packet of the video, in decoding order."""

    pts: Times
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, source: Path, manifest: Manifest, kept: Path | None, limits: MediaLimits, on_progress: Callable[[int], None]) -> CutTable:
        """Load what was kept, or scan the source again."""
        if kept is not None and kept.exists():
            with np.load(kept, allow_pickle=False) as arrays:
                return cls(arrays["pts"], arrays["sizes"])
        table = scan(source, manifest.video, limits, on_progress)
        return cls(table.pts, table.sizes)


def packets_of_table(container: InputContainer, stream: AvVideoStream, table: CutTable, name: str) -> Iterator[Packet[Any]]:
    """The video's packets, each checked against the table."""
    count = -1
    for count, packet in enumerate(read_packets(container, [stream])):
        if count >= len(table.sizes) or packet.size != table.sizes[count]:
            raise changed(name)
        yield packet
    if count + 1 != len(table.sizes):
        raise changed(name)


def prefixed(signature: bytes, packet: Packet[Any]) -> Packet[Any]:
    """A key packet with something in front of its data."""
    longer: Packet[Any] = Packet(signature + bytes(packet))
    longer.is_keyframe = packet.is_keyframe
    return longer


def changed(name: str) -> SourceChanged:
    """The error for a source that is not what was scanned."""
    return SourceChanged(f"{name} was changed while it was being cut.", hint="Leave the file alone and start again.")


class OpenSegment:
    """A segment object that is being written, under a name that says so."""

    def __init__(self, spec: SegmentSpec, manifest: Manifest, table: CutTable, template: AvVideoStream, folder: Path) -> None:
        self.spec = spec
        self.path = folder / segment_file(spec.index, manifest.segment_container)
        self.part = self.path.with_name(self.path.name + ".part")
        self.first = spec.packets[0]
        self.clock = manifest.video.time_base
        self.last_duration = max(1, manifest.last_duration)
        self.pts = (table.pts[slice(*spec.packets)] + manifest.pts_offset).tolist()
        self.dts = regenerate_dts(self.pts, time_base=self.clock)
        with translated(self.part.name):
            self.container = open_output(self.part, manifest.segment_container, self.clock)
            self.stream = self.container.add_stream_from_template(template, opaque=True)
            self.stream.time_base = self.clock

    def write(self, packet: Packet[Any], number: int) -> None:
        """Append packet `number` of the video. Times of the packet itself are overwritten."""
        at = number - self.first
        packet.stream = self.stream
        packet.time_base = self.clock
        packet.pts, packet.dts = self.pts[at], self.dts[at]
        if at + 1 == len(self.dts):
            packet.duration = self.last_duration  # MOV drops a last picture of no duration
        try:
            self.container.mux_one(packet)
        except av.FFmpegError as error:
            with translated(self.part.name):
                raise error from None

    def finish(self) -> CutSegment:
        """Close the file and give it its name."""
        with translated(self.part.name):
            self.container.close()
            self.part.replace(self.path)
        return CutSegment(self.spec.index, self.path, self.path.stat().st_size)

    def discard(self) -> None:
        """Remove what is unfinished (nothing, after `finish`)."""
        if self.part.exists():
            self.container.close()
            self.part.unlink()


def open_output(path: Path, container: str, clock: Fraction) -> OutputContainer:
    """A segment file for writing, whose clock can express every tick of the source's."""
    timescale = {"video_track_timescale": str(clock.denominator), "movie_timescale": str(clock.denominator)}
    return av.open(str(path), "w", format=container, options=timescale if container == "mov" else {})
