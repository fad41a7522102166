"""The server itself: what it has, what it can do, what people chose."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from stereo_spot_shared.api.server import Model, QueueView, ServerView
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import NotFound
from stereo_spot_web_ui.context import Web, web_of
from stereo_spot_web_ui.imports import ImportFile, list_imports
from stereo_spot_web_ui.notify.push import Subscription
from stereo_spot_web_ui.preferences import Preferences
from stereo_spot_web_ui.problems import RESPONSES, Refused

router = APIRouter(prefix="/api/v1", tags=["server"], responses=RESPONSES)


class PushKey(Value):
    """What a browser subscribes with (VAPID, RFC 8292)."""

    key: str


@router.get("/server")
def server(request: Request) -> ServerView:
    """What this server is, and how much work waits."""
    return server_view(web_of(request))


@router.get("/imports")
def imports(request: Request) -> list[ImportFile]:
    """The videos of the import folder."""
    return list_imports(web_of(request).settings)


@router.get("/preferences")
def preferences(request: Request) -> Preferences:
    """For how many days things are kept, as people chose."""
    return web_of(request).preferences.load()


@router.put("/preferences")
def choose(request: Request, chosen: Preferences) -> Preferences:
    """Choose for how many days things are kept."""
    web_of(request).preferences.save(chosen)
    return chosen


@router.get("/models")
def models(request: Request) -> list[Model]:
    """The depth models that are known, and which are here. Empty where nothing renders on this machine."""
    companion = web_of(request).companion
    return companion.models() if companion.is_here else []


@router.post("/models/{name}/fetch", status_code=HTTPStatus.ACCEPTED)
def fetch(
    request: Request,
    name: Annotated[str, Path(max_length=64, examples=["depth-anything-v2-small"])],
    accept_licence: Annotated[bool, Query()] = False,
) -> Model:
    """Begin to fetch a depth model."""
    companion = web_of(request).companion
    model = next((model for model in models(request) if model.name == name), None)
    if model is None:
        raise NotFound(f"There is no depth model {name} here.")
    if not model.commercial and not accept_licence:
        raise Refused(
            f"{name} is licensed under {model.licence}: not for commercial use.",
            status=HTTPStatus.CONFLICT,
            code="licence",
            hint="Accept that with accept_licence=true.",
        )
    companion.fetch(name)
    return model


@router.get("/push/key")
def push_key(request: Request) -> PushKey:
    """The key that a browser subscribes to this server's notifications with."""
    return PushKey(key=web_of(request).push.public_key)


@router.post("/push/subscriptions", status_code=HTTPStatus.NO_CONTENT)
def subscribe(request: Request, subscription: Subscription) -> None:
    """Have a browser told when a job has ended."""
    web_of(request).push.add(subscription)


@router.delete("/push/subscriptions", status_code=HTTPStatus.NO_CONTENT)
def unsubscribe(request: Request, endpoint: Annotated[str, Query(max_length=2000, examples=["https://push.example/send/abc"])]) -> None:
    """Have a browser told no more."""
    web_of(request).push.remove(endpoint)


def server_view(web: Web) -> ServerView:
    """The server as it is now."""
    depths = {stage: queue.depth() for stage, queue in web.platform.queues.items()}
    try:
        free = shutil.disk_usage(web.settings.scratch_dir).free
    except OSError:
        free = None
    return ServerView(
        version=version("stereo-spot-web-ui"),
        platform=web.platform.name,
        place=web.platform.place,
        imports=web.settings.import_dir is not None,
        ingest=web.settings.ingest,
        previews=web.companion.is_here,
        max_upload_bytes=web.settings.max_upload_bytes,
        disk_free_bytes=free,
        queues=tuple(QueueView(stage=stage, waiting=d.waiting, in_flight=d.in_flight, dead=d.dead) for stage, d in depths.items()),
    )
