"""`stereo-spot --server URL convert`: send the video, follow the job, fetch its result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from stereo_spot_cli import output
from stereo_spot_cli.conversion.checks import publish
from stereo_spot_cli.conversion.display import Display, Tick, display
from stereo_spot_cli.conversion.order import Order
from stereo_spot_cli.conversion.summary import Seconds, Summary, in_words
from stereo_spot_cli.data_dir import DataDir, locked, open_data_dir
from stereo_spot_cli.demo import demo_video
from stereo_spot_cli.output import CommandFailed, Stopped, about_job
from stereo_spot_cli.remote.client import Client, connected
from stereo_spot_cli.remote.download import download, part_of
from stereo_spot_cli.remote.errors import Refused, Unreachable
from stereo_spot_cli.remote.identity import FileIdentity, UrlIdentity, find_or_make
from stereo_spot_cli.remote.tries import Tries
from stereo_spot_cli.remote.upload import SourceChanged, upload
from stereo_spot_cli.stopping import interruptible
from stereo_spot_shared.api.jobs import JobDetail, SegmentState
from stereo_spot_shared.ingest import name_in_url
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.progress import JobProgress
from stereo_spot_shared.rendering import AUTO, BASIC, Engine, RenderParams

GOES_ON = "stopped; the same command goes on from here"


def carry_out(source: Path | None, result: Path, params: RenderParams, *, url: str | None, overwrite: bool, as_json: bool) -> None:
    """Have `source`, or what the server fetches from `url` (neither: the demo clip), converted into `result`, and say what came of it."""
    place = open_data_dir(None)
    named = Path(name_in_url(url)) if url is not None else source or demo_video(place)
    order = Order(named, result, params, overwrite, workers=None, url=url)
    summary = convert(order, place, quiet=as_json)
    if as_json:
        output.emit(summary)
    else:
        for line in in_words(summary):
            output.say(line)


def convert(order: Order, data_dir: DataDir, *, quiet: bool) -> Summary:
    """Carry out an order at the server. However it ends early, the same order goes on from there."""
    started = time.monotonic()
    with interruptible(), stopping(GOES_ON), locked(data_dir, order.output), connected() as client:
        check_depth(client, order.params)
        job = find_or_make(client, UrlIdentity(order.url, order.params) if order.url else FileIdentity.of(order.source, order.params))
        finished_before = segments_done(job)
        with about_job(job.id), stopping(GOES_ON), display(order.source.name, quiet=quiet) as show:
            job = see_through(client, order, job, show)
            deliver(client, order, job, show)
    return summarise(job, order, segments_rendered=len(job.segments) - finished_before, total_seconds=time.monotonic() - started)


def see_through(client: Client, order: Order, job: JobDetail, show: Display) -> JobDetail:
    """Have the server do what is still to be done; returns the completed job."""
    if job.upload_url is not None:
        send(client, order, job, job.upload_url, show)
    elif job.status is JobStatus.FAILED:
        with suppress(Refused):  # somebody else was first; what has become of it is seen below
            client.retry(job.id)
    elif job.status is JobStatus.COMPLETED:
        return job
    cancel = f"`stereo-spot --server {client.address} jobs cancel {job.id}`"
    with stopping(f"stopped following; job {job.id} goes on at the server. The same command follows it again, {cancel} stops it"):
        job = follow(client, job.id, show)
    return ended_well(client, job)


def send(client: Client, order: Order, job: JobDetail, upload_url: str, show: Display) -> None:
    """Send the video. Of one that changes meanwhile nothing is converted."""
    try:
        upload(client, upload_url, order.source, job.source.bytes, show)
    except SourceChanged:
        client.cancel(job.id)
        raise


def follow(client: Client, job_id: str, show: Display) -> JobDetail:
    """Watch the job until it has ended, whatever way; a server that is away for a moment is waited for."""
    tick: Tick | None = None

    def waits(why: str) -> None:
        if tick is not None:
            show.update(Tick(tick.progress, None, None, waiting=why))

    tries = Tries(waits)
    while True:
        try:
            for job in client.events(job_id):
                tries.went_on()
                tick = tick_of(job)
                show.update(tick)
                if job.status.is_final:
                    return job
            tries.again_after(Unreachable(f"{client.address} stopped telling of the job"))
        except Unreachable as error:
            tries.again_after(error)
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise ended_elsewhere(job_id, JobStatus.DELETED) from error
            raise


def tick_of(job: JobDetail) -> Tick:
    """A job as the display shows it."""
    now = job.progress
    return Tick(
        JobProgress(job.status, now.fraction, now.frames_done, now.frames_total),
        now.frames_per_second,
        now.seconds_left,
        waiting=now.waiting,
    )


def ended_well(client: Client, job: JobDetail) -> JobDetail:
    """The job, if it is completed. Else its reason as an error."""
    if job.status is JobStatus.COMPLETED:
        return job
    if job.error is None or job.status is not JobStatus.FAILED:
        raise ended_elsewhere(job.id, job.status)
    where = f" (segment {job.error.segment_index})" if job.error.segment_index is not None else ""
    hint = " ".join(filter(None, [job.error.hint and output.sentence(job.error.hint), f"More of it: {client.address}{job.url}"]))
    raise CommandFailed(job.error.code, f"{job.error.message.rstrip('.')}{where}", hint=hint)


def ended_elsewhere(job_id: str, status: JobStatus) -> CommandFailed:
    """Somebody else put an end to the job."""
    return CommandFailed(status.value, f"the job {job_id} was {status.value} by somebody else", hint="the same command begins anew")


def deliver(client: Client, order: Order, job: JobDetail, show: Display) -> None:
    """Give the person the result: fetched beside the output's place, then named, whole or not at all."""
    if job.result is None or len(job.result.files) != len(order.places):
        raise CommandFailed("internal", f"the completed job {job.id} has no such result")
    parts = [part_of(place, job.id, file) for file, place in zip(job.result.files, order.places, strict=True)]
    for file, part in zip(job.result.files, parts, strict=True):
        download(client, file, part, show)
    publish(list(zip(parts, order.places, strict=True)), overwrite=order.overwrite)


def check_depth(client: Client, params: RenderParams) -> None:
    """CommandFailed for a depth model that was asked for by name and is not at the server: rather now than behind the upload.

    Where `auto` will come to `basic` there, one sentence says so.
    """
    if params.engine is Engine.IW3 or params.depth == BASIC:
        return
    known = client.models()  # none where the workers are other machines
    wanted = next((model for model in known if model.name == params.depth or (params.depth == AUTO and model.default)), None)
    if not known or (wanted is not None and wanted.present):
        return
    if params.depth == AUTO:
        missing = f", since {wanted.name} is not at {client.address}; its settings page fetches it" if wanted else ""
        output.note(f"depth: basic, a mild relief and no real depth{missing}")
        return
    there = ", ".join([AUTO, BASIC, *(model.name for model in known if model.present)])
    raise CommandFailed(
        "model_missing",
        f"the depth model {params.depth} is not at {client.address}",
        hint=f"its settings page fetches it; there are: {there}",
    )


def segments_done(job: JobDetail) -> int:
    """How many segments are rendered."""
    return sum(segment.state is SegmentState.DONE for segment in job.segments)


def summarise(job: JobDetail, order: Order, *, segments_rendered: int, total_seconds: float) -> Summary:
    """The summary of a completed job whose files are here."""
    if job.result is None or job.work is None:
        raise ValueError(f"job {job.id} is {job.status} and has no result")
    result, places = job.result, [str(place) for place in order.places]
    return Summary(
        job_id=job.id,
        status=job.status.value,
        output=places[0],
        right=places[1] if len(places) > 1 else None,
        layout=job.params.layout,
        width=result.width,
        height=result.height,
        frames=result.frames,
        segments=len(job.segments),
        segments_rendered=segments_rendered,
        left_out=result.left_out,
        depth=result.depth,
        lost=job.lost,
        warnings=result.warnings,
        seconds=Seconds(**job.work.model_dump(), total=round(total_seconds, 3)),
    )


@contextmanager
def stopping(words: str) -> Iterator[None]:
    """What is said where a person stops the command in this `with` block."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(words) from None
