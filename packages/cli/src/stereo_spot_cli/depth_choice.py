"""Which depth a conversion uses: what a person asked for, and what is there."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS, ModelEntry
from stereo_inference.depth.model_store import ModelStore, NotFetched
from stereo_inference.iw3.installation import Installation
from stereo_inference.settings import Settings
from stereo_spot_cli import output
from stereo_spot_cli.conversion.progress import counting
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.words import size
from stereo_spot_media.sandbox import ChildLimits
from stereo_spot_shared.rendering import AUTO, BASIC, OWN_MODEL, Engine, RenderParams

MODEL_SHARE = 3
"""Memory of a loaded model and what it works with, for each byte of its file."""

IW3_BYTES = 3_000_000_000


def asked_for(text: str) -> dict[str, str | None]:
    """What `--depth` means: the name of an estimator, or the file or folder of a model. Wrong usage where it is neither."""
    if text in {AUTO, BASIC} or text in MODELS:
        return {"depth": text, "depth_model": None}
    path = Path(text).expanduser().absolute()
    if path.is_dir() or path.is_file():
        return {"depth": OWN_MODEL, "depth_model": str(path)}
    names = ", ".join(repr(name) for name in (AUTO, BASIC, *MODELS))
    raise typer.BadParameter(f"'{text}' is neither a file nor one of {names}.", param_hint="'--depth'")


def settled(params: RenderParams, *, quiet: bool) -> RenderParams:
    """The parameters with `auto` made into the name of what will be used, so that every worker uses the same.

    That is the default model if it is here or can be fetched, and otherwise `basic`, with one sentence that says so. CommandFailed for a
    model that was asked for by name and is not here; EngineUnavailable for another engine that is not.
    """
    if params.engine is Engine.IW3:
        Installation.of(Settings()).check(params.iw3)  # rather now than in every worker
        return params
    if params.depth_file or params.depth in {BASIC, OWN_MODEL}:
        return params
    store, entry = ModelStore(), MODELS[DEFAULT_MODEL if params.depth == AUTO else params.depth]
    if store.is_present(entry):
        return params.model_copy(update={"depth": entry.name})
    if params.depth != AUTO:
        raise CommandFailed(
            "model_missing", f"the depth model {entry.name} is not on this machine", hint=f"fetch it: stereo-spot models pull {entry.name}"
        )
    why = "it cannot be reached from here"
    if store.reachable(entry):
        output.note(f"depth: fetching {entry.name} ({size(entry.size)}, {entry.licence}), once")
        try:
            pull(store, entry, quiet=quiet)
        except NotFetched as error:
            why = error.message.rstrip(".")
        else:
            return params.model_copy(update={"depth": entry.name})
    output.note(
        f"depth: basic, a mild relief and no real depth, since {entry.name} is not here and {why}. "
        f"For real depth: stereo-spot models pull {entry.name}"
    )
    return params.model_copy(update={"depth": BASIC})


def pull(store: ModelStore, entry: ModelEntry, *, quiet: bool) -> Path:
    """Fetch a model, with a bar on the way. NotFetched where that does not work out."""
    with counting(f"{entry.name}, {size(entry.size)}", entry.size, quiet=quiet or not sys.stderr.isatty()) as show:
        return store.pull(entry, lambda here, _: show(here))


def model_bytes(params: RenderParams) -> int:
    """Memory that depth takes in each worker beyond `basic`, by the size of the model's file.

    Measured: 250 to 330 MB for the 99 MB of Depth Anything V2 Small; PyTorch, and so iw3, takes a gigabyte to start with.
    """
    if params.engine is Engine.IW3:
        return IW3_BYTES
    if params.depth in MODELS:
        return MODEL_SHARE * MODELS[params.depth].size
    if params.depth_model is not None:
        return MODEL_SHARE * sum(file.stat().st_size for file in files_of(Path(params.depth_model)))
    return 0


def files_of(model: Path) -> list[Path]:
    """What a model consists of."""
    return [file for file in model.rglob("*") if file.is_file()] if model.is_dir() else [model]


def rendering_limits() -> ChildLimits:
    """What a child process that loads models may use: as much as a rendering process."""
    return ChildLimits(address_space=Settings().render_address_space or None)


def models_dir() -> Path:
    """Where models lie."""
    return ModelStore().folder
