"""Run as a program: joins a synthetic video of so many megabytes and prints by how many megabytes the process grew.

Usage: joining_memory.py FOLDER SOURCE CONTAINER MEGABYTES
"""

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from joining_fixtures import encode, plan

from stereo_spot_media.joining import reassemble
from stereo_spot_shared.manifest import Track, TrackKind
from stereo_spot_shared.rendering import Container, RenderParams

TIME_BASE = Fraction(1, 12800)
FRAMES_PER_SEGMENT = 50
FILLER = b"\x00\x00\x00\x01\x0c" + b"\xff" * 400_000 + b"\x80"
"""A NAL unit that H.264 decoders skip: makes 400 kB of every packet."""


def main(folder: Path, source: Path, container: Container, megabytes: int) -> None:
    """Join and print."""
    count = megabytes * 5 // 2 // FRAMES_PER_SEGMENT
    manifest = plan(
        [512 * frame for frame in range(FRAMES_PER_SEGMENT * count)],
        TIME_BASE,
        [FRAMES_PER_SEGMENT] * count,
        tracks=[Track(index=1, kind=TrackKind.AUDIO, codec="aac")],
    )
    base = encode(folder / "base.nut", [512 * frame for frame in range(FRAMES_PER_SEGMENT)], TIME_BASE)
    before = peak_megabytes()
    result = reassemble(
        source,
        manifest,
        segments(folder, base, count),
        folder / f"out.{container}",
        params=RenderParams(container=container),
    )
    assert result.bytes > megabytes * 1_000_000
    print(  # noqa: T201 - what this program is for
        peak_megabytes() - before
    )


def peak_megabytes() -> float:
    """The largest size that this program had in memory (`getrusage` would count what its parent had before)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def segments(folder: Path, base: Path, count: int) -> Iterator[Path]:
    """Copies of the first segment, each later and fatter, that exist only while they are needed."""
    for number in range(count):
        path = folder / f"{number}.nut"
        with av.open(str(base)) as opened, av.open(str(path), "w", format="nut") as output:
            stream = output.add_stream_from_template(opened.streams.video[0], opaque=True)
            stream.time_base = TIME_BASE
            for packet in opened.demux(video=0):
                if packet.size:
                    later = av.Packet(bytes(packet) + FILLER)
                    later.pts = int(packet.pts * packet.time_base / TIME_BASE) + number * FRAMES_PER_SEGMENT * 512
                    later.time_base, later.stream, later.is_keyframe = TIME_BASE, stream, packet.is_keyframe
                    output.mux(later)
        yield path
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Container(sys.argv[3]), int(sys.argv[4]))
