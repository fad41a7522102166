"""Ctrl-C, SIGTERM and a closed terminal: as a flag that loops look at, or as KeyboardInterrupt wherever the process is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

KINDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """An event that is set when this process is asked to stop, for the length of a `with` block."""
    asked = threading.Event()
    before = {kind: signal.signal(kind, lambda *_: asked.set()) for kind in KINDS}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """For the length of a `with` block all of them raise KeyboardInterrupt: for what waits in system calls and may end anywhere."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {kind: signal.signal(kind, interrupt) for kind in KINDS}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
