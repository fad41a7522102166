"""The command `stereo-spot`: its commands, and the one place where what goes wrong becomes a sentence and an exit status."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli import output
from stereo_spot_cli.commands import (
    bench,
    convert,
    cost,
    doctor,
    gather,
    image,
    jobs,
    media_worker,
    models,
    probe,
    reconcile,
    smoke_test,
    up,
    video_worker,
)
from stereo_spot_cli.remote.address import all_here_only, here_only
from stereo_spot_cli.settings import CliSettings, export
from stereo_spot_shared.errors import StereoSpotError

DONE, FAILED, USAGE, STOPPED = 0, 1, 2, 130

app = typer.Typer(
    name="stereo-spot",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def show_version(wanted: bool) -> None:
    """Answer `--version`."""
    if wanted:
        from importlib.metadata import version

        output.say(f"stereo-spot {version('stereo-spot-cli')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001 - `run` looks for it
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Have `convert` and `jobs` work at this StereoSpot server (default: STEREO_SPOT_SERVER; without either, on this machine). "
            "The environment variable STEREO_SPOT_TOKEN holds the token that it wants.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers it
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Turn any 2D video into stereoscopic 3D.

    Convert a film:  stereo-spot convert movie.mp4 -o movie_3d.mp4

    Try it without one:  stereo-spot convert --demo

    Exit status: 0 done, 1 failed (one sentence on standard error says why), 2 wrong usage, 130 stopped by you.
    """
    if server is not None:
        export({"STEREO_SPOT_SERVER": server})


app.command("convert")(convert.convert)
app.command("image")(here_only(image.image))
app.command("probe")(here_only(probe.probe))
app.command("cost")(cost.cost)
app.command("doctor")(here_only(doctor.doctor))
app.command("up")(here_only(up.up))
app.command("media-worker")(here_only(media_worker.media_worker))
app.command("video-worker")(here_only(video_worker.video_worker))
app.add_typer(jobs.app, name="jobs")
app.add_typer(all_here_only(models.app), name="models")
app.command("reconcile")(here_only(reconcile.reconcile))
app.command("gather")(here_only(gather.gather))
app.command("smoke-test")(here_only(smoke_test.smoke_test))
app.add_typer(all_here_only(bench.app), name="bench")


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit status; whatever happens, a person reads sentences."""
    try:
        status = app(list(arguments), prog_name="stereo-spot", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the last border: a person never sees a traceback unasked
        if "--debug" in arguments:
            traceback.print_exc()
        return explain(error, as_json="--json" in arguments)
    return status if isinstance(status, int) else DONE


def explain(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong, in words and where wanted as the one JSON object; returns the exit status."""
    if isinstance(error, typer.TyperException) and not error.message:  # no command was given: the help has been shown
        return USAGE
    job: dict[str, str] = {}
    if isinstance(error, output.Unfinished) and isinstance(error.__cause__, Exception):
        job, error = {"job_id": error.job_id}, error.__cause__
    reason, status = reason_of(error)
    if as_json:
        output.emit({**job, "status": "stopped" if status == STOPPED else "failed", "error": output.failure(reason)})
    output.report(reason)
    return status


def reason_of(error: Exception) -> tuple[StereoSpotError, int]:
    """An exception as a sentence with a hint, and the exit status that goes with it."""
    match error:
        case typer.TyperException():
            command = getattr(getattr(error, "ctx", None), "command_path", "stereo-spot")
            return output.CommandFailed("usage", error.format_message(), hint=f"See: {command} --help"), USAGE
        case typer.Abort():
            return output.CommandFailed("stopped", "stopped"), STOPPED
        case output.Stopped():
            return output.CommandFailed("stopped", str(error)), STOPPED
        case StereoSpotError():
            return error, FAILED
    return output.CommandFailed("internal", f"an unexpected error: {type(error).__name__}: {error}", hint=where_to_look(error)), FAILED


def where_to_look(error: Exception) -> str:
    """A fault of ours: its traceback goes to a file, the file's path to the person."""
    text = "".join(traceback.format_exception(error))
    for place in (CliSettings().data_dir / "logs", Path(tempfile.gettempdir())):
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=place, prefix="crash-", suffix=".log", delete=False) as log:
                log.write(text)
        except OSError:
            continue
        return f"please report it; its details are in {log.name}"
    return "run it again as `stereo-spot --debug …` to see where"


if __name__ == "__main__":
    main()
