"""Jobs: make them, look at them, act on them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from stereo_spot_runtime.operations import (
    cancel_job,
    delete_job,
    duplicate_job,
    expect_upload,
    retry_job,
    set_params,
    start_job,
    submit,
    submit_url,
)
from stereo_spot_shared.api.jobs import Duplicate, ImportedJob, JobDetail, JobId, JobListView, NewJob, Options, UrlJob
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.ingest import checked_url
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui.context import Web, web_of
from stereo_spot_web_ui.imports import import_path
from stereo_spot_web_ui.jobs.library import KNOWN, list_jobs
from stereo_spot_web_ui.problems import RESPONSES, Refused

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=RESPONSES)

Id = Annotated[JobId, Path()]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=8,
        max_length=200,
        description="A name of your own for this request. Repeated with it, the request makes no second job.",
        examples=["0f0c2f4e-6d0a-4c0e-9a53-0a8f7d1c9b11"],
    ),
]


@router.get("")
def list_(
    request: Request,
    status: Annotated[list[JobStatus] | None, Query(description="Only jobs of these statuses.")] = None,
    name: Annotated[str, Query(max_length=255, description="Only jobs whose video's name contains this.")] = "",
    cursor: Annotated[str | None, Query(max_length=200, description="From the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobListView:
    """Jobs, newest first."""
    web = web_of(request)
    page = list_jobs(web.platform, statuses=frozenset(status) if status else KNOWN, name=name, cursor=cursor, limit=limit)
    return JobListView(jobs=tuple(web.looker.view(job) for job in page.jobs), cursor=page.cursor, unreadable=page.unreadable)


@router.post("", status_code=HTTPStatus.CREATED)
def create(request: Request, new: NewJob, idempotency_key: IdempotencyKey = None) -> JobDetail:
    """Make a job of a video that is going to be uploaded to its `upload_url` (tus 1.0)."""
    web = web_of(request)
    if new.bytes > web.settings.max_upload_bytes:
        raise Refused(
            f"The video has {new.bytes} bytes, more than the {web.settings.max_upload_bytes} that this server takes.",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    job = expect_upload(web.platform, own_name(new.name), new.bytes, checked(new.params), job_id=id_of(idempotency_key), start=new.start)
    return web.looker.detail(known(job))


@router.post("/import", status_code=HTTPStatus.CREATED)
def create_from_import(request: Request, new: ImportedJob, idempotency_key: IdempotencyKey = None) -> JobDetail:
    """Make a job of a video that lies in the server's import folder."""
    web = web_of(request)
    path = import_path(web.settings, new.path)
    params, job_id = checked(new.params), id_of(idempotency_key)
    job = submit(web.platform, path, params, name=path.name, job_id=job_id, start=new.start, keep_source=True)
    return web.looker.detail(known(job))


@router.post("/url", status_code=HTTPStatus.CREATED)
def create_from_url(request: Request, new: UrlJob, idempotency_key: IdempotencyKey = None) -> JobDetail:
    """Make a job of a video that the server fetches from its URL, where that is enabled."""
    web = web_of(request)
    url, params = checked_url(new.url, web.settings.ingest), checked(new.params)
    return web.looker.detail(known(submit_url(web.platform, url, params, job_id=id_of(idempotency_key), start=new.start)))


@router.get("/{job_id}")
def show(request: Request, job_id: Id) -> JobDetail:
    """One job, with its segments and what happened."""
    return detail(web_of(request), job_id)


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses={200: {"content": {"text/event-stream": {}}}})
def events(request: Request, job_id: Id) -> Response:
    """The job whenever it has changed, until it has ended: server-sent events named `job`, whose data is what `GET` answers."""
    web = web_of(request)
    detail(web, job_id)

    async def changes() -> AsyncIterator[ServerSentEvent]:
        async for job in web.watcher.job(job_id):
            yield ServerSentEvent(job.model_dump_json(), event="job", id=str(job.version))

    return EventSourceResponse(changes(), ping=15)


@router.patch("/{job_id}")
def change(request: Request, job_id: Id, options: Options) -> JobDetail:
    """Choose how the result is to look, before the job is set going."""
    web = web_of(request)
    set_params(web.platform, job_id, checked(options.params))
    return detail(web, job_id)


@router.post("/{job_id}/start")
def start(request: Request, job_id: Id) -> JobDetail:
    """Set a job going: now, or as soon as its video is here."""
    web = web_of(request)
    start_job(web.platform, job_id)
    return detail(web, job_id)


@router.post("/{job_id}/cancel")
def cancel(request: Request, job_id: Id) -> JobDetail:
    """Stop a job for good."""
    web = web_of(request)
    cancel_job(web.platform, job_id)
    return detail(web, job_id)


@router.post("/{job_id}/retry")
def retry(request: Request, job_id: Id) -> JobDetail:
    """Let a failed job go on; its finished segments are kept."""
    web = web_of(request)
    retry_job(web.platform, job_id)
    return detail(web, job_id)


@router.post("/{job_id}/duplicate", status_code=HTTPStatus.CREATED)
def duplicate(request: Request, job_id: Id, wanted: Duplicate, idempotency_key: IdempotencyKey = None) -> JobDetail:
    """Make another job of the same video."""
    web = web_of(request)
    params = checked(wanted.params) if wanted.params is not None else known(web.platform.jobs.get(job_id)).params
    job = duplicate_job(web.platform, job_id, params, start=wanted.start, new_id=id_of(idempotency_key))
    return web.looker.detail(known(job))


@router.delete("/{job_id}", status_code=HTTPStatus.NO_CONTENT)
def delete(request: Request, job_id: Id) -> None:
    """Remove a job and all that it holds, its result too."""
    delete_job(web_of(request).platform, job_id)


def detail(web: Web, job_id: str) -> JobDetail:
    """The job as it is now. NotFound where there is none, or none any more."""
    return web.looker.detail(known(web.platform.jobs.get(job_id)))


def known(job: Job) -> Job:
    """The job, unless it was deleted: of those only a row remains, which is nobody's business."""
    if job.status is JobStatus.DELETED:
        raise NotFound(f"there is no job {job.job_id}")
    return job


def id_of(key: str | None) -> str | None:
    """The id of the job that a request with this key makes."""
    return None if key is None else hashlib.sha256(f"idempotency:{key}".encode()).hexdigest()[:32]


def own_name(name: str) -> str:
    """The file's name as its owner knows it, without the folders that some browsers send, and what would break a line."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character if character.isprintable() else " " for character in last).strip() or "video"


def checked(params: RenderParams) -> RenderParams:
    """The parameters, if strangers may ask for them: none names files of the workers' machines."""
    if params.depth_file or params.depth_model:
        raise Refused("Files of the workers' machines cannot be named from here.", status=HTTPStatus.UNPROCESSABLE_ENTITY, code="invalid")
    return params
