"""Encoders in hardware: which of them this machine has, and which one suits an output."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction

import av
from av.codec.codec import UnknownCodecError

from stereo_inference.video_io.encoders import ENCODERS, HARDWARE_FORMATS, OutputFormat, encoder_of
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.rendering import Encoder, Quality

PREFERENCE = (Encoder.NVENC, Encoder.VIDEOTOOLBOX, Encoder.QSV)
TRIAL_SIZE = (320, 192)
"""Larger than the least that hardware takes."""


def usable_encoders() -> tuple[str, ...]:
    """FFmpeg's names of the hardware encoders that this machine has, in the order of preference: each is tried.

    Drivers are loaded by it: call it in a process that may crash.
    """
    names = dict.fromkeys(line.name for encoder in PREFERENCE for (kind, *_), line in ENCODERS.items() if kind is encoder)
    return tuple(name for name in names if encodes(name))


def encodes(name: str) -> bool:
    """Whether an encoder really encodes a picture here. One that FFmpeg knows may lack its driver, or its device."""
    width, height = TRIAL_SIZE
    try:
        context = av.VideoCodecContext.create(name, "w")
        assert isinstance(context, av.VideoCodecContext)  # noqa: S101 - the stubs know of its base only
        context.width, context.height, context.pix_fmt = width, height, HARDWARE_FORMATS[8]
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25)
        context.open()
        frame = av.VideoFrame(width, height, HARDWARE_FORMATS[8])
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (UnknownCodecError, av.FFmpegError, OSError):
        return False


def best_encoder(output: OutputFormat, usable: Collection[str]) -> Encoder:
    """What should encode `output` on a machine with the hardware encoders `usable`: software where none of them can."""
    if output.quality is Quality.LOSSLESS:
        return Encoder.SOFTWARE
    for encoder in PREFERENCE:
        try:
            if encoder_of(replace(output, encoder=encoder)).name in usable:
                return encoder
        except UnsupportedMedia:
            continue
    return Encoder.SOFTWARE
