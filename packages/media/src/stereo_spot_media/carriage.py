"""What an output container can carry of a source's tracks: one table, used when chunking and when joining."""

from __future__ import annotations

from dataclasses import dataclass

from stereo_spot_shared.manifest import TrackKind
from stereo_spot_shared.rendering import Container


@dataclass(frozen=True)
class Carriage:
    """How one track goes into the output: as codec `codec`, or not at all, because of `left_out`."""

    codec: str | None
    left_out: str | None = None


def carriage(container: Container, kind: TrackKind, codec: str) -> Carriage:
    """Say how `container` carries a track of `kind` whose FFmpeg codec name is `codec`."""
    raise NotImplementedError
