"""The one way in which this package compiles a function with numba."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from numba import njit
from numba.core import event

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` to machine code that runs without the interpreter's lock and is cached on disk.

    Only for functions with a name of their own at module level: numba files its cache under the qualified name, so
    two closures of one name would be taken for each other. A function may call only compiled functions of its own
    module: numba looks for changes in that one file, and would go on serving what it compiled before. The cache lies
    beside the source, or in the user's cache folder where that is read-only; `NUMBA_CACHE_DIR` overrides both. Dividing by zero
    gives what IEEE 754 says and raises nothing, as in C: no loop that divides would be vectorised with the check.
    """
    return njit(cache=True, nogil=True, error_model="numpy")(function)


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
