"""Opening the platform that the settings name. Nobody above this line knows which one it is."""

from __future__ import annotations

from importlib.metadata import entry_points

from stereo_spot_runtime.settings import RuntimeSettings
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces.platform import ADAPTER_ENTRY_POINTS, Platform


def open_platform(name: str | None = None) -> Platform:
    """Open the platform `name`; without one, that of `STORAGE_ADAPTER`.

    Raises NotFound, with a sentence that lists those installed, for an unknown name; and what the adapter raises
    where it cannot be opened.
    """
    wanted = name or RuntimeSettings().storage_adapter
    installed = {entry.name: entry for entry in entry_points(group=ADAPTER_ENTRY_POINTS)}
    if wanted not in installed:
        raise NotFound(
            f"there is no platform named {wanted!r}; installed are: {', '.join(sorted(installed)) or 'none'}",
            hint="set STORAGE_ADAPTER to one of them, or install the package that brings it",
        )
    platform: Platform = installed[wanted].load()()
    return platform
