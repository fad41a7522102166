"""The commands of the README reach stereo-spot word for word, through the real Nx, from wherever the user stands.

A workspace of its own is made of the real files; only the stereo-spot command in it is a small one that writes down what it was given.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
INSTALLATION = ROOT / ".nx" / "installation"
RECORDER = """#!{python}
import json, os, pathlib, sys
pathlib.Path({record!r}).write_text(json.dumps({{"words": sys.argv[1:], "place": os.getcwd()}}))
sys.exit(0 if "--fail" not in sys.argv else 1)
"""
AWKWARD = """it's a "film" $HOME `date` & more; 100%.mp4"""

pytestmark = pytest.mark.skipif(not INSTALLATION.is_dir(), reason="Nx is not installed here: run any target through ./nx once")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the workspace's Nx files whose folder name holds a blank, with a recording stereo-spot in its .venv."""
    root = tmp_path / "a workspace"
    for name in ["nx", "nx.json", "project.json", ".nx/nxw.js"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".nx" / "installation").symlink_to(INSTALLATION)
    (root / "tools" / "install_deps.py").write_text("print('already installed')\n")
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    recorder = programs / "stereo-spot"
    recorder.write_text(RECORDER.format(python=sys.executable, record=str(root / "record.json")))
    recorder.chmod(0o755)
    return root


@pytest.fixture
def nx(workspace: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, place: Path = workspace) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("NX_", "INIT_"))}
        return subprocess.run([workspace / "nx", *words], cwd=place, env=environment, capture_output=True, text=True, check=False)

    return run


def record(workspace: Path) -> dict[str, Any]:
    return json.loads((workspace / "record.json").read_text())


def test_convert_gets_input_and_output_word_for_word(workspace: Path, nx: Callable[..., Any]) -> None:
    result = nx("run", "stereo-spot:convert", f"--input={AWKWARD}", "--output", "out 3d.mp4", "--layout=half-sbs", "--workers", "2")
    assert result.returncode == 0, result.stderr
    assert record(workspace)["words"] == ["convert", AWKWARD, "--output", "out 3d.mp4", "--layout=half-sbs", "--workers", "2"]


def test_convert_without_input_renders_the_demo(workspace: Path, nx: Callable[..., Any]) -> None:
    assert nx("run", "stereo-spot:convert").returncode == 0
    assert record(workspace)["words"] == ["convert", "--demo", "--output", "demo_3d.mp4"]


def test_paths_are_relative_to_where_the_user_stands(workspace: Path, nx: Callable[..., Any], tmp_path: Path) -> None:
    outside, inside = tmp_path / "films", workspace / "packages"
    outside.mkdir()
    inside.mkdir()
    for place in [outside, inside]:
        result = nx("run", "stereo-spot:convert", "--input=a.mp4", "--output=b.mp4", place=place)
        assert result.returncode == 0, result.stderr
        assert record(workspace)["place"] == str(place)


def test_other_targets_hand_their_words_on(workspace: Path, nx: Callable[..., Any]) -> None:
    assert nx("run", "stereo-spot:serve", "--port", "80").returncode == 0
    assert record(workspace)["words"] == ["up", "--port", "80"]
    assert nx("run", "stereo-spot:gather", "--", "--json").returncode == 0
    assert record(workspace)["words"] == ["gather", "--json"]


def test_a_failure_is_a_failure(nx: Callable[..., Any]) -> None:
    assert nx("run", "stereo-spot:smoke-test", "--fail").returncode != 0


def test_nothing_is_taken_from_a_cache(workspace: Path, nx: Callable[..., Any]) -> None:
    for _ in range(2):
        (workspace / "record.json").unlink(missing_ok=True)
        assert nx("run", "stereo-spot:convert", "--input=a.mp4", "--output=b.mp4").returncode == 0
        assert record(workspace)["words"][1] == "a.mp4"
