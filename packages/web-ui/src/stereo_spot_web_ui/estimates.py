"""How long a conversion may take here: by the records of earlier ones, and nothing else."""

from __future__ import annotations

from itertools import islice
from statistics import median

from pydantic import ValidationError

from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.records import ConversionRecord
from stereo_spot_shared.rendering import DepthProfile

LOOKED_AT = 100


def seconds_per_megapixel(platform: Platform) -> dict[str, float]:
    """Seconds from submission to completion for a million pixels of source, by depth profile; a profile never used is not in it."""
    found: dict[DepthProfile, list[float]] = {}
    for info in islice(all_objects(platform.storage, keys.RECORDS_PREFIX), LOOKED_AT):
        try:
            record = ConversionRecord.model_validate_json(platform.storage.read_range(info.key))
        except (ValidationError, NotFound):
            continue
        pixels = record.frames * record.source_width * record.source_height / 1e6
        if pixels:
            found.setdefault(record.params.depth_profile, []).append((record.render.wall / max(1, record.workers)) / pixels)
    return {profile.value: median(rates) for profile, rates in found.items()}
