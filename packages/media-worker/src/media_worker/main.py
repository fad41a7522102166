"""The media worker as a process: ingests, chunks, reassembles, sweeps, and makes renditions."""

from __future__ import annotations

import sys
from functools import partial

from media_worker.chunk import chunk
from media_worker.ingest import ingest
from media_worker.reassemble import reassemble
from media_worker.rendition import rendition
from media_worker.settings import MediaWorkerSettings
from media_worker.sweep import sweep
from stereo_spot_runtime.consumer import Handler
from stereo_spot_runtime.scratch import remove_abandoned
from stereo_spot_runtime.worker import run_worker
from stereo_spot_shared.jobs import Stage


def main() -> None:
    """Work until told to stop; the exit status says whether that went well."""
    settings = MediaWorkerSettings()
    remove_abandoned(settings.scratch_dir)
    handlers: dict[Stage, Handler] = {
        Stage.INGEST: partial(ingest, settings=settings),
        Stage.CHUNK: partial(chunk, settings=settings),
        Stage.REASSEMBLE: partial(reassemble, settings=settings),
        Stage.SWEEP: sweep,
        Stage.RENDITION: partial(rendition, settings=settings),
    }
    sys.exit(run_worker("media-worker", handlers, reconcile=True))


if __name__ == "__main__":
    main()
