"""What goes wrong between a program and AWS, put in front of the server that tests speak to."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stereo_spot_aws_adapters.moto_signatures import is_forged

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

CONTROL = "/stereo-spot/"
"""Below this path the server is told to misbehave, and asked what it was asked for."""

Kind = Literal["throttled", "away", "expired", "forbidden", "ended", "novel", "silent", "lost", "cut", "trusting"]


@dataclass(frozen=True)
class Fault:
    """One way to misbehave.

    `throttled`, `expired`, `forbidden` and `ended` (of an upload) are AWS's own answers, `novel` is one that it does not give yet,
    `away` is a 503 of something before AWS. `silent` answers after `seconds`; `lost` does what is asked and breaks the connection
    instead of answering; `cut` breaks it in the middle of the answer. `trusting` looks at no signature of an address.
    """

    kind: Kind
    operation: str = ""
    """How the operation begins, as `MotoServer.requests` names it; "" means all."""
    times: int = 1_000_000_000
    share: float = 1.0
    """Of the operations, drawn by chance."""
    seconds: float = 2.0


class FaultyApp:
    """A WSGI application that misbehaves as it is told, and counts what it is asked for.

    Otherwise it takes no address that was changed, or whose time is over: `secret` is what addresses are signed with.
    """

    def __init__(self, app: WsgiApp, secret: str) -> None:
        self._app = app
        self._secret = secret
        self._counts: Counter[str] = Counter()
        self._faults: list[tuple[Fault, list[None]]] = []
        self._chance = random.Random(1)  # noqa: S311  # a test must repeat itself

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(CONTROL):
            return self._controlled(path.removeprefix(CONTROL), environ, start_response)
        if path.startswith("/moto-api"):
            return self._app(environ, start_response)
        operation = _operation(environ)
        self._counts[operation] += 1
        fault = self._next(operation)
        if (fault is None or fault.kind != "trusting") and is_forged(environ, self._secret):
            _drain(environ)
            return _refused(environ, "403 Forbidden", "SignatureDoesNotMatch", "", start_response=start_response)
        return self._app(environ, start_response) if fault is None else self._misbehave(fault, environ, start_response)

    def _controlled(self, what: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        if what == "faults":
            told = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            self._faults = [(Fault(**fault), []) for fault in told]
        return [json.dumps(self._counts).encode()]

    def _next(self, operation: str) -> Fault | None:
        for fault, used in self._faults:
            if operation.startswith(fault.operation) and len(used) < fault.times and self._chance.random() < fault.share:
                used.append(None)
                return fault
        return None

    def _misbehave(self, fault: Fault, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        match fault.kind:
            case "silent":
                time.sleep(fault.seconds)
                return self._app(environ, start_response)
            case "lost":
                list(self._app(environ, lambda *_: None))
                return _broken(environ)
            case "cut":
                whole = b"".join(self._app(environ, start_response))
                return _cut(environ, whole)
            case "trusting":
                return self._app(environ, start_response)
            case "away":
                _drain(environ)
                start_response("503 Service Unavailable", [("Content-Type", "text/html")])
                return [b"<html>a proxy's page</html>"]
            case kind:
                _drain(environ)
                return _refused(environ, *_ANSWERS[kind], start_response=start_response)


_ANSWERS: Mapping[str, tuple[str, str, str]] = {
    "throttled": ("503 Slow Down", "SlowDown", "ProvisionedThroughputExceededException"),
    "expired": ("400 Bad Request", "ExpiredToken", "ExpiredTokenException"),
    "ended": ("404 Not Found", "NoSuchUpload", "ResourceNotFoundException"),
    "novel": ("400 Bad Request", "Novelty", "NoveltyException"),
    "forbidden": ("403 Forbidden", "AccessDenied", "AccessDeniedException"),
}
"""The status for S3, the code for S3, and the one for DynamoDB and SQS (whose status is 400)."""


def _refused(environ: Mapping[str, Any], status: str, of_s3: str, of_others: str, *, start_response: Any) -> Iterable[bytes]:
    if "HTTP_X_AMZ_TARGET" not in environ:
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<?xml version='1.0'?><Error><Code>{of_s3}</Code><Message>as told</Message></Error>".encode()]
    code = "ThrottlingException" if of_s3 == "SlowDown" and "SQS" in environ["HTTP_X_AMZ_TARGET"] else of_others
    start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.0")])
    return [json.dumps({"__type": f"com.amazonaws.fault#{code}", "message": "as told"}).encode()]


def _operation(environ: Mapping[str, Any]) -> str:
    service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    if not operation:
        query = environ.get("QUERY_STRING", "")
        subject = " parts" if "uploadId=" in query else next((f" {what}" for what in ("uploads", "delete") if query.startswith(what)), "")
        return f"s3 {environ['REQUEST_METHOD']}{subject}"
    return f"{'sqs' if 'SQS' in service else 'dynamodb'} {operation}"


def _drain(environ: Mapping[str, Any]) -> None:
    """Read what was sent, so that the client hears the answer and not a broken connection."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _broken(environ: Mapping[str, Any]) -> Iterable[bytes]:
    """No answer: the connection ends."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return []


def _cut(environ: Mapping[str, Any], whole: bytes) -> Iterable[bytes]:
    """Half of an answer, and the connection ends."""
    yield whole[: len(whole) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
