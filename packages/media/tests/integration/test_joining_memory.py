"""Joining holds no more of a long video in memory than of a short one."""

import subprocess
import sys
from pathlib import Path

import pytest

from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import Container

PROGRAM = Path(__file__).parents[1] / "joining_memory.py"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process its peak size")
@pytest.mark.parametrize("container", [Container.MP4, Container.MKV])
def test_memory_does_not_grow_with_the_video(tmp_path: Path, container: Container) -> None:
    # The sound falls silent after two seconds: a muxer that waited for it would hold what follows.
    source = write_clip(tmp_path / "source.mp4", Clip(Scene(64, 48), frames=48, sounds=[Sound()]))
    command = [sys.executable, str(PROGRAM), str(tmp_path), str(source), container, "400"]
    grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 75  # megabytes, of the 400 that passed through: a second of ten each, and what FFmpeg probes
