"""Calling addresses that strangers name: those of the public Internet, and no others.

It is asked when a connection is made, of the very address that it goes to: a name may lead elsewhere each time that it is looked up.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

import httpcore2

EMBEDDING = ipaddress.IPv6Network("64:ff9b::/96")
"""Of NAT64: its last 32 bits are an IPv4 address."""


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
        if inside := [address for address in addresses if not is_public(address)]:
            raise Inside(f"{host} leads to {inside[0]}, which is not of the public Internet")
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public Internet, whatever way it is written."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in EMBEDDING:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            address = within
    return address.is_global and not address.is_multicast
