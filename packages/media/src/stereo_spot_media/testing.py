"""For tests of every package: where the real clips are, if they are."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path | None:
    """The folder of test data: what STEREO_SPOT_TEST_DATA names, else `shared/data` beside the checkout; None if absent."""
    named = os.environ.get("STEREO_SPOT_TEST_DATA")
    checkout = Path(__file__).parents[4]
    candidates = [Path(named)] if named else [checkout / "shared" / "data", checkout.parent / "shared" / "data"]
    return next((folder for folder in candidates if folder.is_dir()), None)


def real_clips() -> list[Path]:
    """Every real clip of the data folder, by name; empty where there is no such folder (tests then skip visibly)."""
    folder = data_folder()
    return [] if folder is None else sorted(path for path in (folder / "clips").glob("*") if path.is_file())
