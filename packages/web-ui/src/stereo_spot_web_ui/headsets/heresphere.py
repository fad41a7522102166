"""HereSphere: `/heresphere` is the library that it opens, `/heresphere/{id}` a video (its Web API, version 1).

Signing in: it posts JSON with `username` and `password`, either with every request, or once to `/heresphere/auth`, whose `auth-token` it
then sends as a header. Who is not let in gets `access` -1. Each answer bears HereSphere-JSON-Version.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from stereo_spot_shared.api.jobs import JobId
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.headsets.admission import is_known, knows_password
from stereo_spot_web_ui.headsets.scenes import Scene, finished, scenes

router = APIRouter(include_in_schema=False)

HEADERS = {"HereSphere-JSON-Version": "1"}
TOKEN = "auth-token"  # noqa: S105 - the name of the field and of the header
MEMBER, REFUSED = 1, -1
FLAT_FOV, DOME_FOV = 90.0, 180.0


@router.api_route("/heresphere", methods=["GET", "HEAD", "POST"])
async def library(request: Request) -> JSONResponse:
    """Every finished video."""
    if not await lets_in(request):
        return JSONResponse({"access": REFUSED, "library": []}, headers=HEADERS)
    address = web_of(request).address(request)
    listed = [f"{address}/heresphere/{scene.id}" for scene in scenes(request)]
    return JSONResponse({"access": MEMBER, "library": [{"name": "StereoSpot", "list": listed}]}, headers=HEADERS)


@router.post("/heresphere/auth")
async def auth(request: Request) -> JSONResponse:
    """A token for the password, so that it need not be sent with every request."""
    web = web_of(request)
    if await is_known(request):
        told = {"access": MEMBER, TOKEN: ""}
    elif knows_password(request, await password_of(request)):
        told = {"access": MEMBER, TOKEN: web.sessions.headset_token()}
    else:
        told = {"access": REFUSED, TOKEN: ""}
    return JSONResponse(told, headers=HEADERS)


@router.api_route("/heresphere/{job_id}", methods=["GET", "HEAD", "POST"])
async def video(request: Request, job_id: Annotated[JobId, Path()]) -> JSONResponse:
    """One video."""
    told = described(finished(request, job_id)) if await lets_in(request) else {"access": REFUSED}
    return JSONResponse(told, headers=HEADERS)


def described(scene: Scene) -> dict[str, Any]:
    """A video in HereSphere's terms. It has no way to delete or rate anything here."""
    day = scene.added.date().isoformat()
    return {
        "access": MEMBER,
        "title": scene.title,
        "description": "",
        "thumbnailImage": scene.thumbnail_url,
        "dateReleased": day,
        "dateAdded": day,
        "duration": round(scene.seconds * 1000),
        "projection": "equirectangular" if scene.dome else "perspective",
        "stereo": scene.stereo,
        "isEyeSwapped": scene.swapped,
        "fov": DOME_FOV if scene.dome else FLAT_FOV,
        "lens": "Linear",
        "subtitles": [{"name": one.title, "language": one.language, "url": one.url} for one in scene.subtitles],
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
    if await is_known(request) or web_of(request).sessions.is_headset_token(request.headers.get(TOKEN, "")):
        return True
    return knows_password(request, await password_of(request))


async def password_of(request: Request) -> object:
    """What stands for a password in a message; None where nothing does."""
    try:
        return json.loads(await request.body())["password"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
