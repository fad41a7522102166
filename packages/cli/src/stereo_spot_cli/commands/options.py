"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def some_path(text: str) -> Path:
    """A path as it was typed. An empty one, most likely an unset variable, would mean the current directory."""
    if not text:
        raise typer.BadParameter("the path is empty")
    return Path(text)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=some_path,
        metavar="DIR",
        help="Where jobs, queues and segments are kept (default: STEREO_SPOT_DATA_DIR, else your user data directory).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, metavar="N", help="Video workers (default: one per core, as far as memory goes).")
]
