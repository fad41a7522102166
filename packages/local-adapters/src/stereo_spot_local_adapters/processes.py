"""Who a process is, so that another one can tell whether it still lives.

A process id alone does not do: ids are used again, and mean nothing in another container or after a restart of the
machine. So an identity also holds the start time of the process, the boot and the process namespace.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

_SEPARATOR = "~"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, told apart from every other that ever ran. `str()` and `parse` are each other's inverse."""

    pid: int
    started: str
    """When it started: clock ticks since boot on Linux, seconds since the epoch elsewhere."""
    boot: str
    """The boot of the kernel that it runs under; "" where `started` needs none."""
    namespace: str
    """Where its pid means something (a container has its own)."""
    host: str

    def __str__(self) -> str:
        return _SEPARATOR.join([str(self.pid), self.started, self.boot, self.namespace, self.host])

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity:
        """ValueError when `text` is no identity."""
        pid, started, boot, namespace, host = text.split(_SEPARATOR)
        return cls(int(pid), started, boot, namespace, host)


def this_process() -> ProcessIdentity:
    """The identity of the calling process (also right after a fork)."""
    return _identity(os.getpid())


def is_dead(identity: ProcessIdentity) -> bool:
    """Whether that process is certainly gone. False where this process cannot tell (another host or container)."""
    here = this_process()
    if identity.host != here.host:
        return False
    if identity.boot != here.boot:
        return True
    if identity.namespace != here.namespace:
        return False
    return _started(identity.pid) not in {identity.started, _UNKNOWN}


@lru_cache(maxsize=4)
def _identity(pid: int) -> ProcessIdentity:
    host = socket.gethostname().replace(_SEPARATOR, "-").replace("/", "-")[:40]  # part of file names, which may be short
    if sys.platform != "linux":
        return ProcessIdentity(pid, _started(pid), boot="", namespace="", host=host)
    try:
        boot = _BOOT_ID.read_text().strip()
        namespace = str(_NAMESPACE.readlink()).strip("pid:[]")
    except OSError:  # a sandbox that hides them: a name that nobody shares, so that nobody takes this process for dead
        return ProcessIdentity(pid, _UNKNOWN, boot="", namespace="", host=f"hidden-{secrets.token_hex(8)}")
    return ProcessIdentity(pid, _started(pid), boot, namespace, host)


_GONE = ""
_UNKNOWN = "?"


def _started(pid: int) -> str:
    """When `pid` started; _GONE where it does not run (a zombie does nothing any more), _UNKNOWN where it is hidden."""
    try:
        if sys.platform != "linux":
            process = psutil.Process(pid)
            return _GONE if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
        # Not psutil here: on Linux its create_time moves when the clock is set, and a live process would look dead.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return _GONE if state in "ZX" else fields[18]
    except psutil.NoSuchProcess:
        return _GONE
    except (psutil.AccessDenied, OSError):
        return _UNKNOWN if _exists(pid) else _GONE


def _exists(pid: int) -> bool:
    """For a /proc that hides other users' processes (hidepid)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
