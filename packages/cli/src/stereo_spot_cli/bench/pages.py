"""How fast the library is with many jobs: a server on a platform of its own, asked over HTTP."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import httpx
from rich.table import Table

from stereo_spot_cli.conversion.progress import counting
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.settings import export
from stereo_spot_cli.tables import plain_table
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.settings import child_environment
from stereo_spot_shared.base import Value
from stereo_spot_shared.jobs import Job, JobStatus, Source, new_job_id
from stereo_spot_shared.keys import source_key
from stereo_spot_shared.rendering import RenderParams

STARTING_SECONDS = 30.0
STATUSES = (*[JobStatus.COMPLETED] * 17, JobStatus.FAILED, JobStatus.RENDERING, JobStatus.QUEUED)
PATHS = {
    "library": "/",
    "filtered": "/?show=failed",
    "searched": "/?name=number+77",
    "searched in vain": "/?name=nothing",
    "API, 50 jobs": "/api/v1/jobs",
}


class PageTimes(Value):
    """Milliseconds of one page."""

    page: str
    median: float
    p95: float


class PagesBench(Value):
    """What was measured."""

    jobs: int
    requests: int
    pages: tuple[PageTimes, ...]


def bench_pages(jobs: int, requests: int, *, quiet: bool) -> PagesBench:
    """Make so many jobs, and ask for each page so many times."""
    with tempfile.TemporaryDirectory(prefix="stereo-spot-bench-") as folder:
        environment = child_environment(
            {"STORAGE_ADAPTER": "local", "STEREO_SPOT_DATA_DIR": folder, "STEREO_SPOT_SCRATCH_DIR": folder, "STEREO_SPOT_WEB_PORT": "0"}
        )
        with counting(f"{jobs:,} jobs", jobs, quiet=quiet) as show:
            make_jobs(jobs, Path(folder), show)
        command = [sys.executable, "-m", "stereo_spot_web_ui.main"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            try:
                address = address_of(server)
                with httpx.Client(base_url=address, timeout=60) as client:
                    pages = tuple(PageTimes(page=name, **times(client, path, requests)) for name, path in PATHS.items())
            finally:
                server.terminate()
        return PagesBench(jobs=jobs, requests=requests, pages=pages)


def make_jobs(count: int, data_dir: Path, show: Callable[[int], None]) -> None:
    """Jobs of every kind, mostly finished ones."""
    export({"STEREO_SPOT_DATA_DIR": str(data_dir)})
    platform = open_platform("local")
    try:
        for number in range(count):
            job_id = new_job_id()
            source = Source(key=source_key(job_id), name=f"Film number {number}.mp4", etag="e", size=10**9)
            platform.jobs.create(Job(job_id=job_id, source=source, params=RenderParams(), status=STATUSES[number % len(STATUSES)]))
            show(number + 1)
    finally:
        platform.close()


def address_of(server: subprocess.Popen[str]) -> str:
    """Where a server that was just started serves. CommandFailed where it does not start."""
    assert server.stderr is not None  # noqa: S101 - it is a pipe
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline and (line := server.stderr.readline()):
        if "address=" in line:
            return line.partition("address=")[2].split()[0]
    raise CommandFailed("web", "the web server did not start")


def times(client: httpx.Client, path: str, requests: int) -> dict[str, float]:
    """The time of a request for `path`, in milliseconds, over so many of them."""
    found = []
    for _ in range(requests):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        found.append((time.perf_counter() - began) * 1000)
    return {"median": round(median(found), 1), "p95": round(quantiles(found, n=20)[-1], 1)}


def pages_table(found: PagesBench) -> Table:
    """The same for a person."""
    table = plain_table("page", "median", "95 of 100 within")
    for one in found.pages:
        table.add_row(one.page, f"{one.median:.0f} ms", f"{one.p95:.0f} ms")
    return table
