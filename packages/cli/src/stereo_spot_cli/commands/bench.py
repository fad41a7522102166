"""`stereo-spot bench`: how fast it is, and what the pipeline costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli.commands.options import JsonOption, some_path
from stereo_spot_cli.remote.address import stay_here
from stereo_spot_shared.rendering import DepthProfile

app = typer.Typer(invoke_without_command=True, subcommand_metavar="[COMMAND]")


@app.callback()
def bench(  # noqa: PLR0917 - typer makes options of parameters
    context: typer.Context,
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
    takes about a quarter of an hour on two cores; shorter clips and one run take less and say less. `bench depth` measures depth alone.

    Example:  stereo-spot bench --seconds 8 --size 640x360 --runs 1
    """
    if context.invoked_subcommand is not None:
        return
    stay_here()
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
        write_json(result, facts)
    if as_json:
        output.emit(facts)
    else:
        output.show(bench_table(report))


@app.command("depth")
def bench_depth(  # noqa: PLR0917 - typer makes options of parameters
    clip: Annotated[
        Path | None,
        typer.Argument(metavar="CLIP", parser=some_path, help="A video (default: a scene whose depth is known).", show_default=False),
    ] = None,
    depth: Annotated[
        str, typer.Option("--depth", metavar="NAME|FILE", help="As for convert: a name, or a model file or folder of yours.")
    ] = "basic",
    profile: Annotated[list[DepthProfile] | None, typer.Option("--depth-profile", help="Only this profile; may be repeated.")] = None,
    frames: Annotated[int, typer.Option("--frames", min=2, max=1000, help="How many frames; all of them are held in memory.")] = 72,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads (default: every core).", show_default=False)] = None,
    result: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the JSON to this file.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", parser=some_path, help="Draw a column of the depth over time (PNG).", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how steady, how true and how fast depth is.

    Each profile three ways: every frame estimated by itself, estimates held until the next one, and carried along motion as it is
    rendered. Over the scene also an estimator that knows the truth but for moods, which shows what steadiness is worth without any model.

    Examples:

      stereo-spot bench depth --plot depth.png

      stereo-spot bench depth movie.mp4 --depth depth-anything-v2-small --depth-profile balanced
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.bench.depth_command import run_depth_bench
    from stereo_spot_cli.bench.depth_report import depth_tables
    from stereo_spot_cli.depth_choice import asked_for

    found = run_depth_bench(
        clip, asked_for(depth), tuple(profile or DepthProfile), frames=frames, threads=threads, plot=plot, quiet=as_json
    )
    if result is not None:
        write_json(result, found.model_dump(mode="json"))
    if as_json:
        output.emit(found)
    else:
        output.show(depth_tables(found))


@app.command("pages")
def bench_pages(
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Jobs in the library.")] = 10_000,
    requests: Annotated[int, typer.Option("--requests", min=20, help="Requests for each page.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast the library's pages are with many jobs.

    On a data directory of its own, which is removed.

    Example:  stereo-spot bench pages --jobs 10000
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.bench.pages import bench_pages as measure
    from stereo_spot_cli.bench.pages import pages_table

    found = measure(jobs, requests, quiet=as_json)
    if as_json:
        output.emit(found)
    else:
        output.show(pages_table(found))


def write_json(path: Path, facts: object) -> None:
    """Write facts to a file. CommandFailed where that does not work."""
    from stereo_spot_cli.output import CommandFailed

    try:
        path.write_text(json.dumps(facts, indent=2) + "\n")
    except OSError as error:
        raise CommandFailed("output_not_writable", f"{path} cannot be written: {error.strerror or error}") from error
