"""One job: its progress while it runs, the player when it is done."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from stereo_spot_shared.api.jobs import JobDetail, SegmentState, SegmentView
from stereo_spot_shared.jobs import Job
from stereo_spot_web_ui.api.jobs import known
from stereo_spot_web_ui.context import Web, web_of
from stereo_spot_web_ui.media import TYPES
from stereo_spot_web_ui.rendering import fragment, page

router = APIRouter(include_in_schema=False)

CELLS = 240
"""At most so many pieces has the film strip; in longer films each stands for several segments."""
EVENTS = 60

Id = Annotated[str, Path(pattern=r"^[0-9a-z]{8,40}$")]


@router.get("/jobs/{job_id}")
def watch(request: Request, job_id: Id) -> Response:
    """The page."""
    web = web_of(request)
    job = known(web.platform.jobs.get(job_id))
    detail = web.looker.detail(job)
    address = f"{web.address(request)}{detail.result.files[0].player_url}" if detail.result else ""
    player = {"player": player_of(web, job), "player_address": address, "open_in": players(address) if address else []}
    return page(request, "watch.html", {**values_of(web, detail), **player})


@router.get("/jobs/{job_id}/state")
def state(request: Request, job_id: Id) -> Response:
    """What changes on the page, for browsers in which live events do not arrive."""
    web = web_of(request)
    return page(request, "state.html", values_of(web, web.looker.detail(known(web.platform.jobs.get(job_id)))))


@router.get("/jobs/{job_id}/live")
def live(request: Request, job_id: Id) -> Response:
    """The same, whenever it has changed (server-sent events); `ended` when the job has."""
    web = web_of(request)
    known(web.platform.jobs.get(job_id))

    async def changes() -> AsyncIterator[ServerSentEvent]:
        async for job in web.watcher.job(job_id):
            yield ServerSentEvent(fragment(request, "state.html", values_of(web, job)))
        yield ServerSentEvent("", event="ended")

    return EventSourceResponse(changes(), ping=15)


def values_of(web: Web, job: JobDetail) -> dict[str, Any]:
    """What the templates show of a job."""
    return {
        "job": job,
        "cells": cells_of(job.segments),
        "events": job.events[:EVENTS],
        "more_events": max(0, len(job.events) - EVENTS),
        "previews": web.companion.is_here,
    }


def cells_of(segments: tuple[SegmentView, ...]) -> list[dict[str, Any]]:
    """The pieces of the film strip: how far each is in tenths, and what is said of it."""
    each = -(-len(segments) // CELLS) or 1
    cells = []
    for begin in range(0, len(segments), each):
        group = segments[begin : begin + each]
        states = {segment.state for segment in group}
        weighty = (SegmentState.FAILED, SegmentState.RUNNING, SegmentState.WAITING, SegmentState.DONE)
        state = next(one for one in weighty if one in states)
        share = sum(segment.fraction for segment in group) / len(group)
        cells.append({"first": group[0], "last": group[-1], "state": state, "tenths": int(share * 10), "group": group})
    return cells


def players(address: str) -> list[tuple[str, str]]:
    """Players that have an address scheme of their own, and the link that opens this video in each."""
    encoded = base64.urlsafe_b64encode(address.encode()).rstrip(b"=").decode()
    scheme, _, rest = address.partition("://")
    return [
        ("mpv", f"mpv-handler://play/{encoded}"),
        ("VLC", f"vlc://{address}"),
        ("PotPlayer", f"potplayer://{address}"),
        ("Android", f"intent://{rest}#Intent;action=android.intent.action.VIEW;scheme={scheme};type=video/*;end"),
    ]


def player_of(web: Web, job: Job) -> dict[str, Any] | None:
    """What the player needs to know; None where there is nothing to play."""
    view = web.looker.view(job)
    if view.result is None:
        return None
    return {
        "files": [file.url for file in view.result.files],
        "type": TYPES[job.params.container.value],
        "layout": job.params.layout.value,
        "swapped": job.params.right_first,
        "width": view.result.width,
        "height": view.result.height,
        "title": job.source.name,
        "subtitles": [
            {
                "url": f"/jobs/{job.job_id}/subtitles/{number}.vtt",
                "label": track.title or track.language or str(number + 1),
                "language": track.language,
            }
            for number, track in enumerate(job.result.subtitles if job.result is not None else ())
        ],
    }
