"""What stereo-inference does for the pages where it is installed beside them: previews of a source, and depth models.

It is started by its command and by the names of its functions, never imported: a web server on a machine of its own does without.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from stereo_spot_media.sandbox import ChildLimits, run_in_child
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.api.server import Model
from stereo_spot_shared.errors import ModelMissing
from stereo_spot_shared.inference import Moments, MomentsTask
from stereo_spot_shared.rendering import RenderParams

MODULE = "stereo_inference"
STALL_SECONDS = 120.0
KNOWN_SECONDS = 30.0
"""For so long what is known of models is not asked again: that starts a process, which pages must not wait for."""


class Companion:
    """Starts stereo-inference, if it is there."""

    def __init__(self) -> None:
        self.is_here = find_spec(MODULE) is not None
        self._fetching: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._rendering = threading.Semaphore(1)
        self._known: tuple[float, list[Model]] | None = None

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """What a process that renders must be told; it does not change while the server runs."""
        told: dict[str, Any] = json.loads(self._answer("settings"))
        return told

    def moments(self, source: Path, params: RenderParams, folder: Path, *, count: int, width: int) -> Moments:
        """Pictures of `count` places of a source, at most `width` pixels wide, in `folder`. UnsupportedMedia where it is no video.

        One at a time: the workers have the machine.
        """
        told = self._settings
        task = MomentsTask(source=source, params=params, folder=folder, count=count, width=width, models=Path(told["models_dir"]))
        with self._rendering:
            return run_in_child(
                f"{MODULE}.moments:render_moments",
                task,
                returns=Moments,
                limits=ChildLimits(address_space=told["address_space"] or None),
                stall_seconds=STALL_SECONDS,
            )

    def models(self) -> list[Model]:
        """The models that are known, and which are here."""
        now = time.monotonic()
        if self._known is None or now - self._known[0] > KNOWN_SECONDS:
            self._known = now, TypeAdapter(list[Model]).validate_json(self._answer("models"))
        known = self._known[1]
        return [
            model.model_copy(update={"fetched": self._fetching.get(model.name), "problem": self._problems.get(model.name)})
            for model in known
        ]

    def fetch(self, name: str) -> None:
        """Begin to fetch a model; `models` says how far that is."""
        if name in self._fetching:
            return
        self._problems.pop(name, None)
        self._fetching[name] = 0.0
        threading.Thread(target=self._fetch, args=(name,), name=f"fetch {name}", daemon=True).start()

    def _fetch(self, name: str) -> None:
        process = subprocess.Popen(command("pull", name), stdout=subprocess.PIPE, env=child_environment({}), text=True)
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            self._hear(name, process.stdout)
            process.wait()
        finally:
            process.stdout.close()
            self._known = None
            self._fetching.pop(name, None)

    def _hear(self, name: str, lines: Iterable[str]) -> None:
        for line in lines:
            report = json.loads(line)
            if "problem" in report:
                self._problems[name] = report["problem"]
            else:
                self._fetching[name] = min(1.0, report["fetched"])

    def _answer(self, *words: str) -> str:
        found = subprocess.run(command(*words), capture_output=True, env=child_environment({}), text=True, check=False)
        if found.returncode:
            raise ModelMissing("The depth models could not be looked at.", hint=found.stderr.strip().rpartition("\n")[2] or None)
        return found.stdout


def command(*words: str) -> list[str]:
    """A command of stereo-inference."""
    return [sys.executable, "-m", f"{MODULE}.main", *words]
