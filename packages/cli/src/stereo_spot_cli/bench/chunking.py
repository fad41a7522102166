"""How fast a file is cut, against how fast it can be read."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from stereo_spot_cli.bench.report import ChunkingBench
from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.hostile import open_media
from stereo_spot_media.packets import read_packets
from stereo_spot_media.planning import make_manifest
from stereo_spot_shared.rendering import RenderParams


def measure_chunking(path: Path, *, runs: int, segment_seconds: float) -> ChunkingBench:
    """Read the video's packets and chunk the file, in turns; medians of the rates.

    Once from the disk, as a conversion meets its source, and once from the page cache, where reading costs next to
    nothing and what is compared is copying bytes with copying them twice and writing them.
    """
    size = path.stat().st_size
    seconds: dict[str, list[float]] = {"demux": [], "chunk": [], "demux_cached": [], "chunk_cached": []}
    segments = 0
    for _ in range(runs):
        forget(path)
        seconds["demux"].append(demux(path))
        forget(path)
        took, segments = chunk(path, segment_seconds)
        seconds["chunk"].append(took)
        seconds["demux_cached"].append(demux(path))
        took, segments = chunk(path, segment_seconds)
        seconds["chunk_cached"].append(took)
    rates = {name: size / 1e6 / median(taken) for name, taken in seconds.items()}
    return ChunkingBench(file_bytes=size, segments=segments, **rates)


def forget(path: Path) -> None:
    """Drop the file from the page cache, so that the next reader meets the disk (no effect where the system cannot)."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def demux(path: Path) -> float:
    """Seconds to read every packet of the video."""
    started = time.perf_counter()
    with open_media(path) as container:
        for _ in read_packets(container, [container.streams.video[0]]):
            pass
    return time.perf_counter() - started


def chunk(path: Path, segment_seconds: float) -> tuple[float, int]:
    """Seconds to plan and to write all segment objects as the media worker does, and how many there are."""
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        started = time.perf_counter()
        kept = folder / "packets.npz"
        manifest = make_manifest(path, "bench", RenderParams(segment_seconds=segment_seconds), keep=kept)
        segments = sum(1 for _ in cut_segments(path, manifest, folder, kept=kept))
        return time.perf_counter() - started, segments
    finally:
        shutil.rmtree(folder)
