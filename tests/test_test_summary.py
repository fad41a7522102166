"""The closing line of the test command tells the truth about every project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEST = """
import pytest
def test_good(): pass
def test_bad(): assert {good}
@pytest.mark.skip(reason="no film here")
def test_left_out(): pass
@pytest.mark.parametrize("x", [1, 2])
def test_{name}(x): pass
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy2(ROOT / "tools" / "test_summary.py", tmp_path / "tools")
    (tmp_path / "packages" / "media").mkdir(parents=True)
    (tmp_path / "packages" / "media" / "project.json").write_text('{"name": "media"}')
    return tmp_path


def report(workspace: Path, project: str, *, good: bool = True) -> None:
    """Have pytest write a real report."""
    file = workspace / f"test_{project}.py".replace("-", "_")
    file.write_text(TEST.format(good=good, name=file.stem))
    output = workspace / "reports" / "tests" / f"{project}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", workspace, file, f"--junit-xml={output}"]
    subprocess.run(command, cwd=workspace, capture_output=True, check=False)
    assert output.is_file()


def summary(workspace: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, workspace / "tools" / "test_summary.py"], capture_output=True, text=True, check=False)


def test_it_adds_up_and_shows_what_was_skipped(workspace: Path) -> None:
    report(workspace, "stereo-spot")
    report(workspace, "media")
    result = summary(workspace)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "8 passed, 0 failed, 2 skipped"
    assert result.stdout.count("no film here") == 2


def test_a_failure_fails(workspace: Path) -> None:
    report(workspace, "stereo-spot")
    report(workspace, "media", good=False)
    result = summary(workspace)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "7 passed, 1 failed, 2 skipped"


def test_a_project_that_ran_no_test_fails(workspace: Path) -> None:
    report(workspace, "stereo-spot")
    result = summary(workspace)
    assert result.returncode == 1
    assert "no test ran for media" in result.stderr
