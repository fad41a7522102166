"""What is measured with: the demo scene as a clip, and the same packets many times over as a large file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from stereo_spot_cli.demo import make_clip

QUALITY = 8
"""CRF: drawn pictures compress so well that at a film's CRF their packets would be far smaller than a film's."""


def make_bench_clip(path: Path, *, seconds: float, width: int, height: int) -> Path:
    """A clip with moving pictures, cuts and sound, of a film's bit rate (about 5 Mb/s at 1280x720)."""
    return make_clip(path, seconds=seconds, width=width, height=height, quality=QUALITY)


def repeat_clip(clip: Path, path: Path, *, at_least_bytes: int) -> Path:
    """Copy the video packets of `clip` into `path` again and again, each time later, until the file is large enough.

    Small files measure the start of a demuxer and not its rate.
    """
    with av.open(str(clip)) as source, av.open(str(path), "w", format="mp4") as target:
        stream = source.streams.video[0]
        clock = stream.time_base or Fraction(1, 1000)
        packets = [packet for packet in source.demux(stream) if packet.size]
        copy = target.add_stream_from_template(stream)
        length = max((packet.pts or 0) + (packet.duration or 0) for packet in packets) - min(packet.pts or 0 for packet in packets)
        written, turn = 0, 0
        while written < at_least_bytes:
            for original in packets:
                packet = av.Packet(bytes(original))
                packet.stream, packet.time_base = copy, clock
                packet.pts, packet.dts = (original.pts or 0) + turn * length, (original.dts or 0) + turn * length
                packet.duration, packet.is_keyframe = original.duration, original.is_keyframe
                target.mux(packet)
                written += original.size
            turn += 1
    return path
