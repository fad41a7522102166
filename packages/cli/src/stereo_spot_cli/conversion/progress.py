"""A progress bar that counts: for what is no job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stereo_spot_cli import output


@contextmanager
def counting(name: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Takes how many of `total` are done, and shows it on standard error unless `quiet`."""
    if quiet:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=output.console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)
