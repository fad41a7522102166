"""The command `stereo-inference`."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from stereo_inference.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Turns segments of 2D video into stereoscopic 3D.")


@app.callback()
def stereo_inference() -> None:
    """Turns segments of 2D video into stereoscopic 3D."""


@app.command()
def worker(
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads for one segment (STEREO_SPOT_RENDER_THREADS; otherwise every core)."),
    ] = None,
) -> None:
    """Serve render requests: one JSON object a line on standard input, answers in lines on standard output."""
    from stereo_spot_media.sandbox import ChildLimits, apply_limits

    settings = Settings()
    limits = ChildLimits(address_space=settings.render_address_space or None, network=settings.render_network)
    applied = apply_limits(limits, parent=os.getppid())

    from stereo_inference.child import serve  # only now: it brings libraries that parse hostile input

    serve(threads=threads or settings.render_threads, applied=applied)


@app.command()
def settings() -> None:
    """Print what a process that renders needs to be told, as JSON: where models lie, and how much memory it may map."""
    from stereo_inference.depth.model_store import ModelStore

    typer.echo(json.dumps({"models_dir": str(ModelStore().folder), "address_space": Settings().render_address_space}))


@app.command()
def models() -> None:
    """Print the depth models that are known by name, as JSON."""
    from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS
    from stereo_inference.depth.model_store import ModelStore

    store = ModelStore()
    known = [
        {
            "name": entry.name,
            "about": entry.about,
            "bytes": entry.size,
            "licence": entry.licence,
            "commercial": entry.commercial,
            "page": entry.page,
            "speed": entry.speed,
            "present": store.is_present(entry),
            "default": entry.name == DEFAULT_MODEL,
        }
        for entry in MODELS.values()
    ]
    typer.echo(json.dumps(known))


@app.command()
def pull(name: Annotated[str, typer.Argument(help="The model's name.")]) -> None:
    """Fetch a depth model; prints lines of JSON on the way, `{"fetched": share}`, or at last `{"problem": why}`."""
    from stereo_inference.depth.catalogue import MODELS
    from stereo_inference.depth.model_store import ModelStore, NotFetched

    entry = MODELS.get(name)
    if entry is None:
        raise typer.BadParameter(f"there is no model {name}")
    try:
        ModelStore().pull(entry, lambda here, whole: typer.echo(json.dumps({"fetched": here / (whole or entry.size)})))
    except NotFetched as error:
        typer.echo(json.dumps({"problem": error.message}))
        raise typer.Exit(1) from error


def main() -> None:
    """The entry point of the package."""
    app()


if __name__ == "__main__":
    main()
