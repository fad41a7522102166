"""The API for people who write programs: what `/api/v1/openapi.json` says, as a page. No script is needed for it, so none is allowed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stereo_spot_web_ui.api.document import describe
from stereo_spot_web_ui.api.reference import Reader
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
def api_docs(request: Request) -> Response:
    """The page."""
    web = web_of(request)
    reader = Reader(describe(request.app), web.address(request), with_token=web.settings.signs_in)
    return page(request, "api_docs.html", {"reference": reader.read()})
