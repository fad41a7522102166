"""A new conversion: drop, choose, look, start."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import Job
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui.api.jobs import known
from stereo_spot_web_ui.choices import DEPTHS, SCREENS, STRENGTHS, TEMPOS, all_options
from stereo_spot_web_ui.companion import Companion
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.estimates import rates
from stereo_spot_web_ui.imports import list_imports
from stereo_spot_web_ui.jobs.look import AWAITS_SOURCE
from stereo_spot_web_ui.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/new")
def new(request: Request) -> Response:
    """Where videos are dropped."""
    return show(request, None)


@router.get("/new/{job_id}")
def waiting(request: Request, job_id: Annotated[str, Path(pattern=r"^[0-9a-z]{8,40}$")]) -> Response:
    """The same for a job that was not set going yet."""
    job = known(web_of(request).platform.jobs.get(job_id))
    return show(request, job) if job.status in AWAITS_SOURCE else RedirectResponse(f"/jobs/{job_id}", 303)


def show(request: Request, job: Job | None) -> Response:
    """The page, with a job's options or the defaults."""
    web = web_of(request)
    params = job.params if job is not None else RenderParams()
    return page(
        request,
        "new.html",
        {
            "job": web.looker.view(job) if job is not None else None,
            "imports": list_imports(web.settings),
            "takes_urls": web.settings.ingest is not IngestPolicy.OFF,
            "has_imports": web.settings.import_dir is not None,
            "params": params.model_dump(mode="json"),
            "strengths": STRENGTHS,
            "screens": SCREENS,
            "tempos": TEMPOS,
            "depths": depths(web.companion, params.depth),
            "options": all_options(params),
            "previews": web.companion.is_here,
            "rates": rates(web.platform).model_dump(),
        },
    )


def depths(companion: Companion, chosen: str) -> list[str]:
    """The estimators that can be chosen: those that are here, and the one that is chosen already."""
    present = [model.name for model in companion.models() if model.present] if companion.is_here else []
    return list(dict.fromkeys([*DEPTHS, *present, chosen]))
