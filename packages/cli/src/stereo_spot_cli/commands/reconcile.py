"""`stereo-spot reconcile`: look at every unfinished job and send again what was lost."""

from __future__ import annotations

from typing import Annotated

import typer

from stereo_spot_cli import output
from stereo_spot_cli.commands.options import DataDirOption, JsonOption
from stereo_spot_cli.platform import opened
from stereo_spot_cli.words import count


def reconcile(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait until a message must be taken for lost: send all that is missing again.")
    ] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Send again what was lost.

    Looks after every unfinished job, as media workers do by themselves every half minute. Exit status 1 where one could not be.

    Example:  stereo-spot reconcile --now
    """
    from stereo_spot_runtime.reconciler import reconcile as look_after_all

    with opened(data_dir) as platform:
        report = look_after_all(platform, patience=0.0 if now else 1.0)
    if as_json:
        output.emit({"looked_at": report.looked_at, "moved": report.moved, "broken": report.broken})
    else:
        output.say(f"Looked after {count(report.looked_at, 'job')}, {len(report.moved)} of them needed something.")
        for line in report.moved:
            output.say(f"  {line}")
        for line in report.broken:
            output.note(f"  {line}")
    return 1 if report.broken else 0
