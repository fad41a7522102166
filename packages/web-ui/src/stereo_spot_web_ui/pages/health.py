"""Whether the server lives, for whoever starts it again if not; and what a browser wants to install it as an app."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.rendering import STATIC, static_url

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health(request: Request) -> dict[str, str]:
    """Answers when the stores do."""
    web_of(request).platform.jobs.list(limit=1)
    return {"status": "ok"}


@router.get("/service-worker.js")
def service_worker() -> Response:
    """It must lie at the root, to be responsible for every page."""
    return FileResponse(STATIC / "service-worker.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/manifest.webmanifest")
def manifest() -> Response:
    """The app's name and picture."""
    icon = {"src": static_url("icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    told = {"name": "StereoSpot", "short_name": "StereoSpot", "start_url": "/", "display": "standalone", "background_color": "#111418"}
    return JSONResponse({**told, "theme_color": "#111418", "icons": [icon]}, media_type="application/manifest+json")
