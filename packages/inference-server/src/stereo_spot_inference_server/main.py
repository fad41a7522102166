"""The command `stereo-spot-inference-server`."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError

from stereo_spot_inference_server.app import create_app
from stereo_spot_inference_server.device import Device
from stereo_spot_inference_server.renders import Renders
from stereo_spot_inference_server.settings import ServerSettings
from stereo_spot_runtime.logging import configure_logging, get_logger
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.scratch import remove_abandoned
from stereo_spot_runtime.settings import RuntimeSettings
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces import ObjectStorage
from video_worker.backends.local import LocalBackend
from video_worker.settings import VideoWorkerSettings

GRACE_SECONDS = 3

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def inference_server() -> None:
    """Renders segments over HTTP."""


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen at (STEREO_SPOT_INFERENCE_SERVER_PORT; otherwise 8080).")] = None,
) -> None:
    """Serve GET /ping and POST /invocations until told to stop.

    Objects are read from and written to the platform that STORAGE_ADAPTER names, which must be that of the callers.

    Example:  STORAGE_ADAPTER=local stereo-spot-inference-server serve --port 8081
    """
    runtime = RuntimeSettings()
    configure_logging(runtime.log_level, runtime.log_format)
    log = get_logger()
    try:
        settings = ServerSettings() if port is None else ServerSettings(port=port)
        platform = open_platform(runtime.storage_adapter)
    except ValidationError as error:
        log.error("the server could not start", error=str(error.errors()[0]["msg"]).removeprefix("Value error, "))  # noqa: TRY400
        sys.exit(1)
    except StereoSpotError as error:
        log.error("the server could not start", error=str(error), hint=error.hint)  # noqa: TRY400
        sys.exit(1)
    try:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(renders_of(settings, platform.storage), settings),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                server_header=False,
            )
        )

        # For what comes before uvicorn listens, and for what it raises once more after it: that would end us before the platform is closed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)

        log.info("serving", address=f"http://{settings.host}:{settings.port}")
        server.run()
    finally:
        platform.close()
    sys.exit(0 if server.started else 1)


def renders_of(settings: ServerSettings, storage: ObjectStorage) -> Renders:
    """Everything behind the application: a rendering process for each device."""
    worker = VideoWorkerSettings()
    remove_abandoned(worker.scratch_dir)
    devices = [
        Device(
            device or "device 0",
            LocalBackend(worker, storage, environment={"CUDA_VISIBLE_DEVICES": device} if device else {}),
        )
        for device in settings.devices
    ]
    return Renders(
        devices,
        max_waiting=settings.max_waiting,
        abandon_seconds=settings.abandon_seconds,
        keep_seconds=settings.keep_seconds,
    )


def main() -> None:
    """The entry point of the package."""
    app()


if __name__ == "__main__":
    main()
