"""What a person ordered, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stereo_spot_shared.rendering import RenderParams


@dataclass(frozen=True)
class Order:
    """One conversion: absolute paths that were checked, and how the result is to look."""

    source: Path
    output: Path
    params: RenderParams
    overwrite: bool
    workers: int | None
    """How many video workers; None: as many as make sense."""
    choose_encoder: bool = False
    """Whether what this machine encodes with best is to be found out; else it is what the parameters say."""
