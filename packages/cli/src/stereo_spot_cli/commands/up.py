"""`stereo-spot up`: everything that works on jobs, and the pages to watch it, in one supervised process tree."""

from __future__ import annotations

from typing import Annotated

import typer

from stereo_spot_cli.commands.options import DataDirOption, WorkersOption


def up(  # noqa: PLR0917 - typer makes options of parameters
    workers: WorkersOption = None,
    data_dir: DataDirOption = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Serve the pages, too.")] = True,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            help="Where the pages listen (default: 127.0.0.1); another address needs STEREO_SPOT_WEB_PASSWORD.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Their port (default: 8088).", show_default=False)] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the pages in your browser.")] = False,
) -> None:
    """Run StereoSpot on this machine: its pages in the browser, and workers of every stage.

    Until Ctrl-C or SIGTERM; what dies is started again.

    Examples:

      stereo-spot up --open

      stereo-spot up --workers 2 --no-web

      STEREO_SPOT_WEB_PASSWORD=... stereo-spot up --host 0.0.0.0
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.data_dir import open_data_dir
    from stereo_spot_cli.pages import ingest_policy, open_in_browser, web_address, web_process, web_settings
    from stereo_spot_cli.platform import opened
    from stereo_spot_cli.settings import CliSettings, export
    from stereo_spot_cli.stopping import stop_requested
    from stereo_spot_cli.words import count
    from stereo_spot_cli.workers import choose_workers, pipeline_workers, threads_per_worker

    place = open_data_dir(data_dir)
    number = choose_workers(workers)
    settings = web_settings(host, port) if web else None
    others = [web_process(settings)] if settings else []
    export({"STEREO_SPOT_INGEST": (CliSettings().ingest or ingest_policy(settings)).value})
    with stop_requested() as stop, opened(data_dir) as platform, pipeline_workers(number, others=others) as supervisor:
        output.note(
            f"stereo-spot works on the platform “{platform.name}” (data in {place.root}): 1 media worker with the reconciler, "
            f"{count(number, 'video worker')} with {count(threads_per_worker(number), 'thread')} each. Ctrl-C stops."
        )
        for name, pid in supervisor.pids().items():
            output.note(f"  {name}: process {pid}")
        if settings:
            output.say(web_address(settings))
            if open_browser:
                open_in_browser(web_address(settings), stop)
        while not stop.wait(0.5):
            supervisor.poll()
        output.note("stopping: what is held is handed back")
