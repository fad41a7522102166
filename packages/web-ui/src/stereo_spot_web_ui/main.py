"""The web server as a process."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from stereo_spot_runtime.logging import configure_logging, get_logger
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.settings import RuntimeSettings
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_web_ui.app import create_app
from stereo_spot_web_ui.settings import WebSettings

ORPHAN_SECONDS = 1.0
GRACE_SECONDS = 3


def main() -> None:
    """Serve until told to stop; the exit status says whether that went well."""
    runtime = RuntimeSettings()
    configure_logging(runtime.log_level, runtime.log_format)
    log = get_logger()
    try:
        settings = WebSettings()
        sockets = [bound(settings)]
        platform = open_platform(runtime.storage_adapter)
    except ValidationError as error:
        log.error("the web server could not start", error=str(error.errors()[0]["msg"]).removeprefix("Value error, "))  # noqa: TRY400
        sys.exit(1)
    except OSError as error:
        log.error(  # noqa: TRY400
            "the web server could not start",
            error=f"nothing can listen there: {error.strerror}",
            hint="choose another port",
        )
        sys.exit(1)
    except StereoSpotError as error:
        log.error("the web server could not start", error=str(error), hint=error.hint)  # noqa: TRY400
        sys.exit(1)
    try:
        server = uvicorn.Server(config_of(create_app(platform, settings), settings))

        # For what comes before uvicorn listens, and for what it raises once more after it: that would end us before the platform is closed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)

        if settings.supervisor_pid is not None:
            threading.Thread(target=end_with, args=(settings.supervisor_pid, server), daemon=True).start()
        log.info("serving", address=f"http://{settings.host}:{sockets[0].getsockname()[1]}")
        server.run(sockets)
    finally:
        platform.close()
    sys.exit(0 if server.started else 1)


def config_of(app: FastAPI, settings: WebSettings) -> uvicorn.Config:
    """How the application is served: what a proxy says of who asks is believed where the settings name the proxy."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        proxy_headers=settings.base_url is not None,
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
    )


def bound(settings: WebSettings) -> socket.socket:
    """The socket to listen at. OSError where that cannot be."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError:
        listener.close()
        raise
    return listener


def end_with(supervisor: int, server: uvicorn.Server) -> None:
    """Stop the server when the process that started this one is gone."""
    while os.getppid() == supervisor:
        time.sleep(ORPHAN_SECONDS)
    server.should_exit = True


if __name__ == "__main__":
    main()
