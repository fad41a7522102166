"""Which addresses a source may be fetched from, checked where the connection is made.

A name is resolved once, all of its addresses are checked, and the connection goes to one that was: a name that answers
differently the next time (DNS rebinding) is not asked a next time.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from ssl import SSLContext

import httpcore

from stereo_spot_shared.addresses import Address, may_be_asked
from stereo_spot_shared.errors import Interrupted, SourceRefused, SourceUnreachable

_TICK = 0.5


def checked_addresses(host: str, port: int, *, private: bool) -> list[Address]:
    """The addresses of a host, resolved once. SourceRefused where one of them may not be fetched from, or where there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise SourceUnreachable(f"The name {host} could not be looked up.", hint="Check the network; then try again.") from error
        raise SourceRefused(f"There is no server called {host}.", hint="Check the URL for a typing error.") from error
    except UnicodeError as error:
        raise SourceRefused(f"There can be no server called {host}.", hint="Check the URL for a typing error.") from error
    addresses = list(dict.fromkeys(ip_address(place[4][0]) for place in found))
    if not all(may_be_asked(address, private=private) for address in addresses):
        # Which address that is, is nobody's business outside.
        raise SourceRefused(
            f"{host} is an address inside, from which nothing is fetched.",
            hint="Give the video as a file, or have the operator set STEREO_SPOT_INGEST=private.",
        )
    return addresses


class GuardedBackend(httpcore.SyncBackend):
    """Connects to checked addresses only. Whoever waits in it notices within a second when `should_stop`, and raises Interrupted."""

    def __init__(self, *, private: bool, should_stop: Callable[[], bool]) -> None:
        self._private, self._should_stop = private, should_stop

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in checked_addresses(host, port, private=self._private):
            if self._should_stop():
                break
            try:
                stream = super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Stream(stream, self._should_stop)
        raise failure or Interrupted("told to stop while connecting")


class _Stream(httpcore.NetworkStream):
    """A connection whose reading ends when nobody wants it any more."""

    def __init__(self, stream: httpcore.NetworkStream, should_stop: Callable[[], bool]) -> None:
        self._stream, self._should_stop = stream, should_stop

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        give_up = time.monotonic() + timeout if timeout is not None else float("inf")
        while not self._should_stop():
            try:
                return self._stream.read(max_bytes, _TICK)
            except httpcore.ReadTimeout:
                if time.monotonic() >= give_up:
                    raise
        raise Interrupted("told to stop while fetching")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._should_stop)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
