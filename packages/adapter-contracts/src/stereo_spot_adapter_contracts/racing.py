"""Several real processes at once on one backend."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing.synchronize import Barrier
from typing import TypeVar

RACERS = 4
_START_SECONDS = 60.0

Client = TypeVar("Client")
Result = TypeVar("Result")

Recipe = Callable[[], Client]
"""How to open one more independent client of a backend. Picklable, so that it opens one in another process too."""


def race(task: Callable[[Client, int], Result], recipe: Recipe[Client]) -> list[Result]:
    """Run `task(client, number)` in RACERS processes that start together; what each returned, by number.

    `task` is a function of a module (or a `functools.partial` of one), since it travels to other processes.
    """
    futures = [_processes().submit(_take_part, task, recipe, number) for number in range(RACERS)]
    return [future.result() for future in futures]


@cache
def _processes() -> ProcessPoolExecutor:
    """Started once: a fresh interpreter for each (`spawn`), so that nothing is inherited that a real worker would not have."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(RACERS, mp_context=context, initializer=_prepare, initargs=(context.Barrier(RACERS),))


_start: Barrier


def _prepare(start: Barrier) -> None:
    global _start  # noqa: PLW0603  # a barrier can only be handed over when a process starts
    _start = start


def _take_part(task: Callable[[Client, int], Result], recipe: Recipe[Client], number: int) -> Result:
    client = recipe()
    _start.wait(_START_SECONDS)
    return task(client, number)
