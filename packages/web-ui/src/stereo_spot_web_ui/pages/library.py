"""The library: everything, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.jobs.library import PAGE, STATUSES, Filter, list_jobs
from stereo_spot_web_ui.rendering import fragment, page

router = APIRouter(include_in_schema=False)


@router.get("/")
def library(
    request: Request,
    show: Filter = Filter.ALL,
    name: Annotated[str, Query(max_length=255)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The page; to a request by htmx for more of the list, just that."""
    web = web_of(request)
    found = list_jobs(web.platform, statuses=STATUSES[show], name=name, cursor=cursor, limit=PAGE)
    jobs = [web.looker.view(job) for job in found.jobs]
    values = {
        "jobs": jobs,
        "cursor": found.cursor,
        "unreadable": found.unreadable,
        "show": show,
        "name": name,
        "filters": list(Filter),
        "running": [job.id for job in jobs if not job.status.is_final],
        "first": cursor is None,
    }
    template = "library_more.html" if cursor is not None else "library_list.html" if is_partial(request) else "library.html"
    return page(request, template, values)


@router.get("/live")
def live(request: Request, ids: Annotated[str, Query(max_length=4000)] = "") -> Response:
    """The cards of running jobs, whenever they have changed (server-sent events)."""
    web = web_of(request)
    job_ids = [job_id for job_id in ids.split(",") if job_id][:PAGE]

    async def changes() -> AsyncIterator[ServerSentEvent]:
        async for job in web.watcher.jobs(job_ids):
            yield ServerSentEvent(fragment(request, "card.html", {"job": job, "live": True}))
        yield ServerSentEvent("", event="ended")

    return EventSourceResponse(changes(), ping=15)


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-request-type", "partial") == "partial"
