"""The workers that a command starts for itself: one supervised process tree on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from stereo_spot_cli.settings import CliSettings
from stereo_spot_runtime.supervisor import ProcessSpec, Supervisor
from stereo_spot_shared.rendering import Codec

FULL_HD = 1920 * 1080


def worker_bytes(pixels: int = FULL_HD, codec: Codec = Codec.AUTO) -> int:
    """Memory that a video worker, its renderer and its encoder take together, by the pixels of a source's picture.

    Measured (docs/adr/0006), shared pictures counted twice: 550 to 700 MB at 720p, 760 at 1080p, 1080 (8 bit) to 1770 (10 bit) at 4K.
    SVT-AV1 takes 400 bytes a pixel more (measured: 550 MB in 8 bit at 1080p side by side, 830 in 10 bit).
    """
    return 450_000_000 + (560 if codec is Codec.AV1 else 160) * pixels


def cores() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def choose_workers(
    wanted: int | None, *, segments: int | None = None, pixels: int = FULL_HD, codec: Codec = Codec.AUTO, model_bytes: int = 0
) -> int:
    """How many video workers to run: what was asked for, else one per core as far as memory and `segments` go.

    `pixels`: of a picture of the source. `model_bytes`: what each takes for its depth model.

    Segments are rendered independently, so a worker per core beats threads that wait for one another.
    """
    if wanted is not None:
        return wanted
    room = psutil.virtual_memory().available // (worker_bytes(pixels, codec) + model_bytes)
    return max(1, min(cores(), room, segments or cores()))


def threads_per_worker(workers: int) -> int:
    """Threads that each renderer may use: what the settings say, else its share of the cores."""
    return CliSettings().render_threads or max(1, cores() // workers)


def media_worker(environment: Mapping[str, str] | None = None) -> ProcessSpec:
    """One media worker."""
    return ProcessSpec("media-worker", (sys.executable, "-m", "media_worker.main"), env=environment or {})


def pipeline_workers(
    workers: int, *, environment: dict[str, str] | None = None, log_dir: Path | None = None, others: Sequence[ProcessSpec] = ()
) -> Supervisor:
    """A supervisor of one media worker and `workers` video workers, and of `others`, not started yet; logs go to files in `log_dir`."""
    common = environment or {}
    threads = {"STEREO_SPOT_RENDER_THREADS": str(threads_per_worker(workers))}
    return Supervisor(
        [
            media_worker(common),
            ProcessSpec("video-worker", (sys.executable, "-m", "video_worker.main"), count=workers, env={**common, **threads}),
            *others,
        ],
        log_dir=log_dir,
    )
