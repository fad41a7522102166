"""Decode on trial, to learn which packets become frames and at what time."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from stereo_spot_media.hostile import MediaLimits, open_media
from stereo_spot_media.packets import read_packets
from stereo_spot_media.probe import decode_leniently, drain
from stereo_spot_media.timestamps import Times
from stereo_spot_shared.manifest import VideoStream

UNKNOWN = -(1 << 63)
"""Stands for a time that is not known."""


@dataclass(frozen=True)
class Trial:
    """The frames that came out, in presentation order: the packet that each comes from, and its time in ticks."""

    packets: NDArray[np.int64]
    times: Times
    tried: int
    """Packets that were decoded."""


def try_decoding(path: Path, video: VideoStream, limits: MediaLimits, *, packets: int | None) -> Trial:
    """Decode the first `packets` packets of the video from the start (None: all of them)."""
    origins, times = array("q"), array("q")
    tried = 0

    def note(frames: list[VideoFrame]) -> None:
        for frame in frames:
            if isinstance(frame.opaque, int):
                origins.append(frame.opaque)
                times.append(UNKNOWN if frame.pts is None else frame.pts)

    with open_media(path, limits) as container:
        stream = next(stream for stream in container.streams.video if stream.index == video.index)
        stream.codec_context.copy_opaque = True
        for packet in islice(read_packets(container, [stream]), packets):
            packet.opaque = tried
            tried += 1
            note(decode_leniently(packet))
        note(drain(stream))
    return Trial(np.array(origins, np.int64), np.array(times, np.int64), tried)
