"""HereSphere: `/heresphere` is the library that it opens, `/heresphere/{id}` a video (its Web API, version 1).

Signing in: it posts JSON with `username` and `password`; who is not let in gets `access` -1. Each answer bears HereSphere-JSON-Version.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from stereo_spot_shared.api.jobs import JobId
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.headsets.scenes import Scene, finished, scenes
from stereo_spot_web_ui.security.sign_in import password_is

router = APIRouter(include_in_schema=False)

HEADERS = {"HereSphere-JSON-Version": "1"}
FLAT_FOV, DOME_FOV = 90.0, 180.0


@router.api_route("/heresphere", methods=["GET", "POST"])
async def library(request: Request) -> JSONResponse:
    """Every finished video."""
    if not await lets_in(request):
        return JSONResponse({"access": -1, "library": []}, headers=HEADERS)
    address = web_of(request).address(request)
    listed = [f"{address}/heresphere/{scene.id}" for scene in scenes(request)]
    return JSONResponse({"access": 1, "library": [{"name": "StereoSpot", "list": listed}]}, headers=HEADERS)


@router.api_route("/heresphere/{job_id}", methods=["GET", "POST"])
async def video(request: Request, job_id: Annotated[JobId, Path()]) -> JSONResponse:
    """One video."""
    told = described(finished(request, job_id)) if await lets_in(request) else {"access": -1}
    return JSONResponse(told, headers=HEADERS)


def described(scene: Scene) -> dict[str, Any]:
    """A video in HereSphere's terms. It has no way to delete or rate anything here."""
    day = scene.added.date().isoformat()
    return {
        "access": 1,
        "title": scene.title,
        "description": "",
        "thumbnailImage": scene.thumbnail_url,
        "dateReleased": day,
        "dateAdded": day,
        "duration": scene.seconds * 1000,
        "projection": "equirectangular" if scene.dome else "perspective",
        "stereo": scene.stereo,
        "isEyeSwapped": scene.swapped,
        "fov": DOME_FOV if scene.dome else FLAT_FOV,
        "lens": "Linear",
        "writeFavorite": False,
        "writeRating": False,
        "media": [
            {
                "name": "original",
                "sources": [
                    {"resolution": scene.height, "height": scene.height, "width": scene.width, "size": scene.bytes, "url": scene.video_url}
                ],
            }
        ],
    }


async def lets_in(request: Request) -> bool:
    """Whether whoever asks may see the library."""
    if not web_of(request).settings.signs_in or request.session.get("user"):
        return True
    try:
        given = json.loads(await request.body())["password"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(given, str) and password_is(request, given)
