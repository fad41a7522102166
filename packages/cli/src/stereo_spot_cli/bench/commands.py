"""Running the commands that are measured, as processes of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stereo_spot_cli.output import CommandFailed
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.rendering import BASIC


def run_whole(clip: Path, folder: Path, *, segment_seconds: float, threads: int) -> tuple[float, dict[str, Any]]:
    """Render the clip in one process; its seconds from start to end, and the RenderResult as JSON."""
    output = folder / "whole.nut"
    return run([sys.executable, "-m", "stereo_spot_cli.bench.whole", str(clip), str(output), str(segment_seconds), str(threads)], {})


def run_convert(clip: Path, folder: Path, *, segment_seconds: float, workers: int, threads: int) -> tuple[float, dict[str, Any], float]:
    """Convert the clip through the pipeline in a fresh data directory; seconds, its JSON answer, and the share of context frames."""
    data_dir = folder / "data"
    places = ["--data-dir", str(data_dir), "--json"]
    command = [sys.executable, "-m", "stereo_spot_cli.main"]
    convert = [
        "convert",
        str(clip),
        "-o",
        str(folder / "pipeline.mp4"),
        "--overwrite",
        "--segment-seconds",
        str(segment_seconds),
        "--depth",
        BASIC,
    ]
    try:
        environment = {"STEREO_SPOT_RENDER_THREADS": str(threads)}
        seconds, answer = run([*command, *convert, "--workers", str(workers), *places], environment)
        _, gathered = run([*command, "gather", "-o", str(folder / "records"), *places], {})
        record = gathered["records"][-1]
        return seconds, answer, record["context_frames"] / record["frames"]
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, dict[str, Any]]:
    """Run a command that answers in JSON; its wall time, and the answer. CommandFailed with what it said where it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        arguments, env=child_environment(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise CommandFailed(
            "bench", f"a command that was measured failed (exit status {done.returncode}): {last[0]}", hint=" ".join(arguments)
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return seconds, answer
