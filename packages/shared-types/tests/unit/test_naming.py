"""Names of results, read as players read them."""

import re

import pytest

from stereo_spot_shared.naming import TOKENS, output_name
from stereo_spot_shared.rendering import Container, FramePacking, RenderParams

KODI_3D = re.compile(r"[-. _]3d[-. _]", re.IGNORECASE)
KODI = {"sbs": re.compile(r"[-. _]h?sbs[-. _]", re.IGNORECASE), "tab": re.compile(r"[-. _]h?tab[-. _]", re.IGNORECASE)}
"""Kodi's own expressions (its advanced settings stereoscopicregex3d, -sbs, -tab)."""


def jellyfin(name: str) -> str | None:
    """The format that Jellyfin sees: after a part `3D`, the first of its words, parts being separated by any of ()-._[] or a space."""
    parts = re.split(r"[()\-._\[\] ]", name.lower())
    after = parts[parts.index("3d") + 1 :] if "3d" in parts else []
    return next((part for part in after if part in {"hsbs", "sbs", "htab", "tab"}), None)


@pytest.mark.parametrize(
    ("layout", "kodi", "format_3d", "tokens"),
    [
        ("full-sbs", "sbs", "sbs", ["SBS", "LRF"]),
        ("half-sbs", "sbs", "hsbs", ["HSBS", "LR"]),
        ("full-tb", "tab", "tab", ["TAB", "TB"]),
        ("half-tb", "tab", "htab", ["HTAB", "TB"]),
    ],
)
def test_players_see_the_layout(layout: str, kodi: str, format_3d: str, tokens: list[str]) -> None:
    name = output_name("A film (2010)", RenderParams(layout=FramePacking(layout), container=Container.MKV))
    assert KODI_3D.search(name)
    assert [kind for kind, expression in KODI.items() if expression.search(name)] == [kodi]
    assert jellyfin(name) == format_3d
    assert set(tokens) <= set(name.rsplit(".", 1)[0].split("_"))
    assert name.endswith(".mkv")


def test_vr180_is_called_as_headsets_want_it() -> None:
    assert output_name("film", RenderParams(layout=FramePacking.VR180)) == "film_180_LR.mp4"


def test_every_layout_and_order_has_a_name_of_its_own() -> None:
    names = {output_name("film", RenderParams(layout=layout)) for layout in FramePacking}
    swappable = [layout for layout in FramePacking if layout not in ("rgbd", "depth", "cross-eyed", "separate")]
    names |= {output_name("film", RenderParams(layout=layout, eye_swap=True)) for layout in swappable}
    assert len(names) == len(FramePacking) + len(swappable)
    assert not any("__" in name or "_." in name for name in names)
    assert set(TOKENS) | {layout for layout in FramePacking if layout.startswith("anaglyph")} == set(FramePacking)
