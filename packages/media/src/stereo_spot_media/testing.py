"""For tests of every package: where the real clips are, if they are."""

from __future__ import annotations

from pathlib import Path

from stereo_spot_media.settings import named_test_data


def data_folder() -> Path | None:
    """The folder of test data: what STEREO_SPOT_TEST_DATA names, else `shared/data` beside the checkout; None if absent."""
    named = named_test_data()
    checkout = Path(__file__).parents[4]
    candidates = [named] if named else [checkout / "shared" / "data", checkout.parent / "shared" / "data"]
    return next((folder for folder in candidates if folder.is_dir()), None)


def real_clips() -> list[Path]:
    """Every real clip of the data folder, by name; empty where there is no such folder (tests then skip visibly)."""
    folder = data_folder()
    return [] if folder is None else sorted(path for path in (folder / "clips").glob("*") if path.is_file())
