"""DeoVR: `/deovr` is the library that it opens, `/deovr/{id}` a scene (https://deovr.com/app/doc).

Signing in: it posts the form fields `login` and `password`; who is not let in gets HTTP 200 with `authorized` "-1".
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from stereo_spot_shared.api.jobs import JobId
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.headsets.admission import is_known, knows_password
from stereo_spot_web_ui.headsets.scenes import Scene, finished, scenes

router = APIRouter(include_in_schema=False)


@router.api_route("/deovr", methods=["GET", "HEAD", "POST"])
async def library(request: Request) -> dict[str, Any]:
    """Every finished video."""
    if not await lets_in(request):
        return {"authorized": "-1", "scenes": []}
    shown = [
        {
            "title": scene.title,
            "videoLength": round(scene.seconds),
            "thumbnailUrl": scene.thumbnail_url,
            "video_url": f"{web_of(request).address(request)}/deovr/{scene.id}",
        }
        for scene in scenes(request)
    ]
    return {"authorized": "1", "scenes": [{"name": "StereoSpot", "list": shown}]}


@router.api_route("/deovr/{job_id}", methods=["GET", "HEAD", "POST"])
async def scene(request: Request, job_id: Annotated[JobId, Path()]) -> dict[str, Any]:
    """One video."""
    return described(finished(request, job_id)) if await lets_in(request) else {"authorized": "-1"}


def described(scene: Scene) -> dict[str, Any]:
    """A scene in DeoVR's terms."""
    return {
        "id": scene.id,
        "title": scene.title,
        "authorized": 1,
        "fullAccess": True,
        "is3d": scene.stereo != "mono",
        "screenType": "dome" if scene.dome else "flat",
        "stereoMode": {"mono": "off"}.get(scene.stereo, scene.stereo),
        "videoLength": round(scene.seconds),
        "thumbnailUrl": scene.thumbnail_url,
        "encodings": [
            {
                "name": "original",
                "videoSources": [
                    {"resolution": scene.height, "height": scene.height, "width": scene.width, "size": scene.bytes, "url": scene.video_url}
                ],
            }
        ],
    }


async def lets_in(request: Request) -> bool:
    """Whether whoever asks may see the library."""
    return await is_known(request) or knows_password(request, (await request.form()).get("password"))
