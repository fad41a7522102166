"""`stereo-spot probe`: what a file is, and what a conversion of it would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli.commands.options import DataDirOption, JsonOption
from stereo_spot_shared.rendering import Container, FramePacking


def probe(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video.")],
    layout: Annotated[FramePacking, typer.Option("--layout", help="The layout that you think of.")] = FramePacking.FULL_SBS,
    container: Annotated[Container, typer.Option("--container", help="The container that you think of.")] = Container.MP4,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a video is and what it would become.

    The file is opened in a child process with limits. Times are estimated from earlier conversions in the same place.

    Example:  stereo-spot probe movie.mkv
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.conversion.checks import check_input
    from stereo_spot_cli.inspection import inspect
    from stereo_spot_cli.platform import opened
    from stereo_spot_cli.prospect import prospect, prospect_table
    from stereo_spot_cli.records import read_records

    path = check_input(file)
    info = inspect(path).source
    with opened(data_dir) as platform:
        outlook = prospect(info, layout, container, list(read_records(platform)))
    if as_json:
        output.emit({"source": info.model_dump(mode="json"), "conversion": outlook.model_dump(mode="json")})
    else:
        output.show(prospect_table(path.name, info, outlook))
