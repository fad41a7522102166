"""Where words go: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import BaseModel

from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.jobs import JobError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Stopped(Exception):
    """A person asked to stop (Ctrl-C, SIGTERM). The command ends with status 130 and this sentence."""


class CommandFailed(StereoSpotError):
    """What a command found wrong itself: `code` is given with it, since each refusal has its own."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = code


class Unfinished(Exception):
    """A conversion ended early, by its `__cause__`, after there was a job, which the same command goes on with."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


@contextmanager
def about_job(job_id: str) -> Iterator[None]:
    """Whatever fails in the `with` block has to do with this job."""
    try:
        yield
    except (StereoSpotError, Stopped) as error:
        raise Unfinished(job_id) from error


def say(text: str) -> None:
    """A result, for a person."""
    typer.echo(text)


def note(text: str) -> None:
    """Something worth knowing that is not the result."""
    typer.echo(text, err=True)


def emit(value: BaseModel | dict[str, Any] | list[Any]) -> None:
    """The one JSON object of `--json`."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))


def is_interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def console(*, stderr: bool = False) -> Console:
    """A rich console that neither marks up nor colours what it is not told to."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def show(table: RenderableType) -> None:
    """A table on standard output. Where that is no terminal, lines are as long as they need to be."""
    out = console()
    if not out.is_terminal:
        out.width = max(200, out.width)
    out.print(table)


def failure(error: StereoSpotError) -> dict[str, str | None]:
    """An error as the `error` of a JSON answer."""
    code = error.reason if isinstance(error, CommandFailed) else error.code
    return {"code": code, "message": error.message, "hint": error.hint}


def job_failure(error: JobError, logs: Path) -> CommandFailed:
    """What the pipeline wrote on a failed job, as this command's own failure."""
    where = f" (segment {error.segment_index})" if error.segment_index is not None else ""
    hint = " ".join(filter(None, [error.hint and sentence(error.hint), f"The logs of the workers are in {logs}."]))
    return CommandFailed(error.code, f"{error.message.rstrip('.')}{where}", hint=hint)


def report(error: StereoSpotError) -> None:
    """A failure, in one sentence and, where there is one, what to do about it."""
    note(f"stereo-spot: {sentence(error.message)}")
    if error.hint:
        note(f"  {error.hint[:1].upper()}{error.hint[1:]}")


def sentence(text: str) -> str:
    """`text` on one line, ended by a full stop."""
    joined = " ".join(text.split())
    return joined if joined.endswith((".", "!", "?")) else f"{joined}."
