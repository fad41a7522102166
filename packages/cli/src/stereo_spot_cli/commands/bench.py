"""`stereo-spot bench`: how fast it is, and what the pipeline costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli.commands.options import JsonOption


def bench(  # noqa: PLR0917 - typer makes options of parameters
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Length of the clip that is measured with.")] = 160.0,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Size of its picture.")] = "1280x720",
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each thing is measured; medians are shown.")] = 3,
    segment_seconds: Annotated[
        float, typer.Option("--segment-seconds", min=0.5, help="Length of segments; workers are compared with a quarter of it.")
    ] = 20.0,
    result: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the JSON to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast it is here and now.

    Chunking against reading, the stages of rendering, the pipeline against one process, two workers against one. The whole
    takes about a quarter of an hour on two cores; shorter clips and one run take less and say less.

    Example:  stereo-spot bench --seconds 8 --size 640x360 --runs 1
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.bench.report import BenchPlan, bench_table, ratios
    from stereo_spot_cli.bench.run import run_bench

    try:
        width, height = (int(side) for side in size.lower().split("x"))
    except ValueError:
        raise typer.BadParameter(f"--size is written as 1280x720, not {size!r}") from None
    if min(width, height) < 64 or width % 2 or height % 2:
        raise typer.BadParameter("--size wants even numbers of at least 64")
    plan = BenchPlan(seconds=seconds, width=width, height=height, runs=runs, segment_seconds=segment_seconds)
    report = run_bench(plan, tell=output.note)
    facts = {**report.model_dump(mode="json"), "ratios": ratios(report)}
    if result is not None:
        try:
            result.write_text(json.dumps(facts, indent=2) + "\n")
        except OSError as error:
            raise output.CommandFailed("output_not_writable", f"{result} cannot be written: {error.strerror or error}") from error
    if as_json:
        output.emit(facts)
    else:
        output.show(bench_table(report))
