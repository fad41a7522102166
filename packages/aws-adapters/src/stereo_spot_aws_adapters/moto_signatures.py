"""Whether an address was signed, as AWS looks at it (Signature Version 4 in the query) and moto does not."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

_SIGNATURE = "X-Amz-Signature"
_TIME = "%Y%m%dT%H%M%SZ"


def is_forged(environ: Mapping[str, Any], secret: str) -> bool:
    """Whether a WSGI request is not what was signed, or was not signed at all, or its time is over. A preflight need not be signed."""
    if environ["REQUEST_METHOD"] == "OPTIONS" or "HTTP_AUTHORIZATION" in environ:
        return False
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    try:
        given = query.pop(_SIGNATURE)
        signed_at = datetime.strptime(query["X-Amz-Date"], _TIME).replace(tzinfo=UTC)
        over = datetime.now(UTC) > signed_at + timedelta(seconds=int(query["X-Amz-Expires"]))
        return over or not hmac.compare_digest(given, _signature(environ, query, secret))
    except (KeyError, ValueError):
        return True


def _signature(environ: Mapping[str, Any], query: Mapping[str, str], secret: str) -> str:
    """What the request must be signed with: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html."""
    names = query["X-Amz-SignedHeaders"].split(";")
    request = "\n".join(
        (
            environ["REQUEST_METHOD"],
            environ["RAW_URI"].partition("?")[0],
            "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())),
            *(f"{name}:{_header(environ, name)}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        )
    )
    scope = query["X-Amz-Credential"].split("/")[1:]
    to_sign = "\n".join((query["X-Amz-Algorithm"], query["X-Amz-Date"], "/".join(scope), hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for step in (*scope, to_sign):
        key = hmac.digest(key, step.encode(), "sha256")
    return key.hex()


def _header(environ: Mapping[str, Any], name: str) -> str:
    variable = name.upper().replace("-", "_")
    value: str = environ[variable if variable in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{variable}"]
    return value.strip()
