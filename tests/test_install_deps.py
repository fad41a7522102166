"""The installer does nothing when nothing changed, lets only one run at a time, and is not fooled by a failed run."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
MEMBER = '[project]\nname = "alone"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'
LOCK = """version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = ["alone"]

[[package]]
name = "alone"
version = "1"
source = { virtual = "packages/alone" }
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with one package that needs nothing, so that no network is needed to install it."""
    (tmp_path / "tools").mkdir()
    shutil.copy2(ROOT / "tools" / "install_deps.py", tmp_path / "tools")
    (tmp_path / ".nx").mkdir()
    (tmp_path / ".tools").symlink_to(ROOT / ".tools")
    (tmp_path / "packages" / "alone").mkdir(parents=True)
    (tmp_path / "packages" / "alone" / "pyproject.toml").write_text(MEMBER)
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    (tmp_path / "uv.lock").write_text(LOCK)
    return tmp_path


@pytest.fixture
def installer(workspace: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stereo_spot_installer", workspace / "tools" / "install_deps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, workspace / "tools" / "install_deps.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_installs_once_and_again_only_when_something_changed(workspace: Path) -> None:
    first = install(workspace)
    assert first.returncode == 0, first.stderr
    assert "all packages are installed" in first.stdout
    assert (workspace / ".venv" / "bin" / "python").exists()
    assert install(workspace).stdout == ""
    assert "all packages are installed" in install(workspace, "--force").stdout
    (workspace / "packages" / "alone" / "pyproject.toml").write_text(MEMBER + "\n# changed\n")
    assert "all packages are installed" in install(workspace).stdout


def test_a_failed_run_is_not_taken_for_done(workspace: Path) -> None:
    assert install(workspace).returncode == 0
    (workspace / "uv.lock").unlink()
    (workspace / "uv.lock").write_text("not a lock")
    for _ in range(2):
        failed = install(workspace)
        assert failed.returncode == 1
        assert "the installation failed" in failed.stderr
        assert "Traceback" not in failed.stderr
    (workspace / "uv.lock").write_text(LOCK)
    assert "all packages are installed" in install(workspace).stdout


def test_an_environment_whose_interpreter_is_gone_is_made_anew(workspace: Path) -> None:
    assert install(workspace).returncode == 0
    python = workspace / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert install(workspace).returncode == 0
    assert subprocess.run([python, "--version"], check=False).returncode == 0


def test_only_one_installs_at_a_time(workspace: Path, installer: ModuleType) -> None:
    with (workspace / ".nx" / "install-deps.lock").open("a") as file:
        with installer.only_one_at_a_time(), pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_several_at_once_all_succeed(workspace: Path) -> None:
    command = [sys.executable, workspace / "tools" / "install_deps.py"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert sum("all packages are installed" in output for output in outputs) == 1


def test_a_download_is_kept_only_if_it_is_the_expected_one(workspace: Path, installer: ModuleType) -> None:
    source = workspace / "thing-1.whl"
    source.write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert installer.fetch(source.as_uri(), digest, workspace / "got").read_bytes() == b"wheel"
    with pytest.raises(OSError, match="SHA-256"):
        installer.fetch(source.as_uri(), digest[::-1], workspace / "refused")
    assert not (workspace / "refused").exists()


def test_an_old_python_gets_one_sentence(
    workspace: Path, installer: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installer, "MINIMUM_PYTHON", (99, 0))
    monkeypatch.setattr(sys, "argv", ["install_deps.py"])
    assert installer.main() == 1
    assert "newer" in capsys.readouterr().err
