"""The only place of this package that reads the environment: where tests find real videos. Nothing else here is anybody's to set."""

from __future__ import annotations

import os
from pathlib import Path


def named_test_data() -> Path | None:
    """The folder that STEREO_SPOT_TEST_DATA names, if it names one."""
    named = os.environ.get("STEREO_SPOT_TEST_DATA")
    return Path(named) if named else None
