"""The command `stereo-inference`."""

from __future__ import annotations

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


def main() -> None:
    """The entry point of the package."""
    app()


if __name__ == "__main__":
    main()
