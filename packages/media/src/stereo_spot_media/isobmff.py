"""Boxes of MP4 and MOV files (ISO/IEC 14496-12): reading them, replacing some, and moving the index to the front.

Only the `moov` box is ever held in memory; the rest of a file is shifted in place, block by block.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.errors import VerificationFailed

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
BLOCK = 8 * 1024 * 1024
MAX_INDEX_BYTES = 1 << 30
UINT32 = 0xFFFFFFFF

Offsets = NDArray[np.uint64]
Bytes = bytes | memoryview


@dataclass(frozen=True)
class Box:
    """Where a box lies: `start` of its header, `body`, and `end` (exclusive), in bytes of what it is in."""

    kind: bytes
    start: int
    body: int
    end: int


Editor = Callable[[bytes, memoryview], bytes | None]
"""Takes the kind and the body of a box and gives its whole replacement, or None to look inside or leave it."""


def rewrite_index(path: Path, editor: Editor) -> None:
    """Edit the boxes of the index of the MP4/MOV at `path` (`editor` sees those inside `moov`) and put it first, in place.

    A file that is to appear whole is edited under its temporary name. Raises VerificationFailed where the file has no
    index or is fragmented.
    """
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        boxes = {box.kind: box for box in file_boxes(file.fileno(), size)}
        moov = boxes.get(b"moov")
        if moov is None or b"moof" in boxes:
            raise VerificationFailed(f"{path.name} has no index that could be marked.")
        if moov.end - moov.start > MAX_INDEX_BYTES:
            raise VerificationFailed(f"The index of {path.name} is larger than {MAX_INDEX_BYTES:,} bytes.")
        target = boxes[b"ftyp"].end if b"ftyp" in boxes else 0
        old = os.pread(file.fileno(), moov.end - moov.start, moov.start)
        new = rebuilt_index(old, editor, target=target, position=moov.start)
        growth = len(new) - len(old)
        shift(file.fileno(), moov.end, size, growth)
        shift(file.fileno(), target, moov.start, len(new))
        write_all(file.fileno(), new, target)
        file.truncate(size + growth)


def rebuilt_index(old: bytes, editor: Editor, *, target: int, position: int) -> bytes:
    """The `moov` box, edited and with chunk offsets for a file where it moved from `position` to `target`.

    What lies between `target` and `position` moves back by the new length, what lies behind it by the growth.
    32-bit offsets become 64-bit ones when a moved chunk would lie beyond 4 GiB.
    """
    marked = edited(old, editor, (b"moov",))
    entries, highest = 0, 0
    for offsets in chunk_tables(marked):
        entries += offsets.size
        highest = max(highest, int(offsets.max(initial=0)))
    wide = highest + len(marked) + 4 * entries > UINT32
    # How long the result is depends on which boxes are written shorter or wider, but not on what the offsets are.
    length = len(edited(marked, lambda kind, body: moved_table(kind, body, lambda offsets: offsets, wide=wide)))
    end, before, behind = position + len(old), np.uint64(length), np.int64(length - len(old))

    def moved(offsets: Offsets) -> Offsets:
        signed = offsets.astype(np.int64)
        moves = np.where(signed >= end, behind, np.where(signed >= target, np.int64(before), 0))
        return (signed + moves).astype(np.uint64)

    return edited(marked, lambda kind, body: moved_table(kind, body, moved, wide=wide))


def edited(data: Bytes, editor: Editor, into: tuple[bytes, ...] = CONTAINERS) -> bytes:
    """The boxes of `data` with those replaced for which `editor` has a replacement; sizes follow."""
    view = memoryview(data)
    parts: list[Bytes] = []
    for box in boxes_of(view):
        body = view[box.body : box.end]
        replacement = editor(box.kind, body)
        if replacement is not None:
            parts.append(replacement)
        elif box.kind in into:
            parts.append(boxed(box.kind, edited(body, editor, into)))
        else:
            parts.append(view[box.start : box.end])
    return b"".join(parts)


def boxed(kind: bytes, body: bytes) -> bytes:
    """A box with a 32-bit size, or a 64-bit one where it must be."""
    if len(body) + 8 <= UINT32:
        return struct.pack(">I4s", len(body) + 8, kind) + body
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body


def moved_table(kind: bytes, body: memoryview, moved: Callable[[Offsets], Offsets], *, wide: bool) -> bytes | None:
    """A chunk offset box with its offsets moved, as `co64` if `wide`; None for any other box."""
    if kind not in (b"stco", b"co64"):
        return None
    offsets = moved(read_offsets(kind, body))
    as_64 = wide or kind == b"co64"
    return boxed(b"co64" if as_64 else b"stco", b"".join([body[:8], offsets.astype(">u8" if as_64 else ">u4").tobytes()]))


def read_offsets(kind: bytes, body: memoryview) -> Offsets:
    """The offsets of a `stco` or `co64` box."""
    count = int.from_bytes(body[4:8], "big")
    return np.frombuffer(body, ">u8" if kind == b"co64" else ">u4", count, 8).astype(np.uint64)


def chunk_tables(data: Bytes) -> Iterator[Offsets]:
    """All chunk offset tables below `data`."""
    view = memoryview(data)
    for box in boxes_of(view):
        body = view[box.body : box.end]
        if box.kind in CONTAINERS:
            yield from chunk_tables(body)
        elif box.kind in (b"stco", b"co64"):
            yield read_offsets(box.kind, body)


def find(data: memoryview, *kinds: bytes) -> memoryview | None:
    """The body of the first box at the path `kinds` below `data`."""
    for box in boxes_of(data):
        if box.kind == kinds[0]:
            body = data[box.body : box.end]
            return body if len(kinds) == 1 else find(body, *kinds[1:])
    return None


def boxes_of(data: Bytes, position: int = 0) -> Iterator[Box]:
    """The boxes in `data` from `position` on."""
    while position + 8 <= len(data):
        box = parsed_header(data[position : position + 16], position, len(data))
        yield box
        position = box.end


def file_boxes(descriptor: int, size: int) -> Iterator[Box]:
    """The top-level boxes of a file of `size` bytes, reading only their headers."""
    position = 0
    while position + 8 <= size:
        box = parsed_header(os.pread(descriptor, 16, position), position, size)
        yield box
        position = box.end


def parsed_header(header: Bytes, position: int, limit: int) -> Box:
    """Read the header of the box at `position`, which must end within `limit`."""
    length, kind = struct.unpack(">I4s", header[:8])
    body = position + 8
    if length == 1 and len(header) == 16:
        length, body = int.from_bytes(header[8:16], "big"), position + 16
    end = limit if length == 0 else position + length
    if end < body or end > limit:
        raise VerificationFailed("The finished file is damaged: a box is longer than what it is in.")
    return Box(kind, position, body, end)


def shift(descriptor: int, start: int, end: int, by: int) -> None:
    """Move the bytes [start, end) of a file by `by`, in blocks, from the side towards which they move."""
    starts = range(start, end, BLOCK)
    for position in reversed(starts) if by > 0 else starts:
        if by:
            write_all(descriptor, os.pread(descriptor, min(BLOCK, end - position), position), position + by)


def write_all(descriptor: int, data: bytes, position: int) -> None:
    """Write `data` at `position`, however often the system wants to be asked."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written
