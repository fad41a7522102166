"""Which IP addresses somebody else may have us ask: those of the public Internet, and others only where an operator says so.

Whoever uses this asks it of the very address that a connection goes to, since a name may lead elsewhere each time that it is looked up.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# The standard library says what is global, after IANA's registries. What versions of it miss, and what leads to other addresses, is here.
_NOT_FOR_ANYBODY_4 = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")))
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_FOR_ANYBODY_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")

_PRIVATE_4 = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_6 = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "fd00:ec2::254")))
"""Where clouds hand out credentials to whoever asks, inside of ranges that are private; 169.254.169.254 is link-local."""


def may_be_asked(address: Address, *, private: bool) -> bool:
    """Whether an address is a public one, or, with `private`, one of this machine or of a private network.

    Link-local, multicast, reserved and metadata addresses never are, in whatever form they are written (IPv4-mapped, NAT64).
    """
    address = _without_wrapping(address)
    if address in _METADATA:
        return False
    if isinstance(address, IPv4Address):
        inside = any(address in network for network in _PRIVATE_4)
        outside = address.is_global and not address.is_multicast and not any(address in network for network in _NOT_FOR_ANYBODY_4)
    else:
        inside = any(address in network for network in _PRIVATE_6)
        outside = address.is_global and address in _UNICAST_6 and not any(address in network for network in _NOT_FOR_ANYBODY_6)
    return outside or (private and inside)


def _without_wrapping(address: Address) -> Address:
    """The IPv4 address that a packet for this IPv6 address ends up at, where there is one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
