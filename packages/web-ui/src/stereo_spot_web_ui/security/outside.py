"""Calling addresses that strangers name: those of the public Internet, and no others.

It is asked when a connection is made, of the very address that it goes to: a name may lead elsewhere each time that it is looked up.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore2

from stereo_spot_shared.addresses import may_be_asked


class Inside(Exception):
    """A name leads to where nobody outside may have this server call."""


class PublicOnly(httpcore2.SyncBackend):
    """Makes connections to public addresses; Inside for any other."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """To the first of its addresses that answers, if all of them are public."""
        try:
            addresses = list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host}: {error}") from error
        if inside := [address for address in addresses if not may_be_asked(ip_address(address), private=False)]:
            raise Inside(f"{host} leads to {inside[0]}, which is not of the public Internet")
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)
