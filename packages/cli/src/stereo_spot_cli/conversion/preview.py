"""A preview from the command line: a short stereo video and a contact sheet, within seconds, without jobs and workers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from stereo_inference.preview import Preview, PreviewTask
from stereo_spot_cli import output
from stereo_spot_cli.conversion.command import with_encoder
from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.progress import counting
from stereo_spot_cli.depth_choice import models_dir, rendering_limits, settled
from stereo_spot_cli.inspection import STALL_SECONDS, inspect
from stereo_spot_cli.stopping import stop_requested
from stereo_spot_cli.words import count
from stereo_spot_cli.workers import cores
from stereo_spot_media.sandbox import run_in_child
from stereo_spot_shared.base import Value
from stereo_spot_shared.comfort import comfort_warning


class PreviewSummary(Value):
    """The result of a preview."""

    output: str
    right: str | None
    """The right view, where each has a file of its own."""
    sheet: str
    frames: int
    places: int
    width: int
    height: int
    depth: str
    warnings: tuple[str, ...]


def preview(order: Order, seconds: float, *, as_json: bool) -> None:
    """Render about `seconds` from all over the video, and say where they are."""
    order = replace(order, params=settled(order.params, quiet=as_json))
    with stop_requested() as stop:
        seen = inspect(order.source, stop.is_set, hardware=order.choose_encoder)
        order = with_encoder(order, seen.source.video, seen.hardware)
        task = PreviewTask(
            source=order.source,
            info=seen.source,
            params=order.params,
            seconds=seconds,
            outputs=order.places,
            sheet=sheet_of(order.output),
            threads=cores(),
            models=models_dir(),
        )
        total = round(seconds * seen.source.video.average_rate)
        with counting(f"{order.source.name}: preview", total, quiet=as_json or not sys.stderr.isatty()) as show:
            made = run_in_child(
                "stereo_inference.preview:render_preview",
                task,
                returns=Preview,
                limits=rendering_limits(),
                on_progress=show,
                should_stop=stop.is_set,
                stall_seconds=STALL_SECONDS,
            )
    say(order, made, as_json=as_json)


def sheet_of(video: Path) -> Path:
    """Where the contact sheet goes."""
    return video.with_suffix(".png")


def say(order: Order, made: Preview, *, as_json: bool) -> None:
    """The result as JSON, or in words."""
    warning = comfort_warning(order.params)
    summary = PreviewSummary(
        output=str(order.places[0]),
        right=str(order.places[1]) if len(order.places) > 1 else None,
        sheet=str(sheet_of(order.output)),
        warnings=(warning,) if warning else (),
        **made.model_dump(),
    )
    if as_json:
        output.emit(summary)
        return
    size = f"{made.width}×{made.height}, depth “{made.depth}”"
    names = summary.output if summary.right is None else f"{summary.output} and {Path(summary.right).name}"
    output.say(f"{names}: {count(made.frames, 'frame')} from {count(made.places, 'place')}, {size}")
    output.say(f"{summary.sheet}: source, depth, both eyes and an anaglyph of each place")
    for line in summary.warnings:
        output.say(f"warning: {line}")
