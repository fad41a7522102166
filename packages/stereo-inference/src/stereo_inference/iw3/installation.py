"""Where iw3 is, and whether it is the one that this version was made for: its commit, and every file that it may load as a model."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stereo_inference.settings import Settings, child_environment
from stereo_spot_shared.errors import EngineUnavailable
from stereo_spot_shared.rendering import Iw3Options

COMMIT: Final = "d23721f1b5f0a4c92c3ee1be013180bf298730c5"
"""Of https://github.com/nagadomi/nunif: the command line that is spoken here."""

MODELS: Final = Path("iw3/pretrained_models")
"""Where iw3 keeps what it fetched, weights and the code that goes with them, within its checkout."""

NO_WEIGHTS: Final = frozenset({"backward", "forward", "forward_fill"})
"""Methods of warping that need no weights, as the depth model NULL does not."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A checkout of nunif and the Python that runs it."""

    folder: Path
    python: Path
    sums: Path | None
    frame_seconds: float
    start_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> Installation:
        """What the settings name. EngineUnavailable where they name none."""
        if settings.iw3_dir is None or settings.iw3_python is None:
            raise EngineUnavailable(
                "The engine iw3 is not set up on this machine.",
                hint="Set STEREO_SPOT_IW3_DIR to a checkout of nunif and STEREO_SPOT_IW3_PYTHON to the Python that it runs under.",
            )
        return cls(settings.iw3_dir, settings.iw3_python, settings.iw3_sums, settings.iw3_frame_seconds, settings.iw3_start_seconds)

    def check(self, options: Iw3Options) -> None:
        """EngineUnavailable where it is not there, not that commit, changed, or would load something that nobody has vouched for."""
        if not (self.folder / "iw3" / "cli.py").is_file() or not self.python.exists():
            raise EngineUnavailable(
                f"There is no iw3 in {self.folder}, or no Python at {self.python}.",
                hint="Check STEREO_SPOT_IW3_DIR and STEREO_SPOT_IW3_PYTHON.",
            )
        commit, changed = self._git("rev-parse", "HEAD"), self._git("status", "--porcelain", "--untracked-files=no")
        if commit != COMMIT or changed:
            found = f"commit {commit}" + (" with changes" if changed else "")
            raise EngineUnavailable(
                f"The iw3 in {self.folder} is another one than expected ({found}; expected {COMMIT}).",
                hint=f"In that folder: git checkout {COMMIT}",
            )
        if options.depth_model != "NULL" or options.method not in NO_WEIGHTS:
            self._check_models()

    def _check_models(self) -> None:
        """Everything that lies among iw3's models must be listed, with its hash: it is code, or as good as code."""
        if self.sums is None:
            raise EngineUnavailable(
                "What iw3 would load as models is not vouched for by anybody.",
                hint=f"Look where it comes from, then list it: in {self.folder / MODELS}, "
                "`find . -type f -exec sha256sum {} + > SUMS`, keep that file elsewhere, and set STEREO_SPOT_IW3_SUMS to it.",
            )
        listed = read_sums(self.sums)
        folder = self.folder / MODELS
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            name = path.relative_to(folder).as_posix()
            if tracked(name):
                continue
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if listed.get(name) != found:
                why = "is not listed" if name not in listed else f"has another SHA-256 ({found}) than is listed"
                raise EngineUnavailable(
                    f"iw3's model file {name} {why} in {self.sums}.", hint="Look where it comes from, then list it anew."
                )

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, env=child_environment({})).stdout.strip()
        except (OSError, subprocess.CalledProcessError) as error:
            raise EngineUnavailable(
                f"The commit of the iw3 in {self.folder} cannot be told: {error}", hint="It must be a git checkout."
            ) from error


def tracked(name: str) -> bool:
    """Whether a file among the models belongs to the commit itself."""
    return Path(name).name in {".gitignore", ".gitkeep"}


def read_sums(path: Path) -> dict[str, str]:
    """SHA-256 by file name, from a file as `sha256sum` writes it. EngineUnavailable where it cannot be read."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise EngineUnavailable(f"{path} cannot be read: {error.strerror or error}.", hint="Check STEREO_SPOT_IW3_SUMS.") from error
    parts = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.removeprefix("*").removeprefix("./"): digest.lower() for digest, name in parts}
