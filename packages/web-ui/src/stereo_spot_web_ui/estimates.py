"""What a conversion may take here, in seconds and in bytes: by the records of earlier ones, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from statistics import median

from pydantic import ValidationError

from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.records import ConversionRecord

LOOKED_AT = 100


class Rates(Value):
    """For a million pixels of source. What was never measured is not in it."""

    seconds: dict[str, float]
    """From the first segment to the end, by depth estimator, depth profile and quality, with a space between them."""
    bytes: dict[str, float]
    """By layout and quality, with a space between them."""


def rates_of(records: Iterable[ConversionRecord]) -> Rates:
    """The medians of what alike conversions took."""
    seconds, sizes = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for record in records:
        megapixels = record.frames * record.source_width * record.source_height / 1e6
        if megapixels and record.workers:
            params = record.params
            took = record.render.wall / record.workers + record.reassemble_seconds
            seconds[f"{record.depth} {params.depth_profile} {params.quality}"].append(took / megapixels)
            sizes[f"{params.layout} {params.quality}"].append(record.output_bytes / megapixels)
    return Rates(
        seconds={kind: median(found) for kind, found in seconds.items()}, bytes={kind: median(found) for kind, found in sizes.items()}
    )


def rates(platform: Platform) -> Rates:
    """What was measured on this platform."""
    return rates_of(records(platform))


def records(platform: Platform) -> Iterable[ConversionRecord]:
    """Some records of finished conversions."""
    for info in islice(all_objects(platform.storage, keys.RECORDS_PREFIX), LOOKED_AT):
        try:
            yield ConversionRecord.model_validate_json(platform.storage.read_range(info.key))
        except (ValidationError, NotFound):
            continue
