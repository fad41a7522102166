"""Run as a program: makes a rendition and prints how many bytes the process held resident at most.

Usage: rendition_memory.py SOURCE OUTPUT
"""

import re
import sys
from pathlib import Path

from stereo_spot_media.rendition import make_rendition


def main(source: Path, output: Path) -> None:
    """Make it and print."""
    make_rendition(source, output, on_progress=lambda _: None)
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
    assert found is not None
    print(int(found[1]) * 1024)  # noqa: T201 - what this program is for


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
