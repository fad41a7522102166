"""From the words of `stereo-spot bench depth` to what was measured, in a child process that may open hostile media."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stereo_spot_cli.bench.depth import DepthBench, DepthBenchTask, steps_of
from stereo_spot_cli.bench.depth_report import write_slits
from stereo_spot_cli.conversion.checks import check_input, check_place
from stereo_spot_cli.conversion.progress import counting
from stereo_spot_cli.depth_choice import models_dir, settled
from stereo_spot_cli.inspection import inspect
from stereo_spot_cli.stopping import stop_requested
from stereo_spot_cli.workers import cores
from stereo_spot_media.sandbox import ChildLimits, run_in_child
from stereo_spot_shared.rendering import DepthProfile, RenderParams

STALL_SECONDS = 900.0
"""One step may be a thousand pictures with a slow model."""

ADDRESS_SPACE = 16 * 1024**3
"""All frames are held, so that decoding is not measured with depth."""


def run_depth_bench(
    clip: Path | None,
    depth: Mapping[str, str | None],
    profiles: tuple[DepthProfile, ...],
    *,
    frames: int,
    threads: int | None,
    plot: Path | None,
    quiet: bool,
) -> DepthBench:
    """Measure, and draw the plot where one is wanted."""
    params = settled(RenderParams.model_validate(dict(depth)), quiet=quiet)
    clip = None if clip is None else check_input(clip)
    plot = None if plot is None else check_place(plot, source=clip, overwrite=True)
    with stop_requested() as stop, tempfile.TemporaryDirectory(prefix="stereo-spot-bench-") as folder:
        slits = None if plot is None else Path(folder) / "slits.npz"
        task = DepthBenchTask(
            clip=clip,
            info=None if clip is None else inspect(clip, stop.is_set).source,
            params=params,
            profiles=profiles,
            frames=frames,
            threads=threads or cores(),
            models=models_dir(),
            slits=slits,
        )
        with counting("measuring depth", steps_of(task), quiet=quiet or not sys.stderr.isatty()) as show:
            found = run_in_child(
                "stereo_spot_cli.bench.depth:measure_depth",
                task,
                returns=DepthBench,
                limits=ChildLimits(address_space=ADDRESS_SPACE),
                on_progress=show,
                should_stop=stop.is_set,
                stall_seconds=STALL_SECONDS,
            )
        if plot is not None and slits is not None:
            write_slits(slits, plot)
    return found
