"""Which addresses sources are fetched from."""

from __future__ import annotations

import socket

import httpcore
import pytest

from media_worker.addresses import GuardedBackend, checked_addresses
from stereo_spot_shared.errors import Interrupted, SourceRefused, SourceUnreachable


def names(monkeypatch, *answers):
    """Have names resolved to these, one answer after the other; returns what was asked."""
    asked, left = [], list(answers)
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *arguments, **options):
        if host[:1].isdigit() or ":" in host:
            return real(host, port, *arguments, **options)
        asked.append(host)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_with_one_address_inside_is_refused(monkeypatch):
    names(monkeypatch, ["8.8.8.8", "10.0.0.7"])
    with pytest.raises(SourceRefused, match=r"a\.example is an address inside") as refused:
        checked_addresses("a.example", 443, private=False)
    assert "10.0.0.7" not in str(refused.value), "what names mean inside is not told outside"


@pytest.mark.parametrize(("number", "kind"), [(socket.EAI_NONAME, SourceRefused), (socket.EAI_AGAIN, SourceUnreachable)])
def test_a_name_that_is_not_known_is_another_matter_than_one_that_cannot_be_looked_up(monkeypatch, number, kind):
    names(monkeypatch, socket.gaierror(number, "resolver says no"))
    with pytest.raises(kind, match=r"a\.example"):
        checked_addresses("a.example", 443, private=False)


def test_no_server_is_called_what_cannot_be_a_name():
    with pytest.raises(SourceRefused, match="no server"):
        checked_addresses("x" * 70 + ".example", 443, private=False)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch, listener):
    """DNS rebinding: a name that answers differently the second time is not asked a second time."""
    asked = names(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    backend = GuardedBackend(private=True, should_stop=lambda: False)
    stream = backend.connect_tcp("a.example", listener.getsockname()[1], timeout=5)
    assert stream.get_extra_info("server_addr") == listener.getsockname()
    assert asked == ["a.example"]
    stream.close()


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch, listener):
    names(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    backend = GuardedBackend(private=True, should_stop=lambda: False)
    stream = backend.connect_tcp("a.example", listener.getsockname()[1], timeout=5)
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    stream.close()
    names(monkeypatch, ["127.0.0.2", "127.0.0.3"])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("a.example", listener.getsockname()[1], timeout=5)


def test_who_waits_for_a_silent_server_can_be_stopped(listener):
    stops = iter([False, False, False, True])
    stream = GuardedBackend(private=True, should_stop=lambda: next(stops)).connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
    with pytest.raises(Interrupted):
        stream.read(1, timeout=60)
    stream.close()


def test_a_silent_server_is_given_up(listener):
    stream = GuardedBackend(private=True, should_stop=lambda: False).connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, timeout=0.6)
    stream.close()
