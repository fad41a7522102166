"""A small OpenID provider: real HTTP, real keys, and lies where a test wants them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

FORM = '<!doctype html><title>Provider</title><form method="post" action="/authorize?{query}"><button>Continue as Ada</button></form>'


@dataclass
class Provider:
    """Discovery, authorization (code with PKCE S256), tokens, keys and userinfo at `issuer`."""

    issuer: str
    client_id: str = "stereo-spot"
    client_secret: str = "the client's secret"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    claims: dict = field(default_factory=lambda: {"sub": "ada-1815", "email": "Ada@Films.example", "email_verified": True})
    """Whom it knows."""
    userinfo: dict = field(default_factory=dict)
    """What it tells of them only there."""
    metadata: dict = field(default_factory=dict)
    """What it says of itself that is not so."""
    sign: Callable[[Provider, dict], str] = lambda provider, claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, provider.key)
    codes: dict[str, dict] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Why it gave no token."""

    def discovery(self) -> dict:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.metadata,
        }

    def agree(self, asked: dict[str, str]) -> str:
        """Where a person who agreed is sent."""
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (self.client_id, "code", "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, authorization: str, asked: dict[str, str]) -> dict:
        """What a code is worth: once, to whom it was given."""
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        begun = self.codes.pop(asked["code"], None)
        if authorization != f"Basic {expected}":
            return self._refuse("invalid_client")
        if begun is None or begun["redirect_uri"] != asked["redirect_uri"]:
            return self._refuse("invalid_grant")
        if begun["code_challenge"] != challenge_of(asked["code_verifier"]):
            return self._refuse("invalid_grant")
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": begun["nonce"], **self.claims}
        return {"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": self.sign(self, claims)}

    def _refuse(self, why: str) -> dict:
        self.refused.append(why)
        return {"error": why}


def challenge_of(verifier: str) -> str:
    """The S256 challenge of PKCE (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    """An OpenID provider that answers for the length of a test."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self.answer(200, known.discovery())
            elif parts.path == "/keys":
                self.answer(200, {"keys": [{**known.key.as_dict(private=False), "use": "sig"}]})
            elif parts.path == "/userinfo":
                known_token = self.headers["Authorization"] == "Bearer access"
                self.answer(200 if known_token else 401, {**known.claims, **known.userinfo} if known_token else {})
            elif parts.path == "/authorize":
                self.answer(200, FORM.format(query=parts.query.replace("&", "&amp;")), "text/html")
            else:
                self.answer(204, "")  # what a browser wants besides: an icon

        def do_POST(self):
            parts, body = urlsplit(self.path), self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            if parts.path == "/authorize":
                self.send_response(303)
                self.send_header("Location", known.agree(dict(parse_qsl(parts.query))))
                self.end_headers()
            else:
                told = known.token(self.headers["Authorization"], {name: values[0] for name, values in parse_qs(body).items()})
                self.answer(400 if "error" in told else 200, told)

        def answer(self, status, told, kind="application/json"):
            content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Provider(f"http://127.0.0.1:{listener.server_address[1]}")
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield known
    listener.shutdown()
    listener.server_close()
