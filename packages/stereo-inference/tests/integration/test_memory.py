"""How much memory the rendering process takes, measured from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from rendering_fixtures import cut

from stereo_inference.warm_up import PIXEL_FORMATS_TRIED
from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.scene import Scene

RANDOM_MODEL = Path(__file__).parents[4] / "tools" / "random_depth_model.py"


def peaks(folder: Path, clip: Clip, threads: int = 1, environment: dict[str, str] | None = None, **params: object) -> list[int]:
    """Bytes that the process held resident at most while it rendered a clip, and so for the process of its encoder."""
    job = cut(folder, clip, **params)
    command = [sys.executable, "-m", "stereo_inference.main", "worker", "--threads", str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | (environment or {})) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(job.request().model_dump_json().encode() + b"\n")
        process.stdin.flush()
        answer = next(line for line in map(json.loads, process.stdout) if not {"ready", "progress"} & set(line))
        assert answer["result"]["frames"] == clip.frames
        return [most_resident(pid) for pid in (process.pid, *(child.pid for child in psutil.Process(process.pid).children()))]


def most_resident(pid: int) -> int:
    """The kernel's own count."""
    status = Path(f"/proc/{pid}/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """120 frames more of this size would be 41 MB, were they kept in any form of a picture."""
    scene = Scene(width=480, height=270, rate=Fraction(24))
    short, long = (peaks(tmp_path / str(n), Clip(scene=scene, frames=n, options={"preset": "ultrafast"})) for n in (40, 160))
    assert len(short) == len(long) == 2
    assert all(after - before < 15 << 20 for before, after in zip(short, long, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
@pytest.mark.parametrize("quality", ["draft", "balanced", "high", "lossless"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p", "yuv444p10le"])
def test_1080p_side_by_side_stays_within_the_promise(tmp_path: Path, pixel_format: str, threads: int, quality: str) -> None:
    clip = Clip(scene=Scene(width=1920, height=1080), frames=48, pixel_format=pixel_format, options={"preset": "ultrafast"})
    found = peaks(tmp_path, clip, threads, quality=quality)
    assert max(found) < 400_000_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
def test_with_nothing_compiled_yet_it_stays_within_the_promise_too(tmp_path: Path) -> None:
    """As after an installation: neither the renderer nor the processes that compile its kernels take more."""
    compiling = []
    for pixel_format in PIXEL_FORMATS_TRIED:
        command = [sys.executable, "-m", "stereo_inference.warm_up", pixel_format, str(os.getpid())]
        with subprocess.Popen(command, env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "apart")}) as process:
            compiling.append(most_resident_until_its_end(process))
        assert process.returncode == 0
    clip = Clip(scene=Scene(width=1920, height=1080), frames=48, pixel_format="yuv444p10le", options={"preset": "ultrafast"})
    rendering = peaks(tmp_path, clip, 2, {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}, quality="balanced")
    assert list((tmp_path / "cache").rglob("*.nbc"))
    assert max(*compiling, *rendering) < 400_000_000, f"{[round(each / 1e6) for each in (*compiling, *rendering)]} MB"


def most_resident_until_its_end(process: subprocess.Popen[bytes]) -> int:
    """The last count before a process ended."""
    found = 0
    while process.poll() is None:
        with contextlib.suppress(OSError, ValueError):  # it ended just now, and has no memory any more
            found = most_resident(process.pid)
        time.sleep(0.02)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_with_a_learned_model_no_process_takes_900_mb(tmp_path: Path, pixel_format: str, threads: int) -> None:
    """The architecture of Depth Anything V2 Small at the size of the profile balanced, with random weights."""
    model = tmp_path / "model.onnx"
    subprocess.run([sys.executable, RANDOM_MODEL, model, "--size", "378x210"], check=True)
    clip = Clip(scene=Scene(width=1920, height=1080), frames=60, pixel_format=pixel_format, options={"preset": "ultrafast"})
    found = peaks(tmp_path, clip, threads, quality="balanced", depth="own-model", depth_model=str(model))
    assert max(found) < 900_000_000, f"{[round(each / 1e6) for each in found]} MB"
