"""The pictures of the guide are what the project renders today, and the page shows all of them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ("strength", "convergence", "foreground-scale", "floating-window", "layouts")


@pytest.fixture(scope="module")
def guide() -> ModuleType:
    """tools/guide_pictures.py as a module."""
    spec = importlib.util.spec_from_file_location("stereo_spot_guide_pictures", ROOT / "tools" / "guide_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_is_rendered_today(guide: ModuleType, name: str) -> None:
    kept = cv2.cvtColor(cv2.imread(str(ROOT / "docs" / "pictures" / f"{name}.png")), cv2.COLOR_BGR2RGB)
    rendered = getattr(guide, name.replace("-", "_"))()
    assert kept.shape == rendered.shape, "run ./nx run stereo-spot:guide-pictures"
    assert np.abs(kept.astype(int) - rendered).mean() < 0.5, "run ./nx run stereo-spot:guide-pictures"


def test_the_page_shows_every_picture() -> None:
    page = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(pictures/([a-z-]+)\.png\)", page)) == set(PICTURES)
