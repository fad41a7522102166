"""How much memory the rendering process takes, measured from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from rendering_fixtures import cut

from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.scene import Scene


def peak(folder: Path, scene: Scene, frames: int, threads: int = 1, **params: object) -> int:
    """Bytes that the process held resident at most while it rendered `frames` frames of a scene."""
    job = cut(folder, Clip(scene=scene, frames=frames, options={"preset": "ultrafast"}), **params)
    command = [sys.executable, "-m", "stereo_inference.main", "worker", "--threads", str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(job.request().model_dump_json().encode() + b"\n")
        process.stdin.flush()
        answer = next(line for line in map(json.loads, process.stdout) if not {"ready", "progress"} & set(line))
        assert answer["result"]["frames"] == frames
        status = Path(f"/proc/{process.pid}/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """120 frames more of this size would be 41 MB, were they kept in any form of a picture."""
    scene = Scene(width=480, height=270, rate=Fraction(24))
    short = peak(tmp_path / "short", scene, 40)
    long = peak(tmp_path / "long", scene, 160)
    assert long - short < 15 << 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
@pytest.mark.parametrize("threads", [1, 2])
def test_1080p_side_by_side_stays_within_the_promise(tmp_path: Path, threads: int) -> None:
    """8 bit; the README tells what 10 bit takes."""
    assert peak(tmp_path, Scene(width=1920, height=1080), 48, threads, quality="balanced") < 400_000_000
