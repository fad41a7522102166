"""Records as plots."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes

from stereo_spot_cli.gathering.table import frames_per_second
from stereo_spot_shared.records import ConversionRecord

LAST_SHOWN = 20
"""Conversions that a plot with a bar for each shows at most: the newest."""

Draw = Callable[[Axes, Sequence[ConversionRecord]], None]


def write_plots(records: Sequence[ConversionRecord], folder: Path) -> list[Path]:
    """Write one PNG for each plot; returns their paths, none where there are no records."""
    if not records:
        return []
    mpl.use("Agg")
    plots = {
        "frames-per-second-by-resolution": fps_by_resolution,
        "seconds-by-stage": seconds_by_stage,
        "seconds-per-megapixel-over-time": speed_over_time,
    }
    return [write_plot(folder / f"{name}.png", draw, records) for name, draw in plots.items()]


def write_plot(path: Path, draw: Draw, records: Sequence[ConversionRecord]) -> Path:
    """Draw one plot into `path`, whole or not at all."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    try:
        draw(axes, records)
        axes.spines[["top", "right"]].set_visible(False)
        unfinished = path.with_name(f".{os.getpid()}-{path.name}")
        figure.savefig(unfinished, dpi=120, format="png")
    finally:
        plt.close(figure)
    unfinished.replace(path)
    return path


def fps_by_resolution(axes: Axes, records: Sequence[ConversionRecord]) -> None:
    """Each conversion a dot, the median of each resolution a line."""
    groups: dict[tuple[int, int], list[float]] = defaultdict(list)
    for record in records:
        groups[record.source_width, record.source_height].append(frames_per_second(record))
    ordered = sorted(groups.items(), key=lambda item: item[0][0] * item[0][1])
    for place, (_, rates) in enumerate(ordered):
        axes.plot([place] * len(rates), rates, "o", color="tab:blue", alpha=0.5)
        axes.hlines(median(rates), place - 0.25, place + 0.25, color="tab:orange")
    axes.set_xticks(range(len(ordered)), [f"{width}×{height}" for (width, height), _ in ordered], rotation=30, ha="right")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("frames per second, from submission to completion")
    axes.set_title("Frames per second by resolution of the source (line: median)")


def seconds_by_stage(axes: Axes, records: Sequence[ConversionRecord]) -> None:
    """Where the worker seconds of each of the newest conversions went."""
    shown = records[-LAST_SHOWN:]
    labels = [f"{record.name[:24]}  {record.job_id[:6]}" for record in shown]
    stages = {
        "chunk": [r.chunk_seconds for r in shown],
        "decode": [r.render.decode for r in shown],
        "depth": [r.render.depth for r in shown],
        "warp": [r.render.warp for r in shown],
        "encode": [r.render.encode for r in shown],
        "join": [r.reassemble_seconds for r in shown],
    }
    left = [0.0] * len(shown)
    for stage, seconds in stages.items():
        axes.barh(range(len(shown)), seconds, left=left, label=stage)
        left = [before + more for before, more in zip(left, seconds, strict=True)]
    axes.set_yticks(range(len(shown)), labels)
    axes.set_xlabel("busy seconds, summed over workers")
    axes.set_title("Seconds by stage" + (f" (newest {LAST_SHOWN})" if len(records) > LAST_SHOWN else ""))
    axes.legend(frameon=False)


def speed_over_time(axes: Axes, records: Sequence[ConversionRecord]) -> None:
    """Worker seconds for a million source pixels, by estimator, in the order of the conversions."""
    groups: dict[str, list[ConversionRecord]] = defaultdict(list)
    for record in records:
        groups[f"{record.depth}, {record.params.quality.value}"].append(record)
    for name, members in sorted(groups.items()):
        axes.plot([r.finished_at for r in members], [r.seconds_per_megapixel for r in members], "o-", label=name)  # type: ignore[arg-type]  # matplotlib takes datetimes
    axes.set_ylim(bottom=0)
    axes.set_ylabel("worker seconds for a million source pixels")
    axes.set_title("Rendering speed over time")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False)
