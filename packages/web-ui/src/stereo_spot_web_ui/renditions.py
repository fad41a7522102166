"""A version of the result that this browser plays, where it cannot play the master: asked for here, made by a media worker."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request

from stereo_spot_shared import keys
from stereo_spot_shared.api.jobs import JobId
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.jobs import Activity, JobStatus, Stage
from stereo_spot_shared.messages import RenditionRequest
from stereo_spot_web_ui.api.jobs import known
from stereo_spot_web_ui.context import Web, web_of
from stereo_spot_web_ui.problems import RESPONSES

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=RESPONSES)

Id = Annotated[JobId, Path()]


class RenditionView(Value):
    """How far the version for browsers is."""

    url: str | None = None
    """Where it is; None until it is made."""
    fraction: float = 0.0
    note: str | None = None
    """Why it waits, or why the last try failed."""


@router.post("/{job_id}/rendition", status_code=HTTPStatus.ACCEPTED)
def make_rendition(request: Request, job_id: Id) -> RenditionView:
    """Have a version made that every browser plays (H.264, 8 bit, MP4)."""
    web = web_of(request)
    job = known(web.platform.jobs.get(job_id))
    if job.status is not JobStatus.COMPLETED:
        raise Conflict(f"Job {job_id} is {job.status}: there is nothing to watch yet.")
    view = state(web, job_id)
    if view.url is None and not is_under_way(web, job_id):
        # Why the last try failed is not what this one waits for.
        web.platform.activity.report(Activity(job_id=job_id, stage=Stage.RENDITION, worker="web-ui"))
        web.platform.queues[Stage.RENDITION].send(RenditionRequest(job_id=job_id).encode())
        return RenditionView()
    return view


@router.get("/{job_id}/rendition")
def show_rendition(request: Request, job_id: Id) -> RenditionView:
    """How far the version for browsers is, and where."""
    web = web_of(request)
    known(web.platform.jobs.get(job_id))
    return state(web, job_id)


def state(web: Web, job_id: str) -> RenditionView:
    """What the stores know of it."""
    try:
        web.platform.storage.stat(keys.rendition_key(job_id))
    except NotFound:
        signs = [sign for sign in web.platform.activity.list(job_id) if sign.stage is Stage.RENDITION]
        fraction = max((sign.done / sign.total for sign in signs if sign.total), default=0.0)
        return RenditionView(fraction=min(1.0, fraction), note=next((sign.note for sign in signs if sign.note), None))
    return RenditionView(url=f"/jobs/{job_id}/rendition.mp4", fraction=1.0)


def is_under_way(web: Web, job_id: str) -> bool:
    """Whether somebody has begun with it; a second message would only be answered by a look."""
    return any(sign.stage is Stage.RENDITION and sign.done < sign.total for sign in web.platform.activity.list(job_id))
