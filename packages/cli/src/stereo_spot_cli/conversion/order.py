"""What a person ordered, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stereo_spot_cli.conversion.identity import Identity
from stereo_spot_shared.naming import view_names
from stereo_spot_shared.rendering import RenderParams, views_of


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
    url: str | None = None
    """Where the video is to be fetched from, checked. `source` is only its name, until it was."""
    identity: Identity | None = None
    """What makes this conversion the same as an earlier one, where that is not the file."""

    @property
    def places(self) -> tuple[Path, ...]:
        """The files that are written: the output, or one for each view that is named after it."""
        return places_of(self.output, self.params)


def places_of(output: Path, params: RenderParams) -> tuple[Path, ...]:
    """See `Order.places`."""
    if views_of(params) == 1:
        return (output,)
    return tuple(output.with_name(name) for name in view_names(output.name))
