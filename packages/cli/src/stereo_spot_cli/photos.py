"""From the words of `stereo-spot image` to photographs that were converted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from stereo_inference.photo.convert import PhotoJob, PhotoReport, PhotoTask
from stereo_inference.photo.depth_file import DEPTH_SUFFIXES
from stereo_inference.photo.files import ALIASES, PhotoFormat
from stereo_spot_cli import output
from stereo_spot_cli.conversion.checks import check_input, check_place
from stereo_spot_cli.conversion.order import places_of
from stereo_spot_cli.conversion.progress import counting
from stereo_spot_cli.depth_choice import models_dir, rendering_limits, settled
from stereo_spot_cli.inspection import STALL_SECONDS
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.stopping import stop_requested
from stereo_spot_cli.workers import cores
from stereo_spot_media.sandbox import run_in_child
from stereo_spot_shared.base import Value
from stereo_spot_shared.comfort import comfort_warning
from stereo_spot_shared.naming import output_name
from stereo_spot_shared.rendering import BASIC, RenderParams

SEEN_IN_FOLDERS = {".avif", ".bmp", ".jpeg", ".jpg", ".jp2", ".png", ".tif", ".tiff", ".webp"}


HOLDS_BOTH = (PhotoFormat.MPO, PhotoFormat.JPS)
"""Formats that hold both views, whatever the layout."""


@dataclass(frozen=True)
class PhotoOrder:
    """What a person typed."""

    sources: tuple[Path, ...]
    result: Path | None
    extension: str | None
    depth_file: Path | None
    export: Path | None
    overwrite: bool


class PhotosSummary(Value):
    """What became of them all."""

    status: str
    photographs: tuple[PhotoReport, ...]
    warnings: tuple[str, ...]


def carry_out(order: PhotoOrder, params: RenderParams, *, as_json: bool) -> None:
    """Convert the photographs. CommandFailed, after all of them were tried, where some could not be converted."""
    params = settled(params, quiet=as_json) if order.depth_file is None else params.model_copy(update={"depth": BASIC})
    jobs = tuple(planned(order, params))
    reports: list[PhotoReport] = []
    quiet = as_json or len(jobs) == 1 or not sys.stderr.isatty()
    with stop_requested() as stop, counting("photographs", len(jobs), quiet=quiet) as show:

        def hear(answer: object) -> None:
            reports.append(PhotoReport.model_validate(answer))
            show(len(reports))
            if not as_json:
                say(reports[-1])

        run_in_child(
            "stereo_inference.photo.convert:convert_photos",
            PhotoTask(jobs=jobs, params=params, threads=cores(), models=models_dir()),
            returns=int,
            limits=rendering_limits(),
            on_progress=hear,
            should_stop=stop.is_set,
            stall_seconds=STALL_SECONDS,
        )
    warning = comfort_warning(params)
    failed = [report for report in reports if report.failed]
    if as_json:
        status = "failed" if failed else "completed"
        output.emit(PhotosSummary(status=status, photographs=tuple(reports), warnings=(warning,) if warning else ()))
    elif warning:
        output.say(f"warning: {warning}")
    if failed:
        raise typer.Exit(1)


def planned(order: PhotoOrder, params: RenderParams) -> Iterator[PhotoJob]:
    """What is to be done, checked as far as it can be before anything is read."""
    sources = list(found(order.sources))
    several = len(sources) > 1 or any(source.is_dir() for source in order.sources)
    if not sources:
        names = ", ".join(sorted(SEEN_IN_FOLDERS))
        raise CommandFailed("missing_source", "there is no photograph in there", hint=f"photographs end in {names}")
    places: set[Path] = set()
    for source in sources:
        wanted = target_of(source, order, params, several=several)
        kind = format_of(wanted)
        alone = (wanted,) if kind in HOLDS_BOTH else places_of(wanted, params)
        target, *right = (check_place(place, source=source, overwrite=order.overwrite) for place in alone)
        if target in places:
            raise CommandFailed("output_exists", f"two photographs would become {target}", hint="convert their folders one by one")
        places.add(target)
        export = export_of(source, order, several=several)
        if export is not None:
            check_place(export, source=source, overwrite=order.overwrite)
        yield PhotoJob(
            source=source,
            output=target,
            right=right[0] if right else None,
            format=kind,
            depth=depth_of(source, order, several=several),
            export=export,
        )


def found(sources: tuple[Path, ...]) -> Iterator[Path]:
    """The photographs that files and folders stand for; folders are not searched below their first level."""
    for source in sources:
        path = source.expanduser().absolute()
        if path.is_dir():
            yield from sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SEEN_IN_FOLDERS and entry.is_file())
        else:
            yield check_input(path)


def target_of(source: Path, order: PhotoOrder, params: RenderParams, *, several: bool) -> Path:
    """Where the result of a photograph goes."""
    if order.result is not None and not several and not order.result.is_dir():
        return order.result
    own = source.suffix.lower().removeprefix(".")
    extension = order.extension or (own if own in {*PhotoFormat, *ALIASES} - {*HOLDS_BOTH} else "png")
    folder = (order.result or Path.cwd()).expanduser().absolute()
    made_here(folder)
    if extension in HOLDS_BOTH:
        return folder / f"{source.stem}_3D.{extension}"
    return folder / output_name(source.stem, params, extension)


def made_here(folder: Path) -> None:
    """Make a folder for results, if it is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise CommandFailed("output_not_writable", f"the folder {folder} cannot be made: {error.strerror or error}") from error


def format_of(target: Path) -> PhotoFormat:
    """The format that a file's extension names."""
    extension = target.suffix.lower().removeprefix(".")
    try:
        return ALIASES.get(extension) or PhotoFormat(extension)
    except ValueError:
        known = ", ".join(f".{kind}" for kind in PhotoFormat)
        raise CommandFailed("unknown_format", f"the output {target.name} must end in one of {known}") from None


def depth_of(source: Path, order: PhotoOrder, *, several: bool) -> Path | None:
    """The file with a photograph's depth, if there is to be one."""
    if order.depth_file is None:
        return None
    given = order.depth_file.expanduser().absolute()
    if not several and not given.is_dir():
        return check_input(given)
    for suffix in DEPTH_SUFFIXES:
        if (path := given / f"{source.stem}{suffix}").is_file():
            return path
    raise CommandFailed("missing_source", f"{given} holds no depth for {source.name}", hint=f"it would be called {source.stem}.png or .npy")


def export_of(source: Path, order: PhotoOrder, *, several: bool) -> Path | None:
    """Where a photograph's depth is to be written, if it is."""
    if order.export is None:
        return None
    path = order.export.expanduser().absolute()
    if several or path.is_dir():
        made_here(path)
        return path / f"{source.stem}.png"
    if path.suffix.lower() not in DEPTH_SUFFIXES:
        raise CommandFailed("unknown_format", f"{path.name} must end in .npy or .png to hold depth")
    return path


def say(report: PhotoReport) -> None:
    """A line for one photograph."""
    if report.failed is not None:
        output.note(f"{report.source.name}: {report.failed}{f' {report.hint}' if report.hint else ''}")
    else:
        output.say(f"{report.output}: {report.width}×{report.height}, depth “{report.depth}”")
