"""Opening the platform in use, and closing it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stereo_spot_cli.data_dir import name_data_dir

if TYPE_CHECKING:
    from stereo_spot_shared.interfaces import Platform


@contextmanager
def opened(data_dir: Path | None) -> Iterator[Platform]:
    """The platform that STORAGE_ADAPTER names (default: the embedded one, in `data_dir`), for the length of a `with` block."""
    from stereo_spot_runtime.logging import configure_logging
    from stereo_spot_runtime.platform import open_platform

    configure_logging("warning")  # to standard error: standard output is for results
    name_data_dir(data_dir)
    platform = open_platform()
    try:
        yield platform
    finally:
        platform.close()
