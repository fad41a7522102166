"""Sources that are named by a URL: which URLs are taken at all, and what of them may be shown."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from urllib.parse import parse_qsl, unquote

from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from stereo_spot_shared.errors import SourceRefused
from stereo_spot_shared.naming import harmless_name

LONGEST_URL = 4096


class IngestPolicy(StrEnum):
    """Where workers may fetch sources from; each value allows what the one before it does, and more."""

    OFF = "off"
    """Nothing is fetched."""
    HTTPS = "https"
    """From public addresses, over https."""
    HTTP = "http"
    """Over http, too."""
    PRIVATE = "private"
    """From this machine and private networks, too: whoever can make a job can then have anything in there asked."""


_URL = TypeAdapter(AnyHttpUrl)


def checked_url(text: str, policy: IngestPolicy) -> str:
    """A URL as it is fetched: normalised as browsers do, without its fragment. SourceRefused for one that is not to be fetched.

    What its host's addresses are is looked at when a worker connects to them, and not before: names may change their addresses.
    """
    if policy is IngestPolicy.OFF:
        raise SourceRefused(
            "No videos are fetched from URLs here.",
            hint="Give the video as a file, or have the operator set STEREO_SPOT_INGEST=https.",
        )
    if len(text) > LONGEST_URL:
        raise SourceRefused(f"The URL is longer than {LONGEST_URL} characters.", hint="Use the address of the video file itself.")
    try:
        url = _URL.validate_python(text.strip())
    except ValidationError:
        raise SourceRefused(
            "That is no URL of a video.", hint="It begins with https:// (or http://, where that is allowed) and a host."
        ) from None
    if url.username or url.password:
        # Written down they would be shown to all who may see the job, and sent to wherever the server points next.
        raise SourceRefused("The URL holds a user name or a password.", hint="Use an address that needs none, a signed one for example.")
    if url.scheme == "http" and policy is IngestPolicy.HTTPS:
        raise SourceRefused(
            "The URL begins with http://: anybody on the way can read and change what it gives.",
            hint="Use https://, or have the operator set STEREO_SPOT_INGEST=http.",
        )
    return str(url).partition("#")[0]


def shown_url(url: str) -> str:
    """A checked URL, or what `same_video` made of one, without its query, which is where signed addresses carry what lets anybody fetch."""
    return url.partition("?")[0].partition("#")[0]


def same_video(url: str) -> str:
    """A checked URL's video: equal for URLs that differ in a signature only. It holds no secret: of a query it has but a hash.

    What no signing scheme is known to write may be what names the video (`?id=7`), so it counts: to fetch a video once more is better
    than to hand out another one.
    """
    place, _, query = url.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    named = {name.lower() for name, _ in parameters}
    signing = frozenset[str]().union(*(scheme for sign, scheme in _SIGNING.items() if sign in named))
    counts = sorted(
        (name, value) for name, value in parameters if name.lower() not in signing and not name.lower().startswith(_SIGNING_PREFIXES)
    )
    return f"{place}#{hashlib.sha256(json.dumps(counts).encode()).hexdigest()}" if counts else place


_SIGNING_PREFIXES = ("x-amz-", "x-goog-")
"""Signature version 4 of AWS, and Google's."""
_SIGNING = {
    # S3's signature version 2, CloudFront, and Google's version 2.
    "signature": frozenset({"signature", "expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid"}),
    # Shared access signatures of Azure, and what they carry beside for a signed-in user.
    "sig": frozenset({"sig", "sv", "ss", "srt", "sr", "sp", "st", "se", "sip", "spr", "si"})
    | frozenset({"skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid"}),
}
"""What signing schemes write beside the parameter that is the signature; the short names mean something else where there is none."""


def name_in_url(url: str) -> str:
    """What the video is called: the last part of a checked URL's path, made harmless."""
    return harmless_name(unquote(shown_url(url).split("/", 3)[3].rpartition("/")[2]))
