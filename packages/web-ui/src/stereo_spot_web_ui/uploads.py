"""Taking in sources: the tus 1.0 protocol (https://tus.io/protocols/resumable-upload), its core and termination.

A job's upload is made with the job (`POST /api/v1/jobs`), so creation is left out. What came before a connection broke stays; the
client asks where to go on (HEAD) and does so: by PATCH, or by parts which it stores where the platform keeps what it has, if it does so.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from starlette.requests import ClientDisconnect

from stereo_spot_runtime.operations import accept_upload, cancel_job
from stereo_spot_shared.api.jobs import JobId
from stereo_spot_shared.api.uploads import PartView, PartWanted, UploadView
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import UploadInfo
from stereo_spot_shared.keys import source_key
from stereo_spot_web_ui.context import Web, web_of
from stereo_spot_web_ui.problems import RESPONSES, Refused

router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"], responses=RESPONSES)

VERSION = "1.0.0"
EXTENSIONS = {"Tus-Version": VERSION, "Tus-Extension": "termination"}
TUS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
PIECE = 4 << 20
"""Bytes that are gathered before they are written: what a broken connection may lose, and each piece goes to the disk."""

Id = Annotated[JobId, Path()]


def header(description: str, example: object) -> dict[str, object]:
    """A header of an answer, as the API's description has it."""
    return {"description": description, "schema": {"type": "integer" if isinstance(example, int) else "string"}, "example": example}


OFFSET = header("How many bytes have arrived.", 104857600)
TOLD = {"Tus-Resumable": header("The version of the protocol.", VERSION)}


@router.options(
    "/{job_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses={204: {"headers": {**TOLD, "Tus-Max-Size": header("The most bytes that a video may have.", 200000000000)}}},
)
def capabilities(request: Request, job_id: Id) -> Response:  # noqa: ARG001 - they are the same for every upload
    """What this server can do of tus."""
    most = str(web_of(request).settings.max_upload_bytes)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={**TUS, **EXTENSIONS, "Tus-Max-Size": most})


@router.head(
    "/{job_id}",
    response_class=Response,
    responses={200: {"headers": {**TOLD, "Upload-Offset": OFFSET, "Upload-Length": header("How many there will be.", 734003200)}}},
)
def where(request: Request, job_id: Id) -> Response:
    """Where the upload goes on: `Upload-Offset` of `Upload-Length` bytes."""
    info = offset_of(web_of(request), job_id)
    return Response(headers={**TUS, "Upload-Offset": str(info.offset), "Upload-Length": str(info.size)})


BYTES = {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.patch(
    "/{job_id}",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra={"requestBody": {"required": True, "content": BYTES}},
    responses={204: {"headers": {**TOLD, "Upload-Offset": OFFSET}}},
)
async def go_on(
    request: Request,
    job_id: Id,
    upload_offset: Annotated[int, Header(ge=0, examples=[104857600])],
    content_type: Annotated[str, Header(examples=["application/offset+octet-stream"])] = "",
) -> Response:
    """Add bytes at `Upload-Offset`. With the last one the job's source is here, and the job goes on if it was told to."""
    if content_type != "application/offset+octet-stream":
        raise Refused("The content must be application/offset+octet-stream.", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    web, key = web_of(request), source_key(job_id)
    info = await asyncio.to_thread(awaited, web, job_id, upload_offset)
    pending = bytearray()
    try:
        async for piece in request.stream():
            pending += piece
            if len(pending) >= PIECE:
                info = await asyncio.to_thread(web.platform.uploads.append, key, info.offset, bytes(pending))
                pending.clear()
    except ClientDisconnect:
        pass  # what came is kept
    if pending:
        info = await asyncio.to_thread(web.platform.uploads.append, key, info.offset, bytes(pending))
    if info.offset == info.size:
        await asyncio.to_thread(accept_upload, web.platform, job_id)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={**TUS, "Upload-Offset": str(info.offset)})


@router.post(
    "/{job_id}/parts",
    response_model=PartView,
    responses={204: {"description": "This server takes the bytes itself (PATCH), or has them all."}},
)
def part(request: Request, job_id: Id, wanted: PartWanted) -> Response | PartView:
    """Where the bytes from `offset` on are stored without passing through this server. Tell it (`…/parts/arrived`) when they are."""
    web = web_of(request)
    info = awaited(web, job_id, wanted.offset)
    address = web.platform.uploads.part(source_key(job_id), info.offset) if info.offset < info.size else None
    return Response(status_code=HTTPStatus.NO_CONTENT) if address is None else PartView(url=address.url, bytes=address.size)


@router.post("/{job_id}/parts/arrived")
def part_arrived(request: Request, job_id: Id, stored: PartWanted) -> UploadView:
    """Take note that the part at `offset` is stored. With the last one the job's source is here, as with the last byte of a PATCH."""
    web = web_of(request)
    awaited(web, job_id, stored.offset)
    info = web.platform.uploads.part_arrived(source_key(job_id), stored.offset)
    if info.offset == info.size:
        accept_upload(web.platform, job_id)
    return UploadView(offset=info.offset, bytes=info.size)


@router.delete("/{job_id}", status_code=HTTPStatus.NO_CONTENT)
def give_up(request: Request, job_id: Id) -> Response:
    """Cancel the job, and forget what came of its source."""
    cancel_job(web_of(request).platform, job_id)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=TUS)


def awaited(web: Web, job_id: str, offset: int) -> UploadInfo:
    """How much of a job's source is here, where somebody is to bring more of it at `offset`. Conflict where it does not go on there."""
    info = offset_of(web, job_id)
    if web.platform.jobs.get(job_id).source.url is not None:
        raise Conflict("The server fetches this video itself.")
    if info.offset != offset:
        raise Conflict(f"The upload goes on at byte {info.offset}, not at {offset}.")
    return info


def offset_of(web: Web, job_id: str) -> UploadInfo:
    """How much of a job's source is here. NotFound where none is awaited."""
    try:
        return web.platform.uploads.stat(source_key(job_id))
    except NotFound:
        job = accept_upload(web.platform, job_id)  # whoever took in the last byte may not have lived to tell
        if job.source.etag is None or job.source.size is None:
            raise
        return UploadInfo(job.source.size, job.source.size)
