"""The library: everything, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.jobs.library import PAGE, STATUSES, Filter, list_jobs
from stereo_spot_web_ui.rendering import page

router = APIRouter(include_in_schema=False)

MOST = 200
"""Jobs that are listed at a time."""


@router.get("/")
def library(
    request: Request,
    show: Filter = Filter.ALL,
    name: Annotated[str, Query(max_length=255)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    shown: Annotated[int, Query(ge=0, le=MOST, description="So many are in sight already.")] = 0,
) -> Response:
    """The page; to a request by htmx for more of the list, or for what is in sight as it is now, just that."""
    web = web_of(request)
    found = list_jobs(web.platform, statuses=STATUSES[show], name=name, cursor=cursor, limit=max(PAGE, shown))
    jobs = [web.looker.view(job) for job in found.jobs]
    values = {
        "jobs": jobs,
        "cursor": found.cursor,
        "unreadable": found.unreadable,
        "show": show,
        "name": name,
        "filters": list(Filter),
        "first": cursor is None,
    }
    template = "library_more.html" if cursor is not None else "library_list.html" if is_partial(request) else "library.html"
    return page(request, template, values)


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-request-type", "partial") == "partial"
