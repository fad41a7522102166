"""One pass over a source's packets: the table from which cutting is planned.

The table lists the video's packets in decoding order, in compact arrays (18 bytes a packet: ten hours at 60 frames a
second are 39 MB). Its shown packets are, for a sound file, exactly the frames that decoding the whole file gives.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream as AvVideoStream
from numpy.typing import NDArray

from stereo_spot_media.hostile import DEFAULT_LIMITS, MediaLimits, open_media
from stereo_spot_media.packets import read_packets
from stereo_spot_media.pictures import random_access_test, shown_test
from stereo_spot_media.probe import choose_video
from stereo_spot_media.timestamps import MAX_REORDER, Times, reorder_depth, typical_step
from stereo_spot_media.trial import UNKNOWN, try_decoding
from stereo_spot_media.truncation import check_complete, check_duration
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import VideoStream

REPORT_SECONDS = 0.5
PACKETS_BETWEEN_LOOKS = 64
"""Packets between two looks at the clock."""
TRIAL_LIMIT = 600
"""Packets at an unclean start of which it is tried whether they decode; later ones are taken at their word."""
TRIAL_TAIL = 2 * MAX_REORDER
"""Packets that are decoded behind those, so that the decoder gives out what it holds back."""
FIELD_TRIAL = 64
TIMES_OF_DECODING = {("avi", codec) for codec in ("h264", "hevc", "vc1", "wmv3")}
"""AVI knows no presentation times, and FFmpeg cannot work them out from the packets of these codecs."""


@dataclass(frozen=True)
class PacketTable:
    """The video's packets in decoding order, as parallel arrays."""

    pts: Times
    """Presentation times in ticks of the source."""
    shown: NDArray[np.bool_]
    """Whether the packet adds a frame to the video: not when it is hidden, trimmed by an edit list or undecodable."""
    random_access: NDArray[np.bool_]
    """Whether decoding may start here and is right at once, for pictures shown from here on."""
    sizes: NDArray[np.int64]
    """Bytes."""
    last_duration: int
    """Ticks that the last picture is shown: as the container says, else the usual gap."""
    starts: Mapping[int, Fraction] = field(default_factory=dict)
    """Seconds at which each track of the file starts, by its index."""
    damaged: tuple[str, ...] = ()
    """Sentences about what is broken."""

    def __len__(self) -> int:
        return len(self.pts)

    def save(self, path: Path) -> None:
        """Keep what cutting needs (times and sizes)."""
        with path.open("wb") as file:
            np.savez(file, pts=self.pts, sizes=self.sizes)


def scan(
    path: Path,
    video: VideoStream,
    limits: MediaLimits = DEFAULT_LIMITS,
    on_progress: Callable[[int], None] = lambda _: None,
) -> PacketTable:
    """Read all packets of the file and describe those of `video`. `on_progress` hears the bytes read so far, now and then.

    Pictures are decoded only where packets do not tell all: at a start in the middle of a GOP, and throughout
    where times are missing or two packets are the fields of one frame. Raises UnsupportedMedia for a truncated file, for
    times that jump back, and beyond a limit.
    """
    return settle(path, video, read_table(path, limits, on_progress), limits)


def read_table(path: Path, limits: MediaLimits = DEFAULT_LIMITS, on_progress: Callable[[int], None] = lambda _: None) -> RawPackets:
    """The first half of `scan`, for which nothing need be known of the video yet."""
    with open_media(path, limits) as container:
        check_complete(path, container)
        raw = read_all(container, choose_video(container, path.name), limits, path.name, on_progress)
        check_duration(container, raw.end, path.name)
    if not raw.pts:
        raise UnsupportedMedia(f"{path.name} holds no picture.", hint="The file may be damaged.")
    return raw


def settle(path: Path, video: VideoStream, raw: RawPackets, limits: MediaLimits) -> PacketTable:
    """The second half of `scan`: make the table of what was read."""
    table = resolve(path, video, raw, limits)
    if not table.shown.any():
        raise UnsupportedMedia(f"No picture of {path.name} can be shown.", hint="The file may be damaged.")
    depth = reorder_depth(table.pts[table.shown])
    if depth > 2 * MAX_REORDER:
        raise UnsupportedMedia(
            f"The times of the pictures in {path.name} jump back (by {depth} pictures).",
            hint="The file was joined from several recordings; remux or split it with another tool first.",
        )
    return table


@dataclass
class RawPackets:
    """What one pass over the packets collects, before anything is made of it."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    shown: array[int] = field(default_factory=lambda: array("b"))
    random_access: array[int] = field(default_factory=lambda: array("b"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    end: Fraction = Fraction(0)
    """Seconds at which the last packet of any track ends."""
    times_hold: bool = True
    """Whether the container's times are those of presentation."""
    starts: dict[int, Fraction] = field(default_factory=dict)
    last_pts: int = UNKNOWN
    last_duration: int = 0
    damaged: list[str] = field(default_factory=list)


def read_all(
    container: InputContainer, stream: AvVideoStream, limits: MediaLimits, name: str, on_progress: Callable[[int], None]
) -> RawPackets:
    """Demux the whole file once."""
    raw = RawPackets(times_hold=(container.format.name, stream.codec_context.name) not in TIMES_OF_DECODING)
    starts_here, shows = random_access_test(stream), shown_test(stream)
    firsts: dict[int, Packet[Any]] = {}
    lasts: dict[int, Packet[Any]] = {}
    errors: list[Exception] = []
    corrupt: list[int] = []
    progress = Progress(on_progress)
    for packet in read_packets(container, list(container.streams), errors.append):
        index, size = packet.stream_index, packet.size
        firsts.setdefault(index, packet)
        lasts[index] = packet
        progress.add(size)
        if index != stream.index:
            continue
        if len(raw.pts) >= limits.max_frames:
            raise UnsupportedMedia(f"{name} has more than {limits.max_frames:,} pictures.", hint="Cut the video into parts.")
        if packet.is_corrupt:
            corrupt.append(len(raw.pts))
        pts = packet.pts
        shown = not packet.is_discard and (shows is None or shows(memoryview(packet)))
        raw.pts.append(UNKNOWN if pts is None else pts)
        raw.shown.append(shown)
        raw.random_access.append(packet.is_keyframe and starts_here(memoryview(packet)))
        raw.sizes.append(size)
        if shown and pts is not None and pts >= raw.last_pts:
            raw.last_pts, raw.last_duration = pts, packet.duration or 0
    raw.starts = {index: packet.pts * packet.time_base for index, packet in firsts.items() if packet.pts is not None}
    raw.end = max((end_of(packet) for packet in lasts.values()), default=Fraction(0))
    raw.damaged = damage(raw, errors, corrupt, stream.time_base or Fraction(1))
    return raw


def end_of(packet: Packet[Any]) -> Fraction:
    """Seconds at which a packet ends; 0 where it has no time."""
    return (packet.pts + (packet.duration or 0)) * packet.time_base if packet.pts is not None else Fraction(0)


class Progress:
    """Tells how many bytes were read, now and then."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.tell = tell
        self.done = 0
        self.packets = 0
        self.told = time.monotonic()

    def add(self, size: int) -> None:
        """Count a packet."""
        self.done += size
        self.packets += 1
        if self.packets % PACKETS_BETWEEN_LOOKS == 0 and time.monotonic() - self.told > REPORT_SECONDS:
            self.told = time.monotonic()
            self.tell(self.done)


def damage(raw: RawPackets, errors: list[Exception], corrupt: list[int], time_base: Fraction) -> list[str]:
    """What a person should know about a broken source."""
    sentences = []
    if errors:
        sentences.append(f"The file could not be read at {len(errors)} place{'s' if len(errors) > 1 else ''}.")
    if corrupt:
        first = raw.pts[corrupt[0]]
        where = "" if first == UNKNOWN else f", the first at {float(first * time_base):.2f} s"
        sentences.append(f"{len(corrupt)} of {len(raw.pts)} packets of the picture are marked as damaged{where}.")
    return sentences


def resolve(path: Path, video: VideoStream, raw: RawPackets, limits: MediaLimits) -> PacketTable:
    """Settle by decoding what the packets leave open: missing times, paired fields, an undecodable start."""
    pts = np.array(raw.pts, np.int64)
    shown = np.array(raw.shown, np.bool_)
    random_access = np.array(raw.random_access, np.bool_)
    if not raw.times_hold or (pts[shown] == UNKNOWN).any() or (video.interlaced and fields_are_packets(path, video, limits)):
        pts, shown = times_by_decoding(path, video, pts, limits)
    else:
        pts = without_gaps(pts)
        open_question = undecided(pts, shown, random_access)
        if open_question.size:
            trial = try_decoding(path, video, limits, packets=int(open_question[-1]) + 1 + TRIAL_TAIL)
            shown[open_question[~np.isin(open_question, trial.packets)]] = False
    return PacketTable(
        pts=pts,
        shown=shown,
        random_access=random_access,
        sizes=np.array(raw.sizes, np.int64),
        last_duration=raw.last_duration or typical_step(np.sort(pts[shown]), 1),
        starts=raw.starts,
        damaged=tuple(raw.damaged),
    )


def undecided(pts: Times, shown: NDArray[np.bool_], random_access: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Packets at the start that may not decode: before the first random-access point in either order."""
    starts = np.flatnonzero(random_access)
    if starts.size == 0:
        return np.flatnonzero(shown)[:TRIAL_LIMIT]
    first = starts[0]
    return np.flatnonzero(shown & ((np.arange(len(pts)) < first) | (pts < pts[first])))[:TRIAL_LIMIT]


def fields_are_packets(path: Path, video: VideoStream, limits: MediaLimits) -> bool:
    """Whether an interlaced stream keeps each field in a packet of its own (two packets, one frame)."""
    trial = try_decoding(path, video, limits, packets=FIELD_TRIAL)
    tried = trial.tried - int(trial.packets.min(initial=0))
    return tried >= 8 and trial.packets.size <= tried * 3 // 4


def times_by_decoding(path: Path, video: VideoStream, pts: Times, limits: MediaLimits) -> tuple[Times, NDArray[np.bool_]]:
    """Times as the decoder gives them, and which packets give a frame, by decoding the whole video."""
    trial = try_decoding(path, video, limits, packets=None)
    shown = np.zeros(len(pts), np.bool_)
    known = trial.times != UNKNOWN
    origins = trial.packets[known]
    shown[origins] = True
    settled = np.full(len(pts), UNKNOWN, np.int64)
    settled[origins] = np.sort(trial.times[known])  # frames come out in the order in which they are shown
    return without_gaps(settled), shown


def without_gaps(pts: Times) -> Times:
    """Give packets that have no time (hidden ones) that of the packet before them, or of the first that has one."""
    known = np.flatnonzero(pts != UNKNOWN)
    if known.size in (0, len(pts)):
        return pts
    before = np.searchsorted(known, np.arange(len(pts)), side="right") - 1
    filled: Times = pts[known[np.maximum(before, 0)]]
    return filled
