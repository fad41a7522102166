"""What headset players are told of a finished job: how it is shown, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.rendering import PLAIN, FramePacking
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.jobs.library import STATUSES, Filter, list_jobs
from stereo_spot_web_ui.jobs.look import file_names

MOST = 1000
SIDE_BY_SIDE = frozenset({FramePacking.FULL_SBS, FramePacking.HALF_SBS, FramePacking.CROSS_EYED, FramePacking.VR180})
TOP_BOTTOM = frozenset({FramePacking.FULL_TB, FramePacking.HALF_TB})


@dataclass(frozen=True)
class Subtitles:
    """Words to read, as WebVTT."""

    title: str
    language: str
    url: str


@dataclass(frozen=True)
class Scene:
    """A finished video."""

    id: str
    title: str
    seconds: float
    width: int
    height: int
    bytes: int
    video_url: str
    thumbnail_url: str
    stereo: str
    """`sbs`, `tb`, or `mono` where no headset can show it in 3D."""
    swapped: bool
    """Whether the right eye's view stands first."""
    dome: bool
    subtitles: tuple[Subtitles, ...]
    added: datetime


def scene_of(request: Request, job: Job) -> Scene:
    """The scene of a finished job; NotFound for any other."""
    web = web_of(request)
    result = web.looker.view(job).result
    if result is None or job.status is not JobStatus.COMPLETED:
        raise NotFound(f"There is no finished video {job.job_id}.")
    layout, address, file = job.params.layout, web.address(request), result.files[0]
    stereo = "sbs" if layout in SIDE_BY_SIDE else "tb" if layout in TOP_BOTTOM else "mono"
    return Scene(
        id=job.job_id,
        title=file_names(job)[0].rpartition(".")[0],
        seconds=result.seconds,
        width=result.width,
        height=result.height,
        bytes=file.bytes,
        video_url=f"{address}{file.player_url}",
        thumbnail_url=f"{address}{web.links.for_player(f'/jobs/{job.job_id}/poster.jpg')}",
        stereo=stereo,
        swapped=job.params.right_first and stereo != "mono",
        dome=layout is FramePacking.VR180,
        subtitles=tuple(
            Subtitles(
                title=file.title or file.language or str(number + 1),
                language=file.language or "und",
                url=f"{address}{web.links.for_player(f'/jobs/{job.job_id}/subtitles/{number}.vtt')}",
            )
            for number, file in enumerate(job.result.subtitles if job.result is not None else ())
        ),
        added=job.created_at,
    )


def scenes(request: Request) -> list[Scene]:
    """The newest finished jobs that are pictures for two eyes, or one; depth is none."""
    page = list_jobs(web_of(request).platform, statuses=STATUSES[Filter.COMPLETED], name="", cursor=None, limit=MOST)
    return [scene_of(request, job) for job in page.jobs if job.params.layout not in PLAIN]


def finished(request: Request, job_id: str) -> Scene:
    """One of them. NotFound where there is none."""
    return scene_of(request, web_of(request).platform.jobs.get(job_id))
