"""The one way in which this package compiles a function with numba."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import njit
from numba.core import config, event
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` to machine code that runs without the interpreter's lock and is cached on disk.

    Only for functions with a name of their own at module level: numba files its cache under the qualified name, so
    two closures of one name would be taken for each other. A function may call only compiled functions of its own
    folder: what is cached is out of date when any file of that is another (`OfItsFolder`). The cache lies
    beside the source, or in the user's cache folder where that is read-only; `NUMBA_CACHE_DIR` overrides both. Dividing by zero
    gives what IEEE 754 says and raises nothing, as in C: no loop that divides would be vectorised with the check.
    """
    with our_locators():
        return njit(cache=True, nogil=True, error_model="numpy")(function)


@contextlib.contextmanager
def our_locators() -> Iterator[None]:
    """For the length of a `with` block numba asks our classes where it caches what is decorated; it does so once for each function."""
    with _decorating:
        others = config.CACHE_LOCATOR_CLASSES  # type: ignore[attr-defined]  # numba makes its options while it is imported
        config.CACHE_LOCATOR_CLASSES = LOCATORS  # type: ignore[attr-defined]
        try:
            yield
        finally:
            config.CACHE_LOCATOR_CLASSES = others  # type: ignore[attr-defined]


_decorating = threading.Lock()  # modules may be imported by several threads at once


class OfItsFolder:
    """Where numba caches a function, and when that is out of date: when any source file of the function's folder is another.

    By itself numba looks at the function's own file only, and would go on serving what a caller was compiled to
    after something that it calls was changed.
    """

    _py_file: str

    def get_source_stamp(self) -> bytes:
        """What the files hold."""
        files = sorted(Path(self._py_file).parent.glob("*.py"))
        return stamp_of(tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache
def stamp_of(files: tuple[tuple[str, int, int], ...]) -> bytes:
    """A hash of the files' contents; their times and sizes say when it has to be made again."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        content = Path(path).read_bytes()
        digest.update(f"{Path(path).name} {len(content)}\n".encode() + content)
    return digest.digest()


class WhereTheUserSays(OfItsFolder, UserProvidedCacheLocator):
    """In `NUMBA_CACHE_DIR`."""


class BesideTheSource(OfItsFolder, InTreeCacheLocator):
    """In `__pycache__`."""


class InTheUsersCache(OfItsFolder, UserWideCacheLocator):
    """For all installations that cannot be written to."""


LOCATORS = ",".join(f"{__name__}.{one.__name__}" for one in (WhereTheUserSays, BesideTheSource, InTheUsersCache))
"""In the order in which numba asks them, and as it wants them: by name."""


class NotCompiled(Exception):
    """A function is not in the cache on disk."""


class Refusal(event.Listener):
    """Ends a compilation before it begins."""

    def on_start(self, event: event.Event) -> None:
        raise NotCompiled(event.data["dispatcher"].py_func.__qualname__)

    def on_end(self, event: event.Event) -> None:
        pass


@contextlib.contextmanager
def only_from_cache() -> Iterator[None]:
    """For the length of a `with` block compiled functions are loaded from the cache on disk; one that is not there raises NotCompiled."""
    with event.install_listener("numba:compile", Refusal()):
        yield
