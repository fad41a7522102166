"""What a conversion will probably take, in seconds and in bytes: from the records of earlier ones on this platform.

Where there are none, sizes are guessed by bits per picture element (`TYPICAL_BITS`), and times are not guessed at all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median

from stereo_inference.layouts import packed_size
from stereo_inference.picture import PIXEL_FORMATS
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.words import size
from stereo_spot_runtime.scratch import SPARE_BYTES
from stereo_spot_shared.records import ConversionRecord, estimate_render_seconds
from stereo_spot_shared.rendering import Quality, RenderParams

TYPICAL_BITS = {Quality.DRAFT: 0.12, Quality.BALANCED: 0.12, Quality.HIGH: 0.26, Quality.LOSSLESS: 3.2}
"""Bits per output pixel: what a few real clips came to. Draft is no smaller than balanced, it is faster."""


@dataclass(frozen=True)
class Size:
    """What is known of a video before it is converted."""

    bytes: int
    width: int
    height: int
    frames: int | None


def render_seconds(
    records: Iterable[ConversionRecord], video: Size, params: RenderParams, *, frames: int | None, workers: int
) -> float | None:
    """Seconds that rendering `frames` will take with so many workers; None where nothing like it was measured."""
    if frames is None:
        return None
    alone = estimate_render_seconds(records, frames=frames, width=video.width, height=video.height, params=params)
    return alone / workers if alone is not None else None


def output_bytes(records: Iterable[ConversionRecord], video: Size, params: RenderParams) -> float | None:
    """About how large the rendered video becomes; None where its length is unknown."""
    if video.frames is None:
        return None
    alike = [r for r in records if r.params.quality is params.quality and r.frames]
    bits = (
        median(8 * r.output_bytes / pixels(r.source_width, r.source_height, r.frames, r.params) for r in alike)
        if alike
        else TYPICAL_BITS[params.quality]
    )
    return bits / 8 * pixels(video.width, video.height, video.frames, params)


def weight(video: Size, params: RenderParams) -> int:
    """By how many pixels of a source a worker's memory is reckoned: what is packed counts, and side by side is twice the source."""
    return max(video.width * video.height, pixels(video.width, video.height, 1, params) // 2)


def pixels(width: int, height: int, frames: int, params: RenderParams) -> int:
    """How many pixels the result has."""
    return prod(packed_size(params.layout, width, height, PIXEL_FORMATS["yuv420p"])) * frames


def check_space(source: Path, output: Path, data_dir: Path, *, rendered: float | None) -> None:
    """CommandFailed where a disk has less room than the conversion will probably need.

    In the data directory there are, at the same time, the segments that are cut (as large as the source, which itself is
    linked where it lies on the same file system and copied elsewhere), the segments that are rendered, and the output. Workers
    leave some room there to everybody else (`SPARE_BYTES`) and would wait for it.
    """
    source_bytes = source.stat().st_size
    made = rendered or 0.0
    needed: dict[int, float] = {}
    places = {same_disk(data_dir): data_dir, same_disk(output.parent): output.parent}
    needed[same_disk(data_dir)] = SPARE_BYTES + source_bytes + 2 * made + (0 if same_disk(source) == same_disk(data_dir) else source_bytes)
    if same_disk(output.parent) != same_disk(data_dir):
        needed[same_disk(output.parent)] = made
    for disk, place in places.items():
        free = shutil.disk_usage(place).free
        if free < needed[disk]:
            raise CommandFailed(
                "no_space_left",
                f"there is not enough space: about {size(needed[disk])} are needed on the disk of {place}, {size(free)} are free",
                hint="free some space, or choose another place with --data-dir or --output",
            )


def same_disk(path: Path) -> int:
    """What tells one file system from another."""
    return path.stat().st_dev
