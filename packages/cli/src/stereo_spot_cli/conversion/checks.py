"""What is found wrong before anything is started: the paths that a person gave."""

from __future__ import annotations

import os
import re
import shlex
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from stereo_spot_cli.conversion.order import places_of
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.settings import CliSettings
from stereo_spot_shared.ingest import IngestPolicy, checked_url
from stereo_spot_shared.rendering import AUTO, Container, RenderParams

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def check_input(path: Path) -> Path:
    """The absolute path of a file that can be read; CommandFailed for anything else."""
    path = path.expanduser().absolute()
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise CommandFailed("not_a_file", f"{path} is a directory", hint="name one video; for several, run the command once for each")
        if not stat.S_ISREG(mode):
            raise CommandFailed("not_a_file", f"{path} is not a regular file", hint="save it as a file first")
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise CommandFailed("missing_source", f"{path} does not exist", hint="check the path for a typing error") from None
    except OSError as error:
        raise CommandFailed(
            "unreadable_source", f"{path} cannot be read: {error.strerror or error}", hint="check who may read it"
        ) from error
    return path


def is_url(text: str) -> bool:
    """Whether somebody means a URL, of whatever kind, and not a file."""
    return URL.match(text) is not None


def check_url(text: str) -> str:
    """A URL that may be fetched; SourceRefused for any other."""
    return checked_url(text, ingest_policy())


def ingest_policy() -> IngestPolicy:
    """Where a person at the command line may fetch from; they choose the URL, so http is theirs to trust, but not where it leads inside."""
    return CliSettings().ingest or IngestPolicy.HTTP


def check_depth_file(path: Path) -> Path:
    """The absolute path of depth for a video: a file that can be read, or a folder."""
    path = path.expanduser().absolute()
    return path if path.is_dir() else check_input(path)


def container_of(output: Path) -> Container:
    """The container that an output's extension names; CommandFailed where it names none."""
    try:
        return Container(output.suffix.removeprefix(".").lower())
    except ValueError:
        known = ", ".join(f".{container}" for container in Container)
        raise CommandFailed(
            "unknown_container",
            f"the output {output} must end in one of {known}",
            hint=f"for example --output {shlex.quote(output.with_suffix('.mp4').name)}",
        ) from None


def render_params(look: Mapping[str, Any], output: Path | None) -> RenderParams:
    """The parameters of the job, in the container that the output's name asks for. Wrong usage where they are none that a job can have."""
    container = RenderParams().container if output is None else container_of(output)
    look = {**look, "convergence": number_or_auto(str(look["convergence"]))}
    try:
        return RenderParams(container=container, **look)
    except ValidationError as error:
        first = error.errors()[0]
        place = f"{first['loc'][0]}: " if first["loc"] else ""
        raise typer.BadParameter(f"{place}{first['msg'].removeprefix('Value error, ')}") from None


def number_or_auto(text: str) -> float | str:
    """A convergence as it was typed. Wrong usage where it is neither."""
    try:
        return text if text == AUTO else float(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is neither a number from 0 to 1 nor {AUTO}.", param_hint="'--convergence'") from None


def check_output(path: Path, *, source: Path | None, overwrite: bool, params: RenderParams) -> Path:
    """The absolute path of an output that can be written; CommandFailed for anything else. Leaves nothing behind."""
    container_of(path)
    for place in places_of(path, params):
        check_place(place, source=source, overwrite=overwrite)
    return path.expanduser().absolute()


def check_place(path: Path, *, source: Path | None, overwrite: bool) -> Path:
    """The same for a file of any kind."""
    path = path.expanduser().absolute()
    try:
        status = path.lstat()  # of a symbolic link itself: a result takes the place of the link, never of what it names
    except (FileNotFoundError, NotADirectoryError):
        status = None
    except OSError as error:
        raise CommandFailed(
            "output_not_writable", f"{path} cannot be written: {error.strerror or error}", hint="choose another output"
        ) from error
    if path.is_dir():
        raise CommandFailed("output_not_writable", f"the output {path} is a directory", hint="name a file in it")
    if status is not None:
        if source is not None and path.exists() and path.samefile(source):
            raise CommandFailed("output_is_input", f"input and output are the same file: {path}", hint="choose another output")
        if not overwrite:
            raise CommandFailed("output_exists", f"{path} exists already", hint="choose another output, or add --overwrite to replace it")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        nowhere = isinstance(error, FileNotFoundError)
        if nowhere and not path.parent.is_dir():
            make_it = f"make it first: mkdir -p {shlex.quote(str(path.parent))}"
            raise CommandFailed("output_not_writable", f"the directory {path.parent} does not exist", hint=make_it) from None
        reason = "no files can be made there" if nowhere else error.strerror or error  # in /proc, for one
        raise CommandFailed(
            "output_not_writable", f"nothing can be written in {path.parent}: {reason}", hint="choose another output"
        ) from error
    return path


def publish(files: Sequence[tuple[Path, Path]], *, overwrite: bool) -> None:
    """Give finished files their names, each whole or not at all; without `overwrite` none takes the place of another.

    Durable once it returns: what is renamed, and the names themselves, are on the disk. What takes long comes before the first name.
    """
    mask = os.umask(0)
    os.umask(mask)
    for temporary, _ in files:
        temporary.chmod(0o666 & ~mask)
        synchronise(temporary)
    for temporary, output in files:
        _name(temporary, output, overwrite=overwrite)
    for folder in {output.parent for _, output in files}:
        synchronise(folder)


def _name(temporary: Path, output: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(output)
        return
    try:
        os.link(temporary, output)
    except FileExistsError:
        raise CommandFailed(
            "output_exists", f"{output} was made by somebody else meanwhile", hint="the same command with --overwrite replaces it"
        ) from None
    except OSError:  # a file system without links: look, then rename
        if output.exists():
            raise CommandFailed("output_exists", f"{output} was made by somebody else meanwhile") from None
        temporary.rename(output)
    else:
        temporary.unlink()


def synchronise(path: Path) -> None:
    """Have the system write a file or a directory to its disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
