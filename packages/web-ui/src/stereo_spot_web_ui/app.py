"""The application, wired together."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from stereo_spot_shared.interfaces import Platform
from stereo_spot_web_ui import media, moments, renditions, uploads
from stereo_spot_web_ui.api import jobs as jobs_api
from stereo_spot_web_ui.api import system as system_api
from stereo_spot_web_ui.api.document import describe
from stereo_spot_web_ui.companion import Companion
from stereo_spot_web_ui.context import Web
from stereo_spot_web_ui.headsets import deovr, heresphere
from stereo_spot_web_ui.jobs.look import Looker
from stereo_spot_web_ui.jobs.watch import Watcher
from stereo_spot_web_ui.notify.ended import watch_for_ends
from stereo_spot_web_ui.notify.push import Push
from stereo_spot_web_ui.notify.webhook import Webhook
from stereo_spot_web_ui.pages import api_docs, health, library, new, settings, watch
from stereo_spot_web_ui.preferences import PreferencesStore, server_secret
from stereo_spot_web_ui.problems import install
from stereo_spot_web_ui.rendering import STATIC
from stereo_spot_web_ui.retention import run_retention
from stereo_spot_web_ui.security import oidc, sign_in
from stereo_spot_web_ui.security.bodies import Bodies
from stereo_spot_web_ui.security.gate import Gate
from stereo_spot_web_ui.security.headers import SecurityHeaders
from stereo_spot_web_ui.security.hosts import TrustedHosts
from stereo_spot_web_ui.security.links import Links
from stereo_spot_web_ui.security.sessions import SESSION_SECONDS, Sessions
from stereo_spot_web_ui.security.sign_in import Attempts
from stereo_spot_web_ui.settings import WebSettings

GZIP_FROM_BYTES = 2000
ROUTERS = (
    jobs_api.router,
    moments.router,
    renditions.router,
    uploads.router,
    system_api.router,
    media.router,
    deovr.router,
    heresphere.router,
    sign_in.router,
    oidc.router,
    api_docs.router,
    health.router,
    library.router,
    new.router,
    watch.router,
    settings.router,
)

DESCRIPTION = """
Turns 2D videos into stereoscopic 3D.

Make a job (`POST /api/v1/jobs`), send its video to the job's `upload_url` (tus 1.0, core protocol), start it, and follow
`/api/v1/jobs/{id}/events` until it is completed; its `result` says where the files are. Errors are `application/problem+json`.
Where a sign-in is configured, send the token as `Authorization: Bearer …`.
"""


def create_app(platform: Platform, web_settings: WebSettings) -> FastAPI:
    """The application on an open platform, which whoever opened it closes. Every process that serves the platform makes its own."""
    secret = server_secret(platform.storage)
    links = Links(secret)
    looker = Looker(platform, web_settings, links)
    sessions, attempts = Sessions(platform.storage, web_settings, secret), Attempts()
    web = Web(
        platform=platform,
        settings=web_settings,
        links=links,
        looker=looker,
        watcher=Watcher(platform, looker),
        preferences=PreferencesStore(platform.storage),
        push=Push(platform.storage, web_settings),
        webhook=Webhook(web_settings),
        companion=Companion(),
        sessions=sessions,
        attempts=attempts,
    )
    https = web_settings.base_url is not None and web_settings.base_url.scheme == "https"
    app = FastAPI(
        title="StereoSpot",
        version=version("stereo-spot-web-ui"),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=background,
        generate_unique_id_function=operation_name,
        middleware=[
            Middleware(SecurityHeaders, storage=platform.uploads.origin),
            Middleware(TrustedHosts, settings=web_settings),
            Middleware(
                SessionMiddleware,
                secret_key=secret.decode(),
                session_cookie="stereo_spot",
                max_age=SESSION_SECONDS,
                same_site="lax",
                https_only=https,
            ),
            Middleware(Gate, settings=web_settings, links=links, sessions=sessions, attempts=attempts),
            Middleware(Bodies),
            Middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES),
        ],
    )
    app.state.web = web
    install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # as FastAPI documents it
    app.mount("/static", OurFiles(directory=STATIC), name="static")
    return app


class OurFiles(StaticFiles):
    """Our files: kept by browsers for long where their address names their content, else asked for again each time."""

    def file_response(self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        named = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return answer


@asynccontextmanager
async def background(app: FastAPI) -> AsyncIterator[None]:
    """What goes on beside the requests: telling of jobs that ended, and removing what is old."""
    web: Web = app.state.web
    stop = threading.Event()
    threads = [
        threading.Thread(target=watch_for_ends, args=(web, stop), name="ended jobs", daemon=True),
        threading.Thread(target=web.push.outbox.run, args=(stop,), name="notifications", daemon=True),
        threading.Thread(target=web.webhook.outbox.run, args=(stop,), name="webhook", daemon=True),
        threading.Thread(target=run_retention, args=(web.platform, web.preferences, web.sessions, stop), name="retention", daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield
    stop.set()


def operation_name(route: APIRoute) -> str:
    """The name of an operation in the OpenAPI document: `jobs-create`."""
    return "-".join((*map(str, route.tags), route.name.rstrip("_").replace("_", "-")))
