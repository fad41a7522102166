"""`stereo-spot gather`: the records of finished conversions, as JSON, a table and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli.commands.options import DataDirOption, JsonOption


def gather(
    result: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.")] = Path("stereo-spot-records"),
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect what finished conversions took.

    From the records of the platform in use (frames, seconds by stage, bytes, estimator, machine): writes records.json and plots
    into DIR and shows a table. Example:  stereo-spot gather -o records
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.gathering.plots import write_plots
    from stereo_spot_cli.gathering.table import records_table, write_records
    from stereo_spot_cli.platform import opened
    from stereo_spot_cli.records import read_records

    with opened(data_dir) as platform:
        records = sorted(read_records(platform), key=lambda record: record.finished_at)
        name = platform.name
    try:
        result.mkdir(parents=True, exist_ok=True)
        files = [write_records(records, result), *write_plots(records, result)]
    except OSError as error:
        raise output.CommandFailed(
            "output_not_writable", f"nothing can be written in {result}: {error.strerror or error}", hint="choose another --output"
        ) from error
    if as_json:
        output.emit(
            {"platform": name, "records": [record.model_dump(mode="json") for record in records], "files": [str(file) for file in files]}
        )
        return
    if records:
        output.show(records_table(records))
    else:
        output.say(f"There are no records on the platform “{name}” yet: they are written when a conversion is completed.")
    for file in files:
        output.say(f"written: {file}")
