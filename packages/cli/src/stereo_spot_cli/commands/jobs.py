"""`stereo-spot jobs`: look at jobs and act on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stereo_spot_cli import output
from stereo_spot_cli.commands.options import DataDirOption, JsonOption
from stereo_spot_cli.platform import opened
from stereo_spot_cli.remote.address import is_remote, refuse_local_options
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.jobs import Job, JobStatus

if TYPE_CHECKING:
    from stereo_spot_shared.interfaces import Platform

app = typer.Typer(no_args_is_help=True, help="Look at jobs and act on them, here or (`stereo-spot --server URL jobs …`) at a server.")

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or enough of its beginning to tell it from others.")]


@app.command("list")
def list_jobs(
    status: Annotated[list[JobStatus] | None, typer.Option("--status", help="Only jobs of this status; may be repeated.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, newest first.")] = 50,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first.

    Example:  stereo-spot jobs list --status failed
    """
    if is_remote():
        from stereo_spot_cli.remote import jobs as remote

        refuse_local_options(data_dir=data_dir)
        remote.list_jobs(status or (), limit, as_json=as_json)
        return
    from stereo_spot_cli.tables import jobs_table

    with opened(data_dir) as platform:
        jobs = take(platform, limit, statuses=frozenset(status) if status else None)
        if as_json:
            output.emit({"jobs": [without_secret(job).model_dump(mode="json") for job in jobs]})
        elif not jobs:
            output.say("There are no jobs.")
        else:
            output.show(jobs_table(jobs, platform))


@app.command()
def show(job: JobArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show one job.

    How far it is, who works on it, what came of it.

    Example:  stereo-spot jobs show 3f2a
    """
    if is_remote():
        from stereo_spot_cli.remote import jobs as remote

        refuse_local_options(data_dir=data_dir)
        remote.show(job, as_json=as_json)
        return
    from stereo_spot_cli.tables import job_details

    with opened(data_dir) as platform:
        found = find(platform, job)
        if as_json:
            output.emit(without_secret(found))
        else:
            output.show(job_details(found, platform))


@app.command()
def retry(job: JobArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Let a failed job go on.

    Its finished segments are kept.

    Example:  stereo-spot jobs retry 3f2a
    """
    act("retry", job, data_dir, "goes on as soon as a worker is free", as_json=as_json)


@app.command()
def cancel(job: JobArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Stop a job for good.

    What it holds is freed.

    Example:  stereo-spot jobs cancel 3f2a
    """
    act("cancel", job, data_dir, "is cancelled", as_json=as_json)


@app.command()
def delete(job: JobArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Delete a job and all that it holds.

    Outputs that were delivered stay.

    Example:  stereo-spot jobs delete 3f2a
    """
    act("delete", job, data_dir, "is deleted", as_json=as_json)


def act(name: Literal["retry", "cancel", "delete"], job: str, data_dir: DataDirOption, outcome: str, *, as_json: bool) -> None:
    """Find the job, do it, say so."""
    if is_remote():
        from stereo_spot_cli.remote import jobs as remote
        from stereo_spot_cli.remote.client import Client

        refuse_local_options(data_dir=data_dir)
        remote.act(job, {"retry": Client.retry, "cancel": Client.cancel, "delete": Client.delete}[name], outcome, as_json=as_json)
        return
    from media_worker.sweep import sweep_job
    from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job

    with opened(data_dir) as platform:
        changed = {"retry": retry_job, "cancel": cancel_job, "delete": delete_job}[name](platform, find(platform, job).job_id)
        sweep_job(platform, changed)  # a media worker would do it, but perhaps none runs
        if as_json:
            output.emit(without_secret(changed))
        else:
            output.say(f"Job {changed.job_id} ({changed.source.name}) {outcome}.")


def without_secret(job: Job) -> Job:
    """The job as it may be shown: a URL's query may let anybody fetch."""
    return job.model_copy(update={"source": job.source.forget_query()})


def take(platform: Platform, limit: int, *, statuses: frozenset[JobStatus] | None) -> list[Job]:
    """The newest `limit` jobs."""
    jobs: list[Job] = []
    cursor: str | None = None
    while len(jobs) < limit:
        page = platform.jobs.list(statuses=statuses, cursor=cursor, limit=min(200, limit - len(jobs)))
        jobs += page.jobs
        for sentence in page.unreadable:
            output.note(f"stereo-spot: {output.sentence(sentence)}")
        if (cursor := page.cursor) is None:
            break
    return jobs


def find(platform: Platform, beginning: str) -> Job:
    """The one job whose id begins so; CommandFailed where there is none or more than one."""
    try:
        return platform.jobs.get(beginning)
    except NotFound:
        pass
    alike: list[Job] = []
    cursor: str | None = None
    while len(alike) < 2:
        page = platform.jobs.list(cursor=cursor, limit=500)
        alike += [job for job in page.jobs if beginning and job.job_id.startswith(beginning)]
        if (cursor := page.cursor) is None:
            break
    if not alike:
        raise output.CommandFailed("not_found", f"there is no job {beginning}", hint="`stereo-spot jobs list` shows those there are")
    if len(alike) > 1:
        raise output.CommandFailed("ambiguous", f"several jobs begin with {beginning}", hint="give more of the id")
    return alike[0]
