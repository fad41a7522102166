"""`stereo-spot cost`: what a conversion costs in the cloud, term by term."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stereo_spot_cli.commands.options import JsonOption
from stereo_spot_shared.cost import RESOLUTIONS
from stereo_spot_shared.prices import PRICES

Backend = StrEnum("Backend", list(PRICES.machines))  # type: ignore[misc]  # the table says which there are
Resolution = StrEnum("Resolution", list(RESOLUTIONS))  # type: ignore[misc]
FULL_HD, USUAL = Resolution("1080p"), Backend("gpu_spot")


def cost(  # noqa: PLR0917 - typer makes options of parameters
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, max=100_000, help="Length of the video.")] = 60.0,
    resolution: Annotated[Resolution, typer.Option("--resolution", help="Of the source.")] = FULL_HD,
    backend: Annotated[Backend, typer.Option("--backend", help="Where segments are rendered.")] = USUAL,
    frame_rate: Annotated[float, typer.Option("--frame-rate", min=1, max=1000, help="Of the source.")] = 24.0,
    workers: Annotated[int, typer.Option("--workers", min=1, max=1000, help="Machines that render it at the same time.")] = 1,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed", min=0.01, max=100_000, metavar="FPS", help="Frames that one of them renders in a second, where you know it."
        ),
    ] = None,
    keep_days: Annotated[float, typer.Option("--keep-days", min=0, max=36_500, help="How long source and result are stored.")] = 30.0,
    downloads: Annotated[float, typer.Option("--downloads", min=0, max=1e9, help="How often the result is fetched or watched.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Say what a conversion costs on AWS, in US dollars for each hour of video, with every term.

    Speeds were not measured on these machines: give --speed where you know better. Prices are those of one table with a date.

    Example:  stereo-spot cost --minutes 120 --resolution 1080p --backend gpu_spot
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.prices import cost_table
    from stereo_spot_shared.cost import Order, idle_day
    from stereo_spot_shared.cost import cost as cost_of
    from stereo_spot_shared.pipeline import STAGES

    width, height = RESOLUTIONS[resolution.value]
    order = Order(
        minutes=minutes,
        width=width,
        height=height,
        frame_rate=frame_rate,
        backend=backend.value,
        workers=workers,
        speed=speed,
        keep_days=keep_days,
        downloads=downloads,
    )
    found = cost_of(order, PRICES)
    queues = len(STAGES) + 1  # and that of what arrives in the bucket
    idle = idle_day(PRICES, pages=False, queues=queues, pulled=queues)
    hours = minutes / 60
    if as_json:
        terms = {name: value / hours for name, value in found.model_dump().items()}
        assumed = None if speed else PRICES.machines[order.backend].speed_is_from
        output.emit(
            {
                "order": order.model_dump(mode="json"),
                "prices_as_of": PRICES.as_of.isoformat(),
                "dollars_per_video_hour": {**terms, "total": found.total / hours},
                "dollars": found.total,
                "idle_day": {**idle.model_dump(), "total": idle.total},
                "speed_is_assumed": assumed,
            }
        )
    else:
        output.show(cost_table(order, found, idle))
