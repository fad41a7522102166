"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where jobs, queues and segments are kept (default: STEREO_SPOT_DATA_DIR, else your user data directory).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, metavar="N", help="Video workers (default: one per core, as far as memory goes).")
]
