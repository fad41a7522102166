"""The procedural demo clip: what is converted where a person has no video at hand."""

from __future__ import annotations

import os
from pathlib import Path

from stereo_spot_cli.data_dir import DataDir

SECONDS = 8
WIDTH, HEIGHT = 960, 540


def demo_video(data_dir: DataDir) -> Path:
    """The demo clip in the data directory, made the first time. It stays, so that an interrupted conversion of it resumes."""
    path = data_dir.demo / f"demo-{WIDTH}x{HEIGHT}-{SECONDS}s.mp4"
    if not path.exists():
        unfinished = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            make_clip(unfinished, seconds=SECONDS, width=WIDTH, height=HEIGHT)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def make_clip(path: Path, *, seconds: float, width: int, height: int, quality: int = 23) -> Path:
    """Write `seconds` of the demo scene with sound to `path`: H.264 at that CRF, 24 frames a second, shots of four seconds."""
    from stereo_spot_media.demo_clip import Clip, Sound, write_clip
    from stereo_spot_media.scene import Scene

    scene = Scene(width=width, height=height, cut_frames=96)
    options = {"preset": "veryfast", "crf": str(quality)}
    return write_clip(path, Clip(scene=scene, frames=round(seconds * scene.rate), sounds=(Sound(),), options=options))
