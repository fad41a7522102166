"""Looking at a source in 3D before the hours are spent: a few places of it, rendered with the options that are chosen now."""

from __future__ import annotations

import base64
import tempfile
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from stereo_spot_shared.api.jobs import JobId, Options
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import MissingSource, NotFound
from stereo_spot_web_ui.api.jobs import checked, known
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.problems import RESPONSES, Refused

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=RESPONSES)

COUNT = 3


class MomentView(Value):
    """One place of a video. Pictures are `data:` addresses (JPEG)."""

    seconds: float
    """Where it is, about."""
    picture: str
    depth: str
    """White is near."""
    left: str
    right: str


class MomentsView(Value):
    """A few places of a video."""

    depth: str
    """The estimator that was used; `basic` is no real depth."""
    width: int
    height: int
    frames: int | None
    """About how many the video has; None where it does not say how long it is."""
    moments: tuple[MomentView, ...]


@router.post("/{job_id}/moments")
def moments(
    request: Request,
    job_id: Annotated[JobId, Path()],
    options: Options,
    width: Annotated[int, Query(ge=64, le=1280, description="Of the pictures, at most.")] = 640,
) -> MomentsView:
    """What a few places of the job's video look like with these options. Takes seconds; its video must be here."""
    web = web_of(request)
    job = known(web.platform.jobs.get(job_id))
    if not web.companion.is_here:
        raise Refused("Nothing renders on this machine: there are no previews.", status=HTTPStatus.NOT_IMPLEMENTED, code="no_previews")
    web.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stereo-spot-preview-", dir=web.settings.scratch_dir) as name:
        folder = FilePath(name)
        try:
            web.platform.storage.get_file(job.source.key, folder / "source")
        except NotFound as error:
            raise MissingSource("The video is not here (yet).", hint="Wait until its upload has ended.") from error
        made = web.companion.moments(folder / "source", checked(options.params), folder, count=COUNT, width=width)
        return MomentsView(
            depth=made.depth,
            width=made.width,
            height=made.height,
            frames=made.frames,
            moments=tuple(
                MomentView(
                    seconds=one.seconds,
                    **{name: as_data(folder / getattr(one, name)) for name in ("picture", "depth", "left", "right")},
                )
                for one in made.moments
            ),
        )


def as_data(path: FilePath) -> str:
    """A picture in its own address."""
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
