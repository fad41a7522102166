"""What is measured with: the demo scene as a clip, and the same packets many times over."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av

from stereo_spot_cli.demo import make_clip

QUALITY = 8
"""CRF: drawn pictures compress so well that at a film's CRF their packets would be far smaller than a film's."""


DRAWN_SECONDS = 20.0
"""Drawing pictures takes longer than encoding them; a longer clip repeats these seconds."""


def make_bench_clip(path: Path, *, seconds: float, width: int, height: int) -> Path:
    """A clip with moving pictures, cuts and sound, of a film's bit rate (about 5 Mb/s at 1280x720)."""
    if seconds <= DRAWN_SECONDS:
        return make_clip(path, seconds=seconds, width=width, height=height, quality=QUALITY)
    turns = ceil(seconds / DRAWN_SECONDS)
    drawn = make_clip(path.with_stem(f"{path.stem}-once"), seconds=seconds / turns, width=width, height=height, quality=QUALITY)
    return repeat_clip(drawn, path, turns=turns)


def repeat_clip(clip: Path, path: Path, *, turns: int) -> Path:
    """Copy the packets of `clip` into `path` again and again, each time later."""
    with av.open(str(clip)) as source, av.open(str(path), "w", format="mp4") as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        packets = [packet for packet in source.demux() if packet.size]
        length = max(seconds_of([packet for packet in packets if packet.stream_index == index]) for index in copies)
        for turn in range(turns):
            for original in packets:
                later = ceil(turn * length / original.time_base)
                packet = av.Packet(bytes(original))
                packet.stream, packet.time_base = copies[original.stream_index], original.time_base
                packet.pts, packet.dts = (original.pts or 0) + later, (original.dts or 0) + later
                packet.duration, packet.is_keyframe = original.duration, original.is_keyframe
                target.mux(packet)
    return path


def seconds_of(packets: list[av.Packet[Any]]) -> Fraction:
    """How long a track lasts, from its earliest packet (sound begins before 0) to the end of its last."""
    start = min(packet.pts or 0 for packet in packets)
    end = max((packet.pts or 0) + (packet.duration or 0) for packet in packets)
    return (end - start) * packets[0].time_base
