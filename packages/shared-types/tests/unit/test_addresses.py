"""Which addresses may be asked: by example, and by comparison with the standard library."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stereo_spot_shared.addresses import may_be_asked

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
]
PRIVATE = ["10.0.0.1", "127.0.0.1", "127.255.255.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "::1", "fd12::1"]
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "fd00:ec2::254", "100::1", "2001:db8::1", "2001::1", "2001:20::1", "3fff::1",
    "2002:7f00:1::", "2002:808:808::1", "::127.0.0.1", "::8.8.8.8", "64:ff9b:1::7f00:1", "4000::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_asked(text):
    assert may_be_asked(ip_address(text), private=False)


@pytest.mark.parametrize("text", [*PRIVATE, *(f"::ffff:{one}" for one in PRIVATE if "." in one)])
def test_addresses_inside_only_where_an_operator_says_so(text):
    assert not may_be_asked(ip_address(text), private=False)
    assert may_be_asked(ip_address(text), private=True)


@pytest.mark.parametrize("text", [*NEVER, *(f"::ffff:{one}" for one in NEVER if "." in one and ":" not in one)])
def test_these_never_are(text):
    assert not may_be_asked(ip_address(text), private=False)
    assert not may_be_asked(ip_address(text), private=True)


NAT64, SIX_TO_FOUR, TEREDO = IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16"), IPv6Network("2001::/32")


def lies_within(address: IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address in an IPv6 address, as the standard library or the RFCs find it; else the address."""
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo or [None, None])[1] or address


@given(
    st.ip_addresses() | st.ip_addresses(v=6) | st.sampled_from([NAT64, SIX_TO_FOUR, TEREDO]).flatmap(lambda n: st.ip_addresses(network=n))
)
def test_what_may_be_asked_is_public_by_the_standard_library_too(address):
    """The other way round need not hold: more is refused than it knows."""
    if may_be_asked(address, private=False):
        last = lies_within(address) if isinstance(address, IPv6Address) else address
        special = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_unspecified")
        assert last.is_global
        assert [name for name in special if getattr(last, name)] == []


@given(st.ip_addresses(v=4))
def test_however_an_ipv4_address_is_wrapped_it_is_the_same(address):
    for private in (False, True):
        plain = may_be_asked(address, private=private)
        for wrapped in (IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")):
            assert may_be_asked(wrapped, private=private) == plain
        assert not may_be_asked(IPv6Address(f"::{address}"), private=private) or str(address) == "0.0.0.1"


@given(st.ip_addresses())
def test_what_is_allowed_in_public_is_allowed_inside(address):
    assert may_be_asked(address, private=True) or not may_be_asked(address, private=False)
