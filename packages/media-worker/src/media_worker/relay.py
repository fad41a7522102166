"""Handing rendered segments to the joining child one by one, so that only a few lie on the disk at a time.

The child has no network and no credentials, so the worker fetches ahead of it: a segment appears whole in a folder that
both know, and the child removes it when it has been read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stereo_spot_shared.errors import NotFound, StereoSpotError, VerificationFailed
from stereo_spot_shared.interfaces import ObjectStorage

AHEAD = 4
"""Segments that lie in the folder at most."""

_POLL_SECONDS = 0.01


class SegmentRelay:
    """The worker's side: fetches the objects `keys` in order, for the length of a `with` block."""

    def __init__(self, storage: ObjectStorage, keys: Sequence[str], directory: Path) -> None:
        self._storage = storage
        self._keys = keys
        self._directory = directory
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fetch_all, name="segment-relay", daemon=True)
        self.error: StereoSpotError | None = None
        """Why no more segments come; None while all is well."""

    def __enter__(self) -> Self:
        self._directory.mkdir()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def failed(self) -> bool:
        """Whether the child waits in vain."""
        return self.error is not None

    def _fetch_all(self) -> None:
        for index, key in enumerate(self._keys):
            while sum(1 for _ in self._directory.iterdir()) >= AHEAD:
                if self._stop.wait(_POLL_SECONDS):
                    return
            if self._stop.is_set():
                return
            try:
                self._storage.get_file(key, self._directory / _name(index))
            except NotFound:
                self.error = VerificationFailed(f"The rendered segment {index} is no longer in storage.", hint="Submit the video again.")
            except StereoSpotError as error:
                self.error = error
            if self.error is not None:
                return


def arriving_segments(directory: Path, count: int) -> Iterator[Path]:
    """The child's side: the segments in order, each removed when the next one is asked for."""
    for index in range(count):
        path = directory / _name(index)
        while not path.exists():
            time.sleep(_POLL_SECONDS)
        yield path
        path.unlink()


def _name(index: int) -> str:
    return f"{index:06d}.nut"
