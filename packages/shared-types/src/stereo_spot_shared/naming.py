"""What a finished file is called, so that players know its layout by its name.

Kodi wants `3D` and `SBS`, `HSBS`, `TAB` or `HTAB` between separators, as Jellyfin and Emby do; Skybox and DeoVR look for `SBS`, `LR`,
`TB` or `RL`, and for `180`; Pigasus for `LRF`. Separated by underscores, all of them find their own.
"""

from __future__ import annotations

from stereo_spot_shared.rendering import FramePacking, RenderParams

TOKENS = {
    FramePacking.FULL_SBS: ("3D_SBS_LRF", "3D_SBS_RLF"),
    FramePacking.HALF_SBS: ("3D_HSBS_LR", "3D_HSBS_RL"),
    FramePacking.FULL_TB: ("3D_TAB_TB", "3D_TAB_BT"),
    FramePacking.HALF_TB: ("3D_HTAB_TB", "3D_HTAB_BT"),
    FramePacking.CROSS_EYED: ("", "3D_cross-eyed_RL"),
    FramePacking.ROWS: ("3D_rows", "3D_rows_RL"),
    FramePacking.VR180: ("180_LR", "180_RL"),
    FramePacking.SEPARATE: ("3D", ""),
    FramePacking.RGBD: ("RGBD", ""),
    FramePacking.DEPTH: ("depth", ""),
}
"""With the left view first, and with the right view first. An anaglyph is called what its layout is."""

LONGEST_NAME = 200
UNNAMED = "video"


def harmless_name(name: str) -> str:
    """A name that came from outside, fit for one file: printable, no folders, at most LONGEST_NAME bytes; UNNAMED where nothing is left."""
    printable = "".join(character if character.isprintable() and character not in "/\\" else "_" for character in name)
    short = printable.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore").strip()
    return short if short.strip(". ") else UNNAMED


def view_names(name: str) -> tuple[str, str]:
    """The names of the left and of the right view's file of a result that is called `name`."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}_left{dot}{extension}", f"{stem}_right{dot}{extension}"


def output_name(stem: str, params: RenderParams, extension: str | None = None) -> str:
    """The default name of the result of a video or picture called `stem` (without its extension); `extension`: not the container's."""
    left_first, right_first = TOKENS.get(params.layout, (params.layout.value, f"{params.layout.value}_RL"))
    return f"{stem}_{right_first if params.right_first else left_first}.{extension or params.container.value}"
