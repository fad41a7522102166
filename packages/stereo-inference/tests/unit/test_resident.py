"""Pages of libraries that a process lets go of: which ones, and that nothing is lost with them."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from stereo_inference.memory import only_of_files


def mapping(first_line: str, anonymous: int) -> str:
    return f"{first_line}\nSize: 64 kB\nRss: 60 kB\nAnonymous: {anonymous} kB\nVmFlags: rd mr mw me\n"


@pytest.mark.parametrize(
    ("first_line", "anonymous", "goes"),
    [
        ("1000-3000 r-xp 00001000 fe:00 77 /lib/a library.so", 0, True),
        ("1000-3000 r--p 00001000 fe:00 77 /lib/a library.so", 0, True),
        ("1000-3000 r--p 00001000 fe:00 77 /lib/written by the linker.so", 4, False),
        ("1000-3000 rw-p 00001000 fe:00 77 /lib/library.so", 0, False),
        ("1000-3000 r--s 00001000 fe:00 77 /a file that others see.so", 0, False),
        ("1000-3000 r--p 00000000 00:00 0 ", 0, False),
        ("1000-3000 r-xp 00000000 00:00 0 [vdso]", 0, False),
    ],
)
def test_what_cannot_be_had_from_a_file_again_stays(first_line: str, anonymous: int, goes: bool) -> None:
    others = mapping("5000-6000 rw-p 00000000 00:00 0 [heap]", 0)
    found = list(only_of_files((others + mapping(first_line, anonymous) + others).splitlines(keepends=True)))
    assert found == ([(0x1000, 0x3000)] if goes else [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets go of pages")
def test_libraries_that_were_let_go_of_go_on_working() -> None:
    """In a process of its own, which has loaded and used all that a renderer does."""
    program = """
        import re
        from pathlib import Path

        from stereo_inference.memory import let_go_of_libraries
        from stereo_inference.warm_up import render_tiny_picture

        def of_files():
            return int(re.search(r"RssFile:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

        render_tiny_picture("yuv420p")
        before = of_files()
        let_go_of_libraries()
        after = of_files()
        render_tiny_picture("yuv420p10le")
        print(before, after)
    """
    before, after = subprocess.check_output([sys.executable, "-c", dedent(program)], text=True).split()
    assert int(before) > 50_000
    assert int(after) < 30_000
