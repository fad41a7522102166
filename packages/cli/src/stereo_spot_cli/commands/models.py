"""`stereo-spot models`: the depth models that are known, and those that are here."""

from __future__ import annotations

from typing import Annotated

import typer

from stereo_spot_cli import output
from stereo_spot_cli.commands.options import JsonOption

app = typer.Typer(no_args_is_help=True, help="Look at depth models and fetch them.")


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the depth models that are known by name.

    Licence, size, how fast they are, and whether they are here. Any other relative-depth model in the ONNX format works too, by its path:
    `--depth path/to/model.onnx`. Models lie in STEREO_SPOT_MODELS_DIR, or in a folder of your user data directory.

    Example:  stereo-spot models list
    """
    from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS
    from stereo_inference.depth.model_store import ModelStore
    from stereo_spot_cli.tables import models_table

    store = ModelStore()
    if as_json:
        known = [
            {**entry.model_dump(mode="json"), "present": store.is_present(entry), "default": entry.name == DEFAULT_MODEL}
            for entry in MODELS.values()
        ]
        output.emit({"folder": str(store.folder), "models": known})
    else:
        output.say(f"Depth models in {store.folder}:")
        output.show(models_table({entry: store.is_present(entry) for entry in MODELS.values()}))
        output.say(f"auto takes {DEFAULT_MODEL}. CC-BY-NC: not for commercial use. More of each: stereo-spot models list --json")


@app.command("pull")
def pull_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name; `stereo-spot models list` shows them.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept a licence that forbids commercial use; without it you are asked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch a depth model and check it.

    A download that was interrupted goes on where it stopped. A file that is not exactly the one that is known is refused.

    Examples:

      stereo-spot models pull depth-anything-v2-small

      stereo-spot models pull depth-anything-v2-large --accept-licence
    """
    from stereo_inference.depth.catalogue import MODELS
    from stereo_inference.depth.model_store import ModelStore
    from stereo_spot_cli.depth_choice import pull
    from stereo_spot_cli.words import size

    if name not in MODELS:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(map(repr, MODELS))}.", param_hint="'NAME'")
    entry, store = MODELS[name], ModelStore()
    if not entry.commercial and not accept_licence:
        output.note(f"{entry.name} is licensed under {entry.licence}: not for commercial use ({entry.page}).")
        if as_json or not output.is_interactive():
            raise output.CommandFailed("licence", f"the licence of {entry.name} was not accepted", hint="add --accept-licence")
        typer.confirm("Do you accept that?", abort=True, err=True)
    path = pull(store, entry, quiet=as_json)
    if as_json:
        output.emit({"name": entry.name, "path": str(path), "sha256": entry.sha256})
    else:
        output.say(f"{path}: {entry.name}, {size(path.stat().st_size)}, SHA-256 as expected")
