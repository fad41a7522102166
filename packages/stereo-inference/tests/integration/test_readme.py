"""The README's example, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rendering_fixtures import SMALL

from stereo_spot_media.demo_clip import Clip, write_clip


def test_the_example_runs(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    write_clip(tmp_path / "movie.mp4", Clip(scene=SMALL, frames=5))
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("5 frames, 256 x 72\n", "")
    assert (tmp_path / "segments" / "0_stereo.nut").is_file()
