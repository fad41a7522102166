"""Running iw3: one command, watched, with a deadline, and killed with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stereo_inference.iw3.exchange import RATE
from stereo_inference.iw3.installation import Installation
from stereo_inference.settings import child_environment
from stereo_spot_shared.comfort import comfortable_disparity
from stereo_spot_shared.errors import Interrupted, RenderFailed
from stereo_spot_shared.rendering import RenderParams

POLL_SECONDS = 0.2
KEPT_BYTES = 4000
"""Of what it said, for the log."""
LONGEST_LINE = 300

OFFLINE = {"HF_HUB_OFFLINE": "1", "NUNIF_HOME": ""}
"""It is to fetch nothing, and to look for its models in its own folder, where they were checked."""


def run_iw3(
    installation: Installation,
    source: Path,
    output: Path,
    *,
    params: RenderParams,
    bits: int,
    frames: int,
    on_life: Callable[[], None],
    should_stop: Callable[[], bool],
) -> None:
    """Have iw3 make `output` of `source`; `on_life` is called all the while: how long it may take is decided here, since it writes its
    pictures in large portions and says nothing between.

    RenderFailed with its last words where it fails or takes longer than the installation allows for so many frames, Interrupted where
    `should_stop` turns true.
    """
    deadline = time.monotonic() + installation.start_seconds + frames * installation.frame_seconds
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "stereo_inference.iw3.launcher", str(os.getpid()), *command(installation, source, output, params, bits)],
            cwd=installation.folder,
            env=child_environment(OFFLINE),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if should_stop():
                    raise Interrupted("Rendering was asked to stop.")
                if time.monotonic() > deadline:
                    raise RenderFailed(
                        f"iw3 was not done with {frames} frames in time, and was killed.{last_words(said.fileno())}",
                        hint="STEREO_SPOT_IW3_FRAME_SECONDS and STEREO_SPOT_IW3_START_SECONDS say how long it may take.",
                    )
                on_life()
                time.sleep(POLL_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            raise RenderFailed(f"iw3 failed (exit status {process.returncode}).{last_words(said.fileno())}")
    if not output.is_file():
        raise RenderFailed("iw3 ended well, but wrote nothing.")


def command(installation: Installation, source: Path, output: Path, params: RenderParams, bits: int) -> list[str]:
    """The command line. Its divergence is, as our disparity, the full range in percent of the width."""
    return [
        str(installation.python), "-m", "iw3.cli", "--yes",
        "--input", str(source), "--output", str(output),
        "--method", params.iw3.method, "--depth-model", params.iw3.depth_model,
        "--divergence", f"{comfortable_disparity(params):g}", "--convergence", f"{float(params.convergence):g}",
        "--foreground-scale", f"{params.foreground_scale:g}",
        "--max-fps", f"{float(2 * RATE):g}", "--video-format", "mkv", "--video-codec", "ffv1",
        "--pix-fmt", "rgb24" if bits == 8 else "gbrp16le", "--colorspace", "unspecified",
    ]  # fmt: skip


def last_words(handle: int) -> str:
    """The last line that it said, as a sentence to follow another; the lines before go to this process's own log."""
    length = os.fstat(handle).st_size
    text = os.pread(handle, KEPT_BYTES, max(0, length - KEPT_BYTES)).decode(errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    for line in lines:
        sys.stderr.write(f"iw3: {line}\n")
    return f" It said: {lines[-1][:LONGEST_LINE]}" if lines else ""
