"""Handing out what is in storage, in parts where a player asks for parts (Range, RFC 9110), in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from stereo_spot_shared import keys
from stereo_spot_shared.api.jobs import JobId
from stereo_spot_shared.disposition import attachment
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import ObjectInfo, ObjectStorage
from stereo_spot_shared.jobs import Job, JobStatus, OutputFile
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.jobs.library import STATUSES, Filter, list_jobs
from stereo_spot_web_ui.jobs.look import file_names
from stereo_spot_web_ui.rendering import STATIC

router = APIRouter(include_in_schema=False)

BLOCK = 1 << 20
TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}
ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
AT_A_TIME = 500
ADDRESS_SECONDS = 600
"""For how long a download may begin at an address of the storage's own."""

Id = Annotated[JobId, Path()]


@router.api_route("/jobs/{job_id}/video/{name}", methods=["GET", "HEAD"])
def video(request: Request, job_id: Id, name: str, download: bool = False) -> Response:  # noqa: ARG001 - the name is for whoever saves it
    """The finished video, or its left view."""
    return output(request, job_id, 0, download=download)


@router.api_route("/jobs/{job_id}/right/{name}", methods=["GET", "HEAD"])
def right(request: Request, job_id: Id, name: str, download: bool = False) -> Response:  # noqa: ARG001
    """The right view, where each has a file of its own."""
    return output(request, job_id, 1, download=download)


@router.api_route("/jobs/{job_id}/poster.jpg", methods=["GET", "HEAD"])
def poster(request: Request, job_id: Id) -> Response:
    """A picture of the source; of a film, where there is none (yet)."""
    web = web_of(request)
    job = web.platform.jobs.get(job_id)
    headers = {"Cache-Control": "private, max-age=3600" if job.status.is_final else "no-cache"}
    try:
        return stored(request, web.platform.storage, keys.poster_key(job_id), "image/jpeg", headers)
    except NotFound:
        return FileResponse(STATIC / "film.svg", media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


@router.api_route("/jobs/{job_id}/rendition.mp4", methods=["GET", "HEAD"])
def rendition(request: Request, job_id: Id) -> Response:
    """The version for browsers, where one was made."""
    web = web_of(request)
    web.platform.jobs.get(job_id)
    return stored(request, web.platform.storage, keys.rendition_key(job_id), "video/mp4", {"Cache-Control": "private, no-cache"})


@router.api_route("/jobs/{job_id}/subtitles/{number}.vtt", methods=["GET", "HEAD"])
def subtitles(request: Request, job_id: Id, number: Annotated[int, Path(ge=0, le=999)]) -> Response:
    """One of the source's subtitle tracks."""
    web = web_of(request)
    job = web.platform.jobs.get(job_id)
    found = job.result.subtitles if job.result is not None else ()
    if number >= len(found):
        raise NotFound(f"Job {job_id} has no such subtitles.")
    return stored(request, web.platform.storage, found[number].key, "text/vtt", {"Cache-Control": "private, no-cache"})


@router.get("/jobs/{job_id}/playlist.m3u")
def playlist(request: Request, job_id: Id) -> Response:
    """A playlist of one job, for any player."""
    return m3u(request, [web_of(request).platform.jobs.get(job_id)], "playlist")


@router.get("/library.m3u")
def library(request: Request) -> Response:
    """A playlist of every finished job, the newest first."""
    jobs: list[Job] = []
    cursor = None
    while True:
        page = list_jobs(web_of(request).platform, statuses=STATUSES[Filter.COMPLETED], name="", cursor=cursor, limit=AT_A_TIME)
        jobs += page.jobs
        if (cursor := page.cursor) is None:
            return m3u(request, jobs, "library")


def output(request: Request, job_id: str, number: int, *, download: bool) -> Response:
    """One of a job's finished files. Where the storage has addresses, who saves a file gets it from there; who plays it gets it from here.

    A page draws what it plays, and a browser shows a page no pixels of another origin.
    """
    web = web_of(request)
    job = web.platform.jobs.get(job_id)
    files: tuple[OutputFile, ...] = job.result.files if job.result is not None and job.status is JobStatus.COMPLETED else ()
    if number >= len(files):
        raise NotFound(f"Job {job_id} has no such file.")
    headers = {"Cache-Control": "private, no-cache"}
    if download:
        name = file_names(job)[number]
        elsewhere = web.platform.storage.address(files[number].key, seconds=ADDRESS_SECONDS, name=name)
        if elsewhere is not None and request.method == "GET":  # an address is good for nothing else
            return RedirectResponse(elsewhere, HTTPStatus.TEMPORARY_REDIRECT, {"Cache-Control": "no-store"})
        headers["Content-Disposition"] = attachment(name)
    return stored(request, web.platform.storage, files[number].key, TYPES[job.params.container.value], headers)


def stored(request: Request, storage: ObjectStorage, key: str, media_type: str, headers: dict[str, str]) -> Response:
    """An object, or the part of it that was asked for."""
    info = storage.stat(key)
    etag = f'"{info.etag}"'
    headers = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    begin, end, status = 0, info.size, HTTPStatus.OK
    asked = request.headers.get("range")
    if asked is not None and is_one_range(asked) and request.headers.get("if-range", etag) == etag:
        part = range_of(asked, info.size)
        if part is None:
            headers["Content-Range"] = f"bytes */{info.size}"
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        (begin, end), status = part, HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{info.size}"
    headers["Content-Length"] = str(end - begin)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(blocks(storage, info, begin, end), status, headers, media_type)


def blocks(storage: ObjectStorage, info: ObjectInfo, begin: int, end: int) -> Iterator[bytes]:
    """Bytes [begin, end) of an object, block after block."""
    while begin < end:
        block = storage.read_range(info.key, begin, min(BLOCK, end - begin))
        if not block:
            return
        begin += len(block)
        yield block


def is_one_range(asked: str) -> bool:
    """Whether a Range header asks for one range of bytes. Of others (several ranges, other units) all may be sent, and is."""
    match = ONE_RANGE.fullmatch(asked.strip())
    return match is not None and match.groups() != ("", "")


def range_of(asked: str, size: int) -> tuple[int, int] | None:
    """The half-open range that a Range header for one means; None where it lies outside."""
    first, _, last = asked.strip().removeprefix("bytes=").partition("-")
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    begin, end = int(first), min(size, int(last) + 1) if last else size
    return (begin, end) if begin < end else None


def m3u(request: Request, jobs: list[Job], name: str) -> Response:
    """An extended M3U of the jobs that are finished, in UTF-8."""
    web = web_of(request)
    lines = ["#EXTM3U"]
    for view in (web.looker.view(job) for job in jobs if job.status is JobStatus.COMPLETED):
        if view.result is None:
            continue
        for file in view.result.files:
            title = " ".join(file.name.split())
            lines += [f"#EXTINF:{round(view.result.seconds)},{title}", f"{web.address(request)}{file.player_url}"]
    headers = {"Content-Disposition": f'attachment; filename="{name}.m3u"'}
    return PlainTextResponse("\n".join(lines) + "\n", headers=headers, media_type="audio/x-mpegurl; charset=utf-8")
