"""What a server has under a URL: asked for from any byte on, and taken only where it says what it is."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore

from media_worker.addresses import GuardedBackend
from stereo_spot_shared.errors import SourceRefused, SourceUnreachable
from stereo_spot_shared.ingest import IngestPolicy, checked_url

MOST_REDIRECTS = 5
CONNECT_SECONDS = 5.0
"""For each address, and for each message of the TLS handshake."""
SILENT_SECONDS = 60.0
"""A connection over which nothing came for so long is taken for broken."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429})
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")


Headers = dict[bytes | str, bytes | str]


@dataclass(frozen=True)
class Begun:
    """What is here already: `offset` of `size` bytes, of content that the server called `validator`."""

    offset: int
    size: int
    validator: str


@dataclass(frozen=True)
class Answer:
    """Content that begins at byte `offset`: where what was begun goes on, or 0 where the server does not go on there."""

    offset: int
    size: int | None
    """Of the whole content; None where the server does not say."""
    validator: str | None
    """What the server calls this content (a strong ETag, else when it was changed); None: it does not tell one from another."""
    body: Iterator[bytes]
    """The rest of the content. SourceUnreachable where it breaks off, Interrupted when told to stop."""


@contextmanager
def asked(url: str, *, policy: IngestPolicy, should_stop: Callable[[], bool], begun: Begun | None = None) -> Iterator[Answer]:
    """Ask for what is under a checked URL, or only for the rest of what was `begun` if the content is still the same.

    Every redirect is checked like the URL itself. SourceRefused says why the answer is none that is taken, SourceUnreachable why there
    is none. An answer is only good within the `with` block.
    """
    headers: Headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"stereo-spot/{version('stereo-spot-media-worker')}"}
    backend = GuardedBackend(private=policy is IngestPolicy.PRIVATE, should_stop=should_stop)
    for _ in range(MOST_REDIRECTS + 1):
        place = urlsplit(url)
        part: Headers = {} if begun is None else {"Range": f"bytes={begun.offset}-", "If-Range": begun.validator}
        with (
            _in_words(place),
            httpcore.ConnectionPool(network_backend=backend) as pool,
            pool.stream("GET", _target(place), headers={"Host": place.netloc, **headers, **part}, extensions=_TIMEOUTS) as response,
        ):
            told = {name.decode().lower(): value.decode(errors="replace").strip() for name, value in response.headers}
            if response.status in _REDIRECTS and "location" in told:
                url = _onwards(url, told["location"], policy)
            elif begun is not None and not _goes_on(begun, response.status, told):
                begun = None
            else:
                yield _answer(place, response, told, begun)
                return
    raise SourceRefused(
        f"The URL leads from one place to the next, more than {MOST_REDIRECTS} times.", hint="Use the address of the video file itself."
    )


_TIMEOUTS = {"timeout": {"connect": CONNECT_SECONDS, "read": SILENT_SECONDS, "write": CONNECT_SECONDS, "pool": CONNECT_SECONDS}}


def _onwards(url: str, location: str, policy: IngestPolicy) -> str:
    try:
        return checked_url(urljoin(url, location), policy)
    except ValueError as error:
        raise SourceRefused("The URL leads to a place that is none.", hint="Use the address of the video file itself.") from error


def _target(place: SplitResult) -> httpcore.URL:
    query = f"?{place.query}" if place.query else ""
    return httpcore.URL(scheme=place.scheme, host=place.hostname or "", port=place.port, target=f"{place.path or '/'}{query}")


def _goes_on(begun: Begun, status: int, told: dict[str, str]) -> bool:
    """Whether what answers a request for the rest is that, or something that has nothing to do with parts.

    It may be none of the sort: another part, or one of other content, by a server that does not look.
    """
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return False
    if status != HTTPStatus.PARTIAL_CONTENT:
        return True
    begins, ends, size = map(int, match.groups()) if (match := _RANGE.fullmatch(told.get("content-range", ""))) else (-1, -1, -1)
    return (begins, ends, size) == (begun.offset, begun.size - 1, begun.size) and _validator(told) in {None, begun.validator}


def _answer(place: SplitResult, response: httpcore.Response, told: dict[str, str], begun: Begun | None) -> Answer:
    """What the server answered, if that can be taken."""
    host = place.netloc
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _LATER:
        raise SourceUnreachable(f"{host} cannot give the video now: it answered {_status(response)}.", hint="Try again later.")
    if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise SourceRefused(
            f"{host} does not give out the video: it answered {_status(response)}.",
            hint="It may need a sign-in, or a signed address has run out: open it in a browser where you are not signed in.",
        )
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise SourceRefused(f"{host} has no such video: it answered {_status(response)}.", hint="Check the URL for a typing error.")
    is_rest = begun is not None and response.status == HTTPStatus.PARTIAL_CONTENT
    if response.status != HTTPStatus.OK and not is_rest:
        raise SourceRefused(f"{host} does not give out the video: it answered {_status(response)}.", hint="Check the URL.")
    if (coding := told.get("content-encoding", "identity").lower()) not in {"identity", ""}:
        raise SourceRefused(f"{host} sends the video packed ({coding[:20]}), which it was asked not to.", hint="Give the video as a file.")
    if told.get("content-type", "").partition(";")[0].strip().lower() in {"text/html", "application/xhtml+xml"}:
        raise SourceRefused(
            f"The URL leads to a web page of {host} and not to a video.",
            hint="Use the address of the video file itself, which most often ends in .mp4, .mov or .mkv.",
        )
    if begun is not None and is_rest:
        return Answer(begun.offset, begun.size, begun.validator, _body(place, response))
    length = None if "transfer-encoding" in told else told.get("content-length")  # beside chunks it means nothing
    return Answer(0, None if length is None else int(length), _validator(told), _body(place, response))


def _validator(told: dict[str, str]) -> str | None:
    etag, changed = told.get("etag", ""), told.get("last-modified")
    found = etag if etag.startswith('"') else changed
    return found if found and found.isascii() else None


def _body(place: SplitResult, response: httpcore.Response) -> Iterator[bytes]:
    with _in_words(place):
        yield from response.iter_stream()


def _status(response: httpcore.Response) -> str:
    try:
        return f"{response.status} ({HTTPStatus(response.status).phrase})"
    except ValueError:
        return str(response.status)


@contextmanager
def _in_words(place: SplitResult) -> Iterator[None]:
    """Errors of the library as ours. They name the server and nothing behind it, since that may be a secret."""
    host = place.netloc
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.rstrip(".")
            raise SourceRefused(f"{host} does not prove that it is {host}: {reason}.", hint="Check the URL.") from error
        raise SourceUnreachable(f"{host} could not be reached: {str(error) or 'it does not answer'}.", hint="Try again later.") from error
    except httpcore.TimeoutException as error:
        raise SourceUnreachable(f"{host} has sent nothing for {SILENT_SECONDS:.0f} s.", hint="Try again later.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise SourceUnreachable(f"The connection to {host} broke: {error}.", hint="Try again later.") from error
