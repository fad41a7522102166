"""Install everything StereoSpot needs into .venv: one editable install of all Python packages.

Standard library only: this is the first thing that runs on a machine where nothing of ours was ever installed. It gets uv
(pinned below) into .tools and lets it make .venv from uv.lock. When nothing changed since the last time it does nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

UV_VERSION = "0.13.9"
# Only fetched where Python came without pip; a wheel runs as it is. The address is that of the file in PyPI's index.
PIP_WHEEL = (
    "https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl"
)
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
MINIMUM_PYTHON = (3, 11)

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
STAMP = VENV / ".stereo-spot-installed"
WINDOWS = sys.platform == "win32"


def main() -> int:
    """Make .venv match uv.lock; return the exit status."""
    parser = argparse.ArgumentParser(description="Install StereoSpot's packages and tools into .venv.")
    parser.add_argument("--force", action="store_true", help="install even where nothing seems to have changed")
    arguments = parser.parse_args()
    if sys.version_info < MINIMUM_PYTHON:
        print(f"stereo-spot: needs Python 3.11 or newer, this is {sys.version.split()[0]} ({sys.executable})", file=sys.stderr)
        return 1
    try:
        with only_one_at_a_time():
            if arguments.force or not is_current():
                install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"stereo-spot: the installation failed: {explain(error)}", file=sys.stderr)
        return 1
    return 0


def is_current() -> bool:
    """Tell whether the last complete installation was of exactly these files, at this place."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8") == fingerprint() and works(python_of(VENV))


def install() -> None:
    """Bring .venv to the state of uv.lock; the stamp is written last, so an interrupted run is never taken for done."""
    STAMP.unlink(missing_ok=True)
    python = python_of(VENV) if works(python_of(VENV)) else Path(sys.executable)
    # Compiled now: five seconds once, instead of one at every start of every process where Python may not keep what it compiles.
    run([*ensure_uv(), "sync", "--all-packages", "--frozen", "--compile-bytecode", "--python", str(python)])
    STAMP.write_text(fingerprint(), encoding="utf-8")
    print(f"stereo-spot: all packages are installed in {VENV}", flush=True)


def ensure_uv() -> list[str]:
    """Return the command of the pinned uv, installing it into .tools where it is not there yet."""
    program = TOOLS / f"uv-{UV_VERSION}" / "bin" / ("uv.exe" if WINDOWS else "uv")
    if not works(program):
        place = program.parent.parent
        shutil.rmtree(TOOLS, ignore_errors=True)
        print(f"stereo-spot: getting uv {UV_VERSION}", flush=True)
        pip = [*pip_command(), "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-user", "--no-deps"]
        run([*pip, "--target", str(place), f"uv=={UV_VERSION}"])
    return [str(program)]


def pip_command() -> list[str]:
    """Return a command that runs pip: this interpreter's own, or one fetched from PyPI."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    print("stereo-spot: this Python has no pip: getting one", flush=True)
    return [sys.executable, str(fetch(PIP_WHEEL, PIP_SHA256, TOOLS) / "pip")]


def fetch(url: str, sha256: str, folder: Path) -> Path:
    """Download a file into a folder and return its path; OSError where it cannot be had or is not the one expected."""
    with urllib.request.urlopen(url) as response:
        content: bytes = response.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OSError(f"{url} is not the file it should be (another SHA-256): something on the way changes downloads")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / url.rpartition("/")[2]
    file.write_bytes(content)
    return file


def fingerprint() -> str:
    """Hash what decides the content of .venv: the lock, every pyproject.toml, this script, and where the workspace lies."""
    files = [ROOT / "uv.lock", ROOT / "pyproject.toml", Path(__file__), *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    digest = hashlib.sha256(str(ROOT).encode())
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Hold a lock that the system drops when this process ends, however it ends."""
    with (ROOT / ".nx" / "install-deps.lock").open("a", encoding="utf-8") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def python_of(environment: Path) -> Path:
    """Return where a virtual environment keeps its interpreter."""
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def works(program: Path) -> bool:
    """Tell whether a program is there and starts (an interpreter may have been removed under its environment)."""
    if not program.exists():
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


def run(command: list[str]) -> None:
    """Run a command in the root, its output shown."""
    subprocess.run(command, cwd=ROOT, env=child_environment(), check=True)


def child_environment() -> dict[str, str]:
    """Return this process's environment, in which uv fetches no Python, sees no other active environment, and pip needs none."""
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    return {**environment, "UV_PYTHON_DOWNLOADS": "never", "PIP_REQUIRE_VIRTUALENV": "false"}


def explain(error: Exception) -> str:
    """Say what went wrong and what to do, in one sentence."""
    if isinstance(error, subprocess.CalledProcessError):
        step = " ".join(Path(part).name if os.sep in part else part for part in error.cmd[:4])
        return f"`{step} …` ended with status {error.returncode}; its own words are above (is PyPI reachable from here?)"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
