"""The one thing about Matroska files that FFmpeg's muxer cannot be told through PyAV: pixels that are not square.

For side by side and top-bottom pictures the muxer writes DisplayWidth and DisplayHeight (the size at which one view is
shown, RFC 9559) as if pixels were square, and players believe them more than the video stream. They are corrected in
place, in as many bytes as they have, with the checksum of the element that holds them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stereo_spot_shared.errors import VerificationFailed

SEGMENT, TRACKS, TRACK_ENTRY, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
DISPLAY_WIDTH, DISPLAY_HEIGHT, CRC_32, CLUSTER = 0x54B0, 0x54BA, 0xBF, 0x1F43B675
HEAD_BYTES = 16 * 1024 * 1024
"""Where the tracks are described at the latest: in front of the first cluster."""


@dataclass(frozen=True)
class Element:
    """An EBML element: its ID and where its content lies."""

    id: int
    start: int
    end: int


def set_pixel_aspect(path: Path, aspect: Fraction) -> None:
    """Make the Matroska file at `path` show pixels `aspect` times as wide as high, in place.

    Does nothing where the video has no display size: players then go by the video stream, which says it itself.
    Raises VerificationFailed where `path` is not a Matroska file.
    """
    with path.open("r+b") as file:
        head = bytearray(file.read(HEAD_BYTES))
        tracks = find(head, 0, len(head), SEGMENT, TRACKS)
        if tracks is None or tracks.end > len(head):
            raise VerificationFailed(f"{path.name} does not describe its tracks where a Matroska file does.")
        sizes = display_sizes(head, tracks)
        for width, height in sizes:
            set_ratio(head, width, height, aspect)
        if sizes:
            update_checksum(head, tracks)
            file.seek(tracks.start)
            file.write(head[tracks.start : tracks.end])


def display_sizes(head: bytearray, tracks: Element) -> list[tuple[Element, Element]]:
    """DisplayWidth and DisplayHeight of every track that has both."""
    found = []
    for entry in elements(head, tracks.start, tracks.end):
        width = find(head, entry.start, entry.end, VIDEO, DISPLAY_WIDTH) if entry.id == TRACK_ENTRY else None
        height = find(head, entry.start, entry.end, VIDEO, DISPLAY_HEIGHT) if entry.id == TRACK_ENTRY else None
        if width is not None and height is not None:
            found.append((width, height))
    return found


def set_ratio(head: bytearray, width: Element, height: Element, aspect: Fraction) -> None:
    """Widen the ratio of two numbers by `aspect`, keeping the height where the result is whole and fits."""
    now = Fraction(number(head, width), number(head, height))
    wide, high = fitted(now * aspect, number(head, height), largest(width), largest(height))
    head[width.start : width.end] = wide.to_bytes(width.end - width.start, "big")
    head[height.start : height.end] = high.to_bytes(height.end - height.start, "big")


def fitted(ratio: Fraction, high: int, widest: int, highest: int) -> tuple[int, int]:
    """Two whole numbers of that ratio, about `high` high, within their limits; the closest ratio where none is exact."""
    if (ratio * high).denominator == 1 and ratio * high <= widest:
        return int(ratio * high), high
    exact = ratio if ratio.numerator <= widest and ratio.denominator <= highest else None
    closest = exact or ratio.limit_denominator(min(highest, max(1, int(widest / ratio))))
    times = max(1, min(high // closest.denominator, widest // closest.numerator))
    return closest.numerator * times, closest.denominator * times


def update_checksum(head: bytearray, element: Element) -> None:
    """Make the CRC-32 element, the first one in `element` where there is one, agree with the rest."""
    first = next(elements(head, element.start, element.end), None)
    if first is not None and first.id == CRC_32:
        head[first.start : first.end] = zlib.crc32(head[first.end : element.end]).to_bytes(4, "little")


def number(data: bytearray, element: Element) -> int:
    """The value of an unsigned integer element."""
    return int.from_bytes(data[element.start : element.end], "big")


def largest(element: Element) -> int:
    """The largest value that fits in the element's bytes."""
    return int(256 ** (element.end - element.start)) - 1


def find(data: bytearray, start: int, end: int, *path: int) -> Element | None:
    """The first element at a path of IDs below the range."""
    for element in elements(data, start, end):
        if element.id == path[0]:
            return element if len(path) == 1 else find(data, element.start, min(element.end, len(data)), *path[1:])
        if element.id == CLUSTER:
            break
    return None


def elements(data: bytearray, start: int, end: int) -> Iterator[Element]:
    """The elements in a range; one that the range does not hold whole ends it."""
    position = start
    while position + 2 <= end:
        identity, content = vint(data, position, keep_marker=True)
        size, content = vint(data, content, keep_marker=False)
        element = Element(identity, content, content + size)
        yield element
        position = element.end


def vint(data: bytearray, position: int, *, keep_marker: bool) -> tuple[int, int]:
    """An EBML number of variable length at `position`, and the position behind it."""
    first = data[position] if position < len(data) else 0
    length = 9 - first.bit_length()
    if length > 8 or position + length > len(data):
        raise VerificationFailed("The finished file is damaged: it does not consist of Matroska elements.")
    value = int.from_bytes(data[position : position + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), position + length
