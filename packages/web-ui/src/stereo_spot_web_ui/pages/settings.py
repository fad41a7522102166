"""Settings: what is kept for how long, depth models, notifications, language and light."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stereo_spot_web_ui.api.system import server_view
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.disk import usage
from stereo_spot_web_ui.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/settings")
def settings(request: Request) -> Response:
    """The page."""
    web = web_of(request)
    return page(
        request,
        "settings.html",
        {
            "server": server_view(web),
            "preferences": web.preferences.load(),
            "models": web.companion.models() if web.companion.is_here else [],
            "usage": usage(web.platform),
            "webhook": web.settings.webhook_url is not None,
        },
    )


@router.get("/settings/models")
def models(request: Request) -> Response:
    """The list of models, again while one is fetched."""
    companion = web_of(request).companion
    return page(request, "models.html", {"models": companion.models() if companion.is_here else []})
