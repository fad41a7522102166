"""The records of finished conversions: read from the platform in use."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import Platform
from stereo_spot_shared.keys import RECORDS_PREFIX
from stereo_spot_shared.records import ConversionRecord


def read_records(platform: Platform) -> Iterator[ConversionRecord]:
    """Every record that this version can read, in order of the job ids. What cannot be read is passed over."""
    cursor: str | None = None
    while True:
        page = platform.storage.list(RECORDS_PREFIX, cursor=cursor)
        for item in page.objects:
            try:
                yield ConversionRecord.model_validate_json(platform.storage.read_range(item.key))
            except (ValidationError, NotFound):  # another version's, or removed since it was listed
                continue
        if (cursor := page.cursor) is None:
            return
