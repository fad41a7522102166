"""What the benchmark of depth found, as tables and as a plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Group

from stereo_spot_cli.bench.depth import SEGMENT_SECONDS, DepthBench
from stereo_spot_cli.tables import plain_table

WAYS = ("each by itself", "held", "carried", "truth")


def depth_tables(bench: DepthBench) -> Group:
    """How steady and how true, and how fast."""
    judged = plain_table("estimator", "profile", "way", "estimated", "TF", "scale jump", "shift jump", "error")
    for row in bench.rows:
        numbers = row.metrics
        judged.add_row(
            row.estimator,
            row.profile.value,
            row.way,
            f"{row.estimated_share:.0%}",
            f"{numbers.flicker:.4f}",
            f"{numbers.scale_jump:.4f}",
            f"{numbers.shift_jump:.4f}",
            "" if numbers.error is None else f"{numbers.error:.4f}",
        )
    twice = f"rendered twice at {SEGMENT_SECONDS} s"
    speeds = plain_table("profile", "picture", "looking", "estimating", "carrying", "frames a second", twice)
    for speed in bench.speeds:
        speeds.add_row(
            speed.profile.value,
            f"{speed.width}×{speed.height}",
            f"{speed.look:.1f} ms",
            f"{speed.estimate:.1f} ms",
            f"{speed.carry:.1f} ms",
            f"{speed.frames_per_second:.1f}",
            f"{speed.context_share:.1%}",
        )
    return Group(
        f"{bench.source}, {bench.frames} frames, {bench.threads} threads. TF: difference from the frame before along motion; jumps: 95th",
        "percentile of how scale and shift change between frames; error: from the truth, aligned. Shares of the range; less is better.",
        judged,
        "From decoded pictures to depth; milliseconds of work a frame, of stages that overlap.",
        speeds,
    )


def write_slits(slits: Path, picture: Path) -> None:
    """Draw the middle column of every frame's depth side by side, for each way: flicker is seen as stripes, holding as steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with np.load(slits) as found:
        maps = {name: found[name] for name in found.files}
    subjects = list(dict.fromkeys(name.rpartition("/")[0] for name in maps))
    columns = [way for way in WAYS if any(name.endswith(f"/{way}") for name in maps)]
    figure, grid = plt.subplots(
        len(subjects), len(columns), figsize=(3.6 * len(columns), 2.3 * len(subjects) + 0.6), squeeze=False, layout="constrained"
    )
    try:
        for axes_row, subject in zip(grid, subjects, strict=True):
            for axes, way in zip(axes_row, columns, strict=True):
                shown = maps.get(f"{subject}/{way}")
                axes.set_xticks([])
                axes.set_yticks([])
                if shown is not None:
                    axes.imshow(shown, aspect="auto", cmap="magma", interpolation="nearest", vmin=0, vmax=1)
                axes.set_title(f"{subject.replace('/', ', ')}\n{way}", fontsize=9)
        figure.suptitle("Depth of the middle column (upwards) of every frame (to the right); bright is near", fontsize=10)
        unfinished = picture.with_name(f".{picture.name}")
        figure.savefig(unfinished, dpi=120, format="png")
        unfinished.replace(picture)
    finally:
        plt.close(figure)
