"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

TIME = re.compile(r"(\d+:){0,2}\d+(\.\d+)?")


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


def a_time(text: str) -> Fraction:
    """Seconds, exactly, from `95.5`, `1:35.5` or `0:01:35.5`. Wrong usage where it is none."""
    parts = text.split(":")
    if not TIME.fullmatch(text) or any(float(part) >= 60 for part in parts[1:]):
        raise typer.BadParameter(f"'{text}' is no time; write seconds (95.5), m:ss (1:35.5) or h:mm:ss (0:01:35.5).")
    seconds = Fraction(0)
    for part in parts:
        seconds = seconds * 60 + Fraction(part)
    return seconds
