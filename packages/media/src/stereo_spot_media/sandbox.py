"""Run a function on hostile media in a child process that can do little harm, and that may die.

`run_in_child` is the parent's side, `apply_limits` the child's; `child.py` is the program between them. The child
gets an empty environment (no credentials), an address space limit, no network where the system permits it, and dies
with its parent. Whatever happens to it, the parent lives on with an error of the one tree.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import Field, TypeAdapter
from pydantic_core import to_json

from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import Interrupted, StereoSpotError, UnsupportedMedia, all_error_types

T = TypeVar("T")

POLL_SECONDS = 0.1
STOPPED_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


class ChildLimits(Value):
    """What a child process may use. None lifts a limit (CUDA, for one, maps far more addresses than it uses)."""

    address_space: int | None = Field(default=4 * 1024**3, gt=0)
    """Bytes of address space."""
    cpu_seconds: int | None = Field(default=None, gt=0)
    file_bytes: int | None = Field(default=None, gt=0)
    """Size of the largest file that it may write."""
    network: bool = False


class Call(Value):
    """What the parent tells the child, as one line of JSON on its standard input."""

    function: str = Field(pattern=r"^[\w.]+:\w+$")
    arguments: Any
    limits: ChildLimits
    parent: int


def run_in_child(
    function: str,
    arguments: Any,
    *,
    returns: type[T],
    limits: ChildLimits | None = None,
    on_progress: Callable[[Any], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    stall_seconds: float = 120.0,
) -> T:
    """Call `function` ("module:name") as `name(arguments, report)` in a child process and return what it returns.

    `arguments` is anything that pydantic writes as JSON; the child validates it against the annotation of the
    function's first parameter. What the function gives to `report` arrives at `on_progress`, decoded from JSON; its
    result is validated as `returns`. `on_progress` and `should_stop` are called in the calling thread, which must
    live until the child ends (the kernel ties the child's life to it).

    An error of the one tree arrives as itself. A child that crashes, exceeds a limit or says nothing for
    `stall_seconds` is UnsupportedMedia; when `should_stop` says so it is killed, and Interrupted is raised.
    """
    call = Call(function=function, arguments=arguments, limits=limits or ChildLimits(), parent=os.getpid())
    with tempfile.TemporaryFile() as complaints, started(complaints) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(to_json(call) + b"\n")
            process.stdin.close()
        for message in messages(process.stdout.fileno(), should_stop, stall_seconds):
            if "progress" in message:
                on_progress(message["progress"])
            elif "result" in message:
                return TypeAdapter(returns).validate_python(message["result"])
            else:
                raise with_complaints(decode_error(message["error"]), complaints)
        raise with_complaints(death(process.wait()), complaints)


@contextlib.contextmanager
def started(complaints: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The child, for the length of a `with` block; killed at its end if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stereo_spot_media.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env={"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then stops the child
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def messages(pipe: int, should_stop: Callable[[], bool], stall_seconds: float) -> Iterator[dict[str, Any]]:
    """The child's lines, decoded, until it closes its side."""
    pending = b""
    heard = time.monotonic()
    while True:
        if should_stop():
            raise Interrupted("The work was stopped.")
        if select.select([pipe], [], [], POLL_SECONDS)[0]:
            data = os.read(pipe, 1 << 20)
            if not data:
                return
            heard = time.monotonic()
            *lines, pending = (pending + data).split(b"\n")
            yield from (json.loads(line) for line in lines)
        elif time.monotonic() - heard > stall_seconds:
            raise UnsupportedMedia(
                f"Reading this file made no progress for {stall_seconds:g} seconds and was given up.",
                hint="The file may be damaged; convert it with another tool first.",
            )


def encode_error(error: BaseException) -> dict[str, str | None]:
    """An error as JSON, for `decode_error` on the other side. What is not of the tree becomes a plain StereoSpotError."""
    if isinstance(error, StereoSpotError):
        return {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    if isinstance(error, MemoryError):
        return encode_error(
            UnsupportedMedia(
                "This file needs more memory to be read than a media process may use.",
                hint="It may be damaged; otherwise raise the limit.",
            )
        )
    return {"type": "StereoSpotError", "message": f"Internal error: {type(error).__name__}: {error}", "hint": None}


def decode_error(encoded: dict[str, str | None]) -> StereoSpotError:
    """The error that `encode_error` wrote, as an instance of the same class."""
    kind = all_error_types().get(encoded["type"] or "", StereoSpotError)
    return kind(encoded["message"] or "", hint=encoded.get("hint"))


def death(status: int) -> StereoSpotError:
    """The error for a child that ended without a result."""
    if -status in STOPPED_FROM_OUTSIDE:
        return Interrupted("The media process was asked to stop.")
    if status >= 0:
        return UnsupportedMedia(
            f"The media process ended without a result (exit status {status}).",
            hint="The file may be damaged, or the machine is short of memory.",
        )
    return UnsupportedMedia(
        f"The process that read this file {cause_of_death(status)}.", hint="The file may be damaged; convert it with another tool first."
    )


def cause_of_death(status: int) -> str:
    """How a process ended, as the rest of a sentence about it; `status` is the one of `subprocess`."""
    if status >= 0:
        return f"ended with exit status {status}"
    name = signal.Signals(-status).name
    return {
        "SIGXCPU": "used up its processor time",
        "SIGXFSZ": "wrote a file beyond its limit",
        "SIGKILL": "was killed (SIGKILL), most likely for want of memory",
    }.get(name, f"crashed ({name})")


def with_complaints(error: StereoSpotError, complaints: IO[bytes]) -> StereoSpotError:
    """Attach the end of what the child wrote to its standard error, for the log."""
    size = complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, size - 4000))
    text = complaints.read().decode(errors="replace").strip()
    if text:
        error.add_note(text)
    return error


def apply_limits(limits: ChildLimits, *, parent: int | None = None) -> tuple[str, ...]:
    """Give up, for this process and for good, what it will not need; returns the names of what was applied.

    Call it first, before threads exist and before heavy libraries are imported. `parent` is the process whose death
    this one must not outlive. What the system does not permit (a network namespace inside a container, say) or does
    not know (anything but Linux) is left out of the answer and is no error.
    """
    applied = []
    for name, kind, value in (
        ("address_space", resource.RLIMIT_AS, limits.address_space),
        ("cpu_seconds", resource.RLIMIT_CPU, limits.cpu_seconds),
        ("file_bytes", resource.RLIMIT_FSIZE, limits.file_bytes),
        ("no_core_dump", resource.RLIMIT_CORE, 0),
    ):
        if value is not None and lower_limit(kind, value):
            applied.append(name)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if parent is not None and libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0:
            applied.append("dies_with_parent")
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)  # the parent died before the kernel was told
        if not limits.network and leave_network(libc):
            applied.append("no_network")
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            applied.append("no_new_privileges")
    return tuple(applied)


def lower_limit(kind: int, value: int) -> bool:
    """Lower a resource limit, for good; never raise one."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        return False
    return True


def leave_network(libc: ctypes.CDLL) -> bool:
    """Move into a network namespace of our own, which holds no interface that is up."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET) == 0:
        return True
    # A user namespace would give the right to do so, but root would lose its own rights over others' files by it.
    if user == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    with contextlib.suppress(OSError):  # without the maps the process is "nobody" by name only
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True
