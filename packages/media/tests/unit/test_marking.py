"""Marking: boxes of 32 and 64 bits, the index before and behind the media data, and every chunk where it was."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media import isobmff
from stereo_spot_media.isobmff import rebuilt_index
from stereo_spot_media.marking import Marks, mark, marked_video
from stereo_spot_shared.errors import VerificationFailed

VISUAL = bytes(78)
AVCC = b"\x00\x00\x00\x0cavcCabcd"


def box(kind: bytes, body: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
    return struct.pack(">I4s", len(body) + 8, kind) + body


def track(handler: bytes, entry: bytes, offsets: list[int], *, co64: bool, wide: bool) -> bytes:
    stsd = box(b"stsd", struct.pack(">II", 0, 1) + entry, wide=wide)
    layout = f">II{len(offsets)}{'Q' if co64 else 'I'}"
    table = box(b"co64" if co64 else b"stco", struct.pack(layout, 0, len(offsets), *offsets))
    stbl = box(b"stbl", stsd + box(b"stts", bytes(8)) + table, wide=wide)
    hdlr = box(b"hdlr", bytes(8) + handler + bytes(13))
    return box(b"trak", box(b"mdia", hdlr + box(b"minf", stbl, wide=wide), wide=wide), wide=wide)


def movie(chunks: list[bytes], order: str, *, co64: bool, wide: bool, endless: bool = False) -> bytes:
    """A file of boxes `order` (f: ftyp, m: moov, d: mdat, x: free) whose picture and sound take turns in `chunks`."""
    mdat = box(b"mdat", b"".join(chunks), wide=wide)
    head = 16 if wide else 8

    def moov(start: int) -> bytes:
        places = [start + head + sum(map(len, chunks[:number])) for number in range(len(chunks))]
        video = track(b"vide", box(b"avc1", VISUAL + AVCC), places[::2], co64=co64, wide=wide)
        sound = track(b"soun", box(b"mp4a", bytes(28)), places[1::2], co64=co64, wide=wide)
        return box(b"moov", box(b"mvhd", bytes(100)) + video + sound + box(b"udta", b""), wide=wide)

    sizes = {"f": 16, "m": len(moov(0)), "d": len(mdat), "x": 12}
    start = sum(sizes[kind] for kind in order[: order.index("d")])
    parts = {"f": box(b"ftyp", b"isom\0\0\0\0"), "m": moov(start), "d": mdat, "x": box(b"free", b"last")}
    if endless:
        parts["d"] = b"\0\0\0\0" + mdat[4:]  # size 0: up to the end of the file
    return b"".join(parts[kind] for kind in order)


def in_video(marks: Marks) -> isobmff.Editor:
    return lambda kind, body: marked_video(body, marks) if kind == b"trak" else None


def read_back(data: bytes) -> tuple[list[bytes], list[list[int]], bytes]:
    """Kinds of the top-level boxes, all chunk offsets, and the index."""
    boxes = list(isobmff.boxes_of(data))
    moov = next(data[part.start : part.end] for part in boxes if part.kind == b"moov")
    return [part.kind for part in boxes], [table.tolist() for table in isobmff.chunk_tables(moov)], moov


@pytest.mark.parametrize("order", ["fdm", "fmd", "dm", "fxdm", "fmdx", "fdmx", "fxmxd"])
@pytest.mark.parametrize("co64", [False, True])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("mode", [None, 1, 2, 4])
def test_marks_and_moves_the_index_and_no_chunk_is_lost(
    tmp_path: Path, order: str, co64: bool, wide: bool, mode: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isobmff, "BLOCK", 7)  # so that small files are moved in many blocks
    chunks = [bytes([65 + number]) * (3 + number % 5) for number in range(20)]
    path = tmp_path / "movie.mp4"
    path.write_bytes(movie(chunks, order, co64=co64, wide=wide))
    mark(path, Marks(stereo=mode))
    data = path.read_bytes()
    kinds, tables, moov = read_back(data)
    assert kinds.index(b"moov") == (1 if "f" in order else 0)
    assert sorted(kinds) == sorted({"f": b"ftyp", "m": b"moov", "d": b"mdat", "x": b"free"}[kind] for kind in order)
    found = [data[place : place + len(chunks[number * 2 + kind])] for kind in (0, 1) for number, place in enumerate(tables[kind])]
    assert found == chunks[::2] + chunks[1::2]
    assert moov.count(b"st3d") == (mode is not None)
    if mode is not None:
        entry = box(b"avc1", VISUAL + AVCC + b"\x00\x00\x00\x0dst3d\x00\x00\x00\x00" + bytes([mode]))
        assert entry in moov


def test_marking_twice_marks_once(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    path.write_bytes(movie([b"ab", b"cd"], "fdm", co64=False, wide=False))
    mark(path, Marks(stereo=2))
    once = path.read_bytes()
    mark(path, Marks(stereo=2))
    assert path.read_bytes() == once
    mark(path, Marks())
    assert len(path.read_bytes()) == len(once) - 13
    assert read_back(path.read_bytes())[1] == [[offset - 13 for offset in table] for table in read_back(once)[1]]


def test_media_data_that_runs_to_the_end_of_the_file_is_moved(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    path.write_bytes(movie([b"abc", b"defg"], "fmd", co64=False, wide=False, endless=True))
    mark(path, Marks(stereo=2))
    data = path.read_bytes()
    _, tables, _ = read_back(data)
    assert [data[tables[0][0] :][:3], data[tables[1][0] :][:4]] == [b"abc", b"defg"]


@given(
    offsets=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50),
    position=st.integers(100, 2**33),
    target=st.integers(0, 100),
)
def test_offsets_become_64_bit_exactly_when_they_must(offsets: list[int], position: int, target: int) -> None:
    old = box(b"moov", track(b"vide", box(b"avc1", VISUAL + AVCC), offsets, co64=False, wide=False))
    new = rebuilt_index(old, in_video(Marks(stereo=2)), target=target, position=position)
    _, [table], _ = read_back(new)
    growth = len(new) - len(old)
    wanted = [offset if offset < target else offset + len(new) if offset < position + len(old) else offset + growth for offset in offsets]
    assert table == wanted
    if b"stco" in new:
        assert max(wanted) <= 2**32 - 1
    else:
        assert max(wanted) > 2**32 - 2 * len(new) - 8 * len(offsets)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x10ftypisom\0\0\0\0", box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"moof", b"")])
def test_files_without_one_index_are_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "movie.mp4"
    path.write_bytes(content)
    with pytest.raises(VerificationFailed):
        mark(path, Marks(stereo=2))
    assert path.read_bytes() == content


def test_a_box_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    path.write_bytes(movie([b"abc", b"def"], "fdm", co64=False, wide=False)[:-3])
    with pytest.raises(VerificationFailed, match="damaged"):
        mark(path, Marks(stereo=2))


@given(data=st.binary(min_size=1, max_size=200), start=st.integers(0, 100), by=st.integers(-50, 50), block=st.integers(1, 40))
def test_bytes_are_moved_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: int, by: int, block: int
) -> None:
    start = min(start, len(data))
    by = max(by, -start)
    path = tmp_path_factory.mktemp("shift") / "file"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch, path.open("r+b", buffering=0) as file:
        patch.setattr(isobmff, "BLOCK", block)
        isobmff.shift(file.fileno(), start, len(data), by)
        file.seek(start + by)
        assert file.read(len(data) - start) == data[start:]
        file.seek(0)
        assert file.read(min(start, start + by)) == data[: min(start, start + by)]


def test_a_large_index_is_rebuilt_without_loops_over_its_entries() -> None:
    offsets = np.arange(0, 4_000_000, 2).tolist()
    old = box(b"moov", track(b"vide", box(b"avc1", VISUAL + AVCC), offsets, co64=True, wide=False))
    _, [table], _ = read_back(rebuilt_index(old, in_video(Marks(stereo=2)), target=0, position=10_000_000))
    assert table[:3] == [len(old) + 13, len(old) + 15, len(old) + 17]
