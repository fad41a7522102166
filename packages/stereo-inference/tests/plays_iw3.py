"""Plays iw3's command line for tests: both views are the picture, or something goes wrong as the file `fault` says."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np

parser = argparse.ArgumentParser()
for name in ("input", "output", "method", "depth-model", "divergence", "convergence", "foreground-scale", "max-fps"):
    parser.add_argument(f"--{name}", required=True)
for name in ("video-format", "video-codec", "pix-fmt", "colorspace"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--yes", action="store_true", required=True)
arguments = parser.parse_args()
fault = Path("fault").read_text() if Path("fault").exists() else ""

if fault == "crashes":
    sys.stderr.write("Traceback of something\nno such model\n")
    sys.exit(3)
if fault == "writes_nothing":
    sys.exit(0)
if fault == "hangs":
    Path("itself").write_text(str(os.getpid()))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path("grandchild").write_text(str(child.pid))
    time.sleep(600)

with av.open(arguments.input) as source, av.open(arguments.output, "w") as target:
    frames = list(source.decode(video=0))
    if fault == "loses_one":
        frames.pop()
    if fault == "adds_one":
        frames.append(frames[-1])
    deep = frames[0].format.components[0].bits > 8
    stream = target.add_stream("ffv1", rate=25)
    for number, frame in enumerate(frames):
        rgb = frame.to_ndarray(format="rgb48le" if deep else "rgb24")
        both = rgb if fault == "halves" else np.concatenate([rgb, rgb], axis=1)
        made = av.VideoFrame.from_ndarray(both, format="rgb48le" if deep else "rgb24")
        made = made.reformat(format=arguments.pix_fmt if deep else "bgr0")
        if number == 0:
            stream.width, stream.height, stream.pix_fmt = made.width, made.height, made.format.name
        made.pts = number
        target.mux(stream.encode(made))
    target.mux(stream.encode(None))
