"""What a conversion needs of this machine, looked at one by one."""

from __future__ import annotations

import os
import platform as system
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from stereo_spot_cli.data_dir import open_data_dir
from stereo_spot_cli.inspection import STALL_SECONDS
from stereo_spot_cli.platform import opened
from stereo_spot_cli.settings import CliSettings
from stereo_spot_cli.words import count, size
from stereo_spot_cli.workers import choose_workers, cores, threads_per_worker, worker_bytes
from stereo_spot_media.sandbox import run_in_child
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.rendering import Encoder

ROOMY_BYTES = 5_000_000_000
COMMON_DECODERS = ("h264", "hevc", "vp9", "libdav1d", "mpeg2video", "mpeg4", "prores")
WORKER_MODULES = ("media_worker.main", "video_worker.main", "stereo_inference.main")
PACKAGES = ("stereo-spot-cli", "stereo-inference", "av", "numpy", "numba", "opencv-python-headless")
ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
"""Distributions that hold the package `onnxruntime`, of which one is installed: the images for NVIDIA have the second."""


class Verdict(StrEnum):
    """How a finding matters."""

    OK = "ok"
    NOTE = "note"
    """It works without; something is slower or missing."""
    MISSING = "missing"
    """A conversion cannot work."""


class Finding(Value):
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    found: str
    advice: str | None = None


def diagnose(data_dir: Path | None) -> list[Finding]:
    """Everything that was found, in the order in which a person would ask. Never raises."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        _versions,
        _codecs,
        _depth,
        _processors,
        _graphics,
        lambda: _place(data_dir),
        lambda: _platform(data_dir),
        _compiler_cache,
        _isolation,
    ]
    findings: list[Finding] = []
    for look in looks:
        try:
            findings += look()
        except Exception as error:  # noqa: BLE001 - a doctor says what is broken; it does not break
            findings.append(
                Finding(
                    verdict=Verdict.MISSING,
                    what=look.__name__.strip("_"),
                    found=f"{type(error).__name__}: {error}",
                    advice="install again: ./nx run stereo-spot:install-deps",
                )
            )
    return findings


def _versions() -> Iterator[Finding]:
    import av

    yield Finding(verdict=Verdict.OK, what="Python", found=f"{sys.version.split()[0]} on {system.system()} {system.machine()}")
    packages = (*PACKAGES, next(filter(_is_installed, ONNX_RUNTIMES), ONNX_RUNTIMES[0]))
    yield Finding(verdict=Verdict.OK, what="packages", found=", ".join(f"{name} {metadata.version(name)}" for name in packages))
    yield Finding(verdict=Verdict.OK, what="FFmpeg", found=f"{av.ffmpeg_version_info} (comes with PyAV)")
    absent = [name for name in WORKER_MODULES if find_spec(name) is None]
    if absent:
        yield Finding(
            verdict=Verdict.MISSING,
            what="workers",
            found=f"not installed: {', '.join(absent)}",
            advice="install again: ./nx run stereo-spot:install-deps",
        )
    else:
        yield Finding(verdict=Verdict.OK, what="workers", found="media worker, video worker and inference are installed")


def _codecs() -> Iterator[Finding]:
    from stereo_inference.video_io.encoders import ENCODERS

    encoders = sorted({line.name for (encoder, *_), line in ENCODERS.items() if encoder is Encoder.SOFTWARE})
    absent = [name for name in encoders if not _has_codec(name, "w")]
    if absent:
        yield Finding(
            verdict=Verdict.MISSING,
            what="encoders",
            found=f"not in this PyAV: {', '.join(absent)}",
            advice="install PyAV from its wheels: pip install --only-binary av av",
        )
    else:
        yield Finding(verdict=Verdict.OK, what="encoders", found=", ".join(encoders))
    hardware = run_in_child("stereo_spot_cli.diagnosis:usable_in_child", Nothing(), returns=Hardware, stall_seconds=STALL_SECONDS)
    found = f"{', '.join(hardware.encoders)} (used unless --encoder software)" if hardware.encoders else "none: software encodes"
    yield Finding(verdict=Verdict.OK, what="encoders in hardware", found=found)
    absent = [name for name in COMMON_DECODERS if not _has_codec(name, "r")]
    if absent:
        yield Finding(
            verdict=Verdict.NOTE,
            what="decoders",
            found=f"not in this PyAV: {', '.join(absent)}",
            advice="videos of these codecs are refused; PyAV's own wheels have them",
        )
    else:
        yield Finding(verdict=Verdict.OK, what="decoders", found=f"{', '.join(COMMON_DECODERS)} and more")


class Nothing(Value):
    """What `usable_in_child` needs to know."""


class Hardware(Value):
    """What it answers."""

    encoders: tuple[str, ...]


def usable_in_child(task: Nothing, report: Callable[[Any], None]) -> Hardware:  # noqa: ARG001 - every child is called with both
    """The hardware encoders of this machine, tried where a driver that crashes does no harm."""
    from stereo_inference.video_io.hardware import usable_encoders

    return Hardware(encoders=usable_encoders())


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    import av
    from av.codec.codec import UnknownCodecError

    try:
        av.Codec(name, mode)
    except UnknownCodecError:
        return False
    return True


def _is_installed(distribution: str) -> bool:
    return next(iter(metadata.distributions(name=distribution)), None) is not None


def _depth() -> Iterator[Finding]:
    from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS
    from stereo_inference.depth.model_store import ModelStore
    from stereo_inference.settings import Settings

    store = ModelStore()
    present = [entry.name for entry in MODELS.values() if store.is_present(entry)]
    if DEFAULT_MODEL in present:
        yield Finding(verdict=Verdict.OK, what="depth", found=f"{', '.join(present)} in {store.folder}")
    elif Settings().offline:
        yield Finding(
            verdict=Verdict.NOTE,
            what="depth",
            found=f"{', '.join(present) or 'no model'} in {store.folder}: auto takes basic, a mild relief (STEREO_SPOT_OFFLINE is set)",
            advice=f"put {DEFAULT_MODEL} at {store.path(MODELS[DEFAULT_MODEL])}",
        )
    else:
        yield Finding(
            verdict=Verdict.NOTE,
            what="depth",
            found=f"{', '.join(present) or 'no model'} in {store.folder}: auto fetches {DEFAULT_MODEL}, or takes basic, a mild relief",
            advice=f"stereo-spot models pull {DEFAULT_MODEL}",
        )


def _processors() -> Iterator[Finding]:
    import psutil

    workers = choose_workers(None)
    memory = psutil.virtual_memory()
    yield Finding(
        verdict=Verdict.OK,
        what="processors",
        found=f"{count(cores(), 'core')}: {count(workers, 'video worker')} of {count(threads_per_worker(workers), 'thread')} by default",
    )
    tight = memory.available < 2 * worker_bytes()
    yield Finding(
        verdict=Verdict.NOTE if tight else Verdict.OK,
        what="memory",
        found=f"{size(memory.available)} of {size(memory.total)} are free",
        advice="close other programs, or use --workers 1" if tight else None,
    )


def _graphics() -> Iterator[Finding]:
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=False
        )
        names = [line.strip() for line in answer.stdout.splitlines() if line.strip()] if answer.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        names = []
    found = f"{', '.join(names)} (not used: the estimators present run on the processor)" if names else "none (and none is needed)"
    yield Finding(verdict=Verdict.OK, what="graphics processor", found=found)


def _place(chosen: Path | None) -> Iterator[Finding]:
    try:
        root = open_data_dir(chosen).root
    except StereoSpotError as error:
        yield Finding(verdict=Verdict.MISSING, what="data directory", found=error.message, advice=error.hint)
        return
    yield Finding(verdict=Verdict.OK, what="data directory", found=f"{root} can be written")
    free = shutil.disk_usage(root).free
    tight = free < ROOMY_BYTES
    yield Finding(
        verdict=Verdict.NOTE if tight else Verdict.OK,
        what="disk",
        found=f"{size(free)} are free in the data directory",
        advice="a film needs about three times its own size; choose another disk with --data-dir" if tight else None,
    )


def _platform(chosen: Path | None) -> Iterator[Finding]:
    try:
        with opened(chosen) as platform:
            unfinished = sum(not job.status.is_final for job in platform.jobs.list(limit=100).jobs)
            found = f"“{platform.name}” answers; {count(unfinished, 'unfinished job')} among the newest"
    except StereoSpotError as error:
        yield Finding(verdict=Verdict.MISSING, what="platform", found=error.message, advice=error.hint)
        return
    yield Finding(verdict=Verdict.OK, what="platform", found=found)


def _compiler_cache() -> Iterator[Finding]:
    import stereo_inference

    package = Path(stereo_inference.__file__).parent
    chosen = CliSettings().numba_cache_dir
    place = chosen or package
    if os.access(place, os.W_OK):
        yield Finding(verdict=Verdict.OK, what="compiled code", found=f"is kept in {place}")
    else:
        yield Finding(
            verdict=Verdict.NOTE,
            what="compiled code",
            found=f"{place} cannot be written: it is kept in your cache directory, or compiled at every start",
            advice="set NUMBA_CACHE_DIR to a directory that can be written",
        )


def _isolation() -> Iterator[Finding]:
    from stereo_spot_media.sandbox import run_in_child

    reachable = run_in_child("stereo_spot_cli.diagnosis:interfaces_in_child", {}, returns=list[str])
    if set(reachable) <= {"lo"}:
        yield Finding(verdict=Verdict.OK, what="isolation", found="media is opened in a process with limits and without a network")
    else:
        yield Finding(
            verdict=Verdict.NOTE,
            what="isolation",
            found="media is opened in a process with limits; the system does not let it give up the network",
        )


def interfaces_in_child(nothing: dict[str, str], report: Callable[[Any], None]) -> list[str]:  # noqa: ARG001 - the shape of such functions
    """Names of the network interfaces that the media process sees."""
    return [name for _, name in socket.if_nameindex()]
