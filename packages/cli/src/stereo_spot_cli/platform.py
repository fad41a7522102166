"""Opening the platform in use, and closing it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stereo_spot_cli.data_dir import name_data_dir
from stereo_spot_cli.output import CommandFailed

if TYPE_CHECKING:
    from stereo_spot_shared.interfaces import Platform


@contextmanager
def opened(data_dir: Path | None) -> Iterator[Platform]:
    """The platform that STORAGE_ADAPTER names (default: the embedded one, in `data_dir`), for the length of a `with` block.

    CommandFailed where a data directory was named that is not there: whoever looks at jobs must not be shown an empty new one.
    """
    from stereo_spot_runtime.logging import configure_logging
    from stereo_spot_runtime.platform import open_platform

    configure_logging("warning")  # to standard error: standard output is for results
    if data_dir is not None and not data_dir.expanduser().is_dir():
        raise CommandFailed(
            "data_dir", f"there is no data directory {data_dir}", hint="check the path for a typing error; `stereo-spot convert` makes it"
        )
    name_data_dir(data_dir)
    platform = open_platform()
    try:
        yield platform
    finally:
        platform.close()
