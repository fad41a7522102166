"""Where depth models lie on this machine, and how they come there: fetched once, checked against their hash whenever they are loaded.

There is one folder, `<models>/<name>/<file>`; put into an image, it may be read-only. What lies there is used only if it has the hash of
the catalogue, whoever put it there.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from stereo_inference.depth.catalogue import ModelEntry
from stereo_inference.settings import Settings
from stereo_spot_shared.errors import ModelMissing, StereoSpotError

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

REACH_SECONDS = 5.0
"""How long it may take to find out that there is no network."""

BLOCK = 1 << 20

Progress = Callable[[int, int], None]
"""Hears the bytes that are here, and all of them."""


class NotFetched(StereoSpotError):
    """A model could not be fetched: no network, no room, or not the file that it should be."""

    code = "model_not_fetched"


class ModelStore:
    """The models in one folder. It touches the network in `reachable` and `pull` only."""

    def __init__(self, folder: Path | None = None, *, offline: bool | None = None) -> None:
        settings = Settings()
        self.folder = folder or settings.models_dir
        self._offline = settings.offline if offline is None else offline

    def path(self, entry: ModelEntry) -> Path:
        """Where the model lies, or would."""
        return self.folder / entry.name / Path(entry.file).name

    def is_present(self, entry: ModelEntry) -> bool:
        """Whether a file is there; whether it is the right one is found out when it is loaded."""
        return self.path(entry).is_file()

    def verified(self, entry: ModelEntry) -> Path:
        """The path of a model that is there and is what it should be. ModelMissing otherwise, with what to do."""
        path = self.path(entry)
        if not path.is_file():
            raise ModelMissing(
                f"The depth model {entry.name} is not on this machine.",
                hint=f"Fetch it with `stereo-spot models pull {entry.name}`, or put its file at {path}.",
            )
        found = sha256_of(path)
        if found != entry.sha256:
            raise ModelMissing(
                f"The depth model at {path} is not the file that it should be (SHA-256 {found}, expected {entry.sha256}).",
                hint=f"It may be damaged, or somebody changed it. Delete it, and fetch it with `stereo-spot models pull {entry.name}`.",
            )
        return path

    def reachable(self, entry: ModelEntry) -> bool:
        """Whether the model could be fetched now, found out within REACH_SECONDS, whatever the network does."""
        if self._offline:
            return False
        try:
            located(entry)
        except NotFetched:
            return False
        return True

    def pull(self, entry: ModelEntry, on_progress: Progress = lambda _here, _all: None) -> Path:
        """Fetch the model; one that is there already and right is left alone. What was fetched before an interruption is kept.

        NotFetched where that does not work out, and where the file is not the one that the catalogue knows: then it is deleted.
        """
        path = self.path(entry)
        if path.is_file() and sha256_of(path) == entry.sha256:
            return path
        if self._offline:
            raise NotFetched(f"The depth model {entry.name} cannot be fetched offline.", hint="STEREO_SPOT_OFFLINE is set.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):  # somebody else may be fetching the same one
                part = path.with_suffix(".part")
                fetch(entry, part, on_progress)
                found = sha256_of(part)
                if found != entry.sha256:
                    part.unlink()
                    raise NotFetched(
                        f"What {entry.repository} gives for {entry.name} is another file than expected "
                        f"(SHA-256 {found}, expected {entry.sha256}). It was deleted.",
                        hint="Something on the way changes downloads, or the catalogue of this version is wrong: please report it.",
                    )
                part.replace(path)
        except OSError as error:
            raise NotFetched(f"The depth model {entry.name} cannot be written to {self.folder}: {error.strerror or error}.") from error
        return path


def fetch(entry: ModelEntry, part: Path, on_progress: Progress) -> None:
    """Download the file of an entry, at its revision, into `part`, behind what is there already. NotFetched where that fails.

    By the two steps that the hub's library downloads with; its own `hf_hub_download` begins anew in every process.
    """
    from huggingface_hub.file_download import http_get

    address, size = located(entry)
    with part.open("ab") as file:
        if file.tell() > size:  # it is of another file
            file.seek(0)
            file.truncate()
        try:
            bar = heard_by(on_progress, size)
            http_get(address, file, resume_size=file.tell(), expected_size=size, tqdm_class=bar)
        except OSError as error:
            if error.errno is not None:  # the disk's fault, not the network's
                raise
            raise not_fetched(entry, error) from error
        except Exception as error:
            raise not_fetched(entry, error) from error


def located(entry: ModelEntry) -> tuple[str, int]:
    """The address that gives the file of an entry now, and its size in bytes. NotFetched where no answer comes within REACH_SECONDS."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = entry.url or hf_hub_url(entry.repository, entry.file, revision=entry.revision)
    answers: SimpleQueue[HfFileMetadata | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(get_hf_file_metadata(url, token=False, timeout=REACH_SECONDS))
        except Exception as error:  # noqa: BLE001 - whatever is wrong, it is told to whoever waits
            answers.put(error)

    # Looking up a name knows no deadline: a thread of its own may wait for it longer than anybody else does.
    threading.Thread(target=ask, name="model-hub", daemon=True).start()
    try:
        answer = answers.get(timeout=REACH_SECONDS)
    except Empty:
        answer = TimeoutError(f"no answer within {REACH_SECONDS:g} seconds")
    if isinstance(answer, Exception):
        raise not_fetched(entry, answer) from answer
    return answer.location, answer.size or entry.size


def not_fetched(entry: ModelEntry, error: Exception) -> NotFetched:
    """Why a download failed, in one sentence."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return NotFetched(
        f"The depth model {entry.name} could not be fetched from {entry.repository}: {first.rstrip('.')}.",
        hint="What was fetched is kept: the same command goes on from there. Without a network, put its file into the folder of models.",
    )


def heard_by(on_progress: Progress, size: int) -> type[Any]:
    """A progress bar for the hub's library that shows nothing, and tells `on_progress` instead."""
    from tqdm import tqdm

    class Heard(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            wanted = {key: value for key, value in kwargs.items() if key != "name"}
            super().__init__(*args, **wanted | {"disable": False, "file": StringIO()})
            on_progress(int(self.n), int(self.total or size))

        def update(self, n: float | None = 1) -> None:
            super().update(n)
            on_progress(int(self.n), int(self.total or size))

    return Heard


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
