"""From the words of a command line to a conversion, and from its result to words again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stereo_inference.output import output_format
from stereo_inference.video_io.encoders import encoder_of
from stereo_inference.video_io.hardware import best_encoder
from stereo_spot_cli import output
from stereo_spot_cli.conversion.display import display
from stereo_spot_cli.conversion.fetching import with_file
from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.run import convert_file
from stereo_spot_cli.conversion.summary import Summary, in_words
from stereo_spot_cli.data_dir import DataDir, lock_name, locked, open_data_dir
from stereo_spot_cli.demo import demo_video
from stereo_spot_cli.depth_choice import model_bytes, settled
from stereo_spot_cli.estimates import Size, check_space, output_bytes, render_seconds, weight
from stereo_spot_cli.inspection import frames_of, inspect, segments_of
from stereo_spot_cli.platform import opened
from stereo_spot_cli.queues import use_queue_group
from stereo_spot_cli.records import read_records
from stereo_spot_cli.settings import export
from stereo_spot_cli.stopping import stop_requested
from stereo_spot_cli.workers import choose_workers
from stereo_spot_shared.ingest import name_in_url
from stereo_spot_shared.manifest import VideoStream
from stereo_spot_shared.rendering import RenderParams


def carry_out(
    source: Path | None,
    result: Path,
    params: RenderParams,
    *,
    url: str | None = None,
    choose_encoder: bool,
    workers: int | None,
    overwrite: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Convert `source` (None: the demo clip), or what is under `url`, into `result`, all checked, and say what came of it."""
    params = settled(params, quiet=as_json)
    place = open_data_dir(data_dir)
    if url is not None:
        source = Path(name_in_url(url))
    order = Order(source or demo_video(place), result, params, overwrite, workers, choose_encoder, url)
    summary = convert(order, place, quiet=as_json)
    if as_json:
        output.emit(summary)
    else:
        for line in in_words(summary):
            output.say(line)


def convert(order: Order, data_dir: DataDir, *, quiet: bool) -> Summary:
    """Carry out an order on the embedded platform, with workers of its own."""
    export({"STORAGE_ADAPTER": "local", "STEREO_SPOT_LOG_FORMAT": "json"})
    use_queue_group(lock_name(order.output))
    with stop_requested() as stop, locked(data_dir, order.output), with_file(order, data_dir, stop=stop, quiet=quiet) as with_video:
        return convert_video(with_video, data_dir, stop=stop, quiet=quiet)


def convert_video(order: Order, data_dir: DataDir, *, stop: threading.Event, quiet: bool) -> Summary:
    """The same for an order whose video is a file."""
    seen = inspect(order.source, stop.is_set, hardware=order.choose_encoder)
    info = seen.source
    order = with_encoder(order, info.video, seen.hardware)
    video = Size(info.bytes, info.video.width, info.video.height, frames_of(info))
    workers = choose_workers(
        order.workers,
        segments=segments_of(info, order.params),
        pixels=weight(video, order.params),
        codec=order.params.codec,
        model_bytes=model_bytes(order.params),
    )
    with opened(data_dir.root) as platform, display(order.source.name, quiet=quiet) as show:
        records = list(read_records(platform))
        check_space(order.source, order.output, data_dir.root, rendered=output_bytes(records, video, order.params))

        def expected_seconds(frames: int) -> float | None:
            return render_seconds(records, video, order.params, frames=frames, workers=workers)

        return convert_file(order, platform, data_dir, workers=workers, stop=stop, show=show, expected_seconds=expected_seconds)


def with_encoder(order: Order, video: VideoStream, hardware: Sequence[str]) -> Order:
    """The order with the encoder that suits it, if it leaves that open. UnsupportedMedia where what it asks for cannot be encoded."""
    output = output_format(order.params, video)
    encoder = best_encoder(output, hardware) if order.choose_encoder else order.params.encoder
    encoder_of(replace(output, encoder=encoder))
    return replace(order, params=order.params.model_copy(update={"encoder": encoder}))
