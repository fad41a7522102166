"""Files that end before what they promise: found by their structure, before a short video is made of them.

FFmpeg reads a truncated file without a word and stops early.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from stereo_spot_media.hostile import open_regular_file
from stereo_spot_shared.errors import UnsupportedMedia

PROMISING_BOXES = (b"mdat", b"moov", b"moof")
TELL_THEIR_LENGTH = ("matroska,webm", "flv", "asf")
"""Formats whose headers state a duration (that of other formats is estimated from what is there)."""
TOLERATED_SHARE = Fraction(1, 20)
TOLERATED_SECONDS = Fraction(2)
INDEX_TAIL = 64

EBML_HEADER = 0x1A45DFA3
MATROSKA_SEGMENT = 0x18538067


def check_complete(path: Path, container: InputContainer) -> None:
    """Raise UnsupportedMedia if the file, which `container` demuxes, is shorter than its own structure says."""
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        promised = promised_bytes(file, container, size)
    if promised > size:
        raise UnsupportedMedia(
            f"{path.name} is truncated: its index promises {promised:,} bytes, but only {size:,} are there.",
            hint="Copy or download the video again.",
        )


def check_duration(container: InputContainer, found: Fraction, name: str) -> None:
    """Raise UnsupportedMedia if packets end (at `found` seconds) long before the stated duration.

    Some writers count a duration from 0 and some from the first packet; this is the lenient reading.
    """
    if container.format.name not in TELL_THEIR_LENGTH or not container.duration:
        return
    promised = Fraction(container.duration, av.time_base)
    if promised - found > max(TOLERATED_SECONDS, promised * TOLERATED_SHARE):
        raise UnsupportedMedia(
            f"{name} is truncated: it says that it lasts {float(promised):.1f} s, but its data ends after {float(found):.1f} s.",
            hint="Copy or download the video again.",
        )


def promised_bytes(file: BinaryIO, container: InputContainer, size: int) -> int:
    """The least size that the file's structure asks for; 0 where the format promises nothing."""
    name = container.format.name
    if name.startswith("mov"):
        ends = [entry.pos + entry.size for stream in container.streams for entry in stream.index_entries[-INDEX_TAIL:]]
        return max([last_box_end(file, size), *ends])
    if name.startswith("matroska"):
        return matroska_end(file)
    if name == "avi":
        return riff_end(file)
    return 0


def last_box_end(file: BinaryIO, size: int) -> int:
    """Where the last top-level box that matters ends; ISO/IEC 14496-12, 4.2."""
    position, end = 0, 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0: up to the end of the file; less: not a box
            break
        position += length
        if kind in PROMISING_BOXES:
            end = position
    return end


def matroska_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 where its size is unknown (a live recording). RFC 8794, 4 to 6."""
    file.seek(0)
    head = file.read(4096)
    if int.from_bytes(head[:4], "big") != EBML_HEADER:
        return 0
    length, position = ebml_size(head, 4)
    position += length or 0
    if int.from_bytes(head[position : position + 4], "big") != MATROSKA_SEGMENT:
        return 0
    length, position = ebml_size(head, position + 4)
    return 0 if length is None else position + length


def ebml_size(data: bytes, position: int) -> tuple[int | None, int]:
    """A variable-size integer (None: unknown) and the position behind it."""
    if position >= len(data) or data[position] == 0:
        return None, position + 1
    width = 9 - data[position].bit_length()
    value = int.from_bytes(data[position : position + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), position + width


def riff_end(file: BinaryIO) -> int:
    """Where the first RIFF chunk of an AVI file ends."""
    file.seek(0)
    head = file.read(8)
    return int.from_bytes(head[4:8], "little") + 8 if head[:4] == b"RIFF" else 0
