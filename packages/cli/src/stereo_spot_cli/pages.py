"""The web server that `up` starts beside the workers."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import time
import webbrowser

from pydantic import ValidationError

from stereo_spot_cli.output import CommandFailed
from stereo_spot_runtime.supervisor import ProcessSpec
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_web_ui.main import bound
from stereo_spot_web_ui.rendering import STATIC
from stereo_spot_web_ui.settings import WebSettings

ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - only recognised here, never chosen
OPENING_SECONDS = 30.0


def web_settings(host: str | None, port: int | None) -> WebSettings:
    """The settings of the pages, with what the command line says. CommandFailed where they cannot be served so."""
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        settings = WebSettings(**chosen)  # type: ignore[arg-type]  # names and types are those of the fields
    except ValidationError as error:
        raise CommandFailed("web", str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    if not (STATIC / "vendor").is_dir():
        raise CommandFailed("web", "the pages' JavaScript is not installed", hint="./nx run web-ui:vendor gets it; or use --no-web")
    try:
        bound(settings).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise CommandFailed(
            "web",
            f"the pages cannot be served at {settings.host}, port {settings.port}: {error.strerror or error}",
            hint="perhaps stereo-spot runs already; otherwise choose another --port" if taken else "choose another --host or --port",
        ) from error
    return settings


def web_process(settings: WebSettings) -> ProcessSpec:
    """The server's process."""
    place = {"STEREO_SPOT_WEB_HOST": settings.host, "STEREO_SPOT_WEB_PORT": str(settings.port)}
    return ProcessSpec("web-ui", (sys.executable, "-m", "stereo_spot_web_ui.main"), env=place)


def ingest_policy(settings: WebSettings | None) -> IngestPolicy:
    """Where videos are fetched from if the operator has not said: by whoever sits at this machine what is public, by others nothing."""
    alone = settings is None or settings.is_for_this_machine_only
    return IngestPolicy.HTTPS if alone else IngestPolicy.OFF


def web_address(settings: WebSettings) -> str:
    """Where a person finds the pages."""
    if settings.base_url is not None:
        return str(settings.base_url)
    host = socket.gethostname() if settings.host in ANYWHERE else f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/"


def open_in_browser(address: str, stop: threading.Event) -> None:
    """Open the pages as soon as they are served, without waiting for that here."""

    def wait_and_open() -> None:
        import httpx

        deadline = time.monotonic() + OPENING_SECONDS
        while not stop.is_set() and time.monotonic() < deadline:
            try:
                httpx.get(f"{address}health", timeout=2.0)
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                webbrowser.open(address)
                return

    threading.Thread(target=wait_and_open, name="browser", daemon=True).start()
