"""Who is signed in: what a session's cookie says, and whether that still holds.

The cookie is signed, and kept by the browser alone (Starlette's SessionMiddleware). So that a copy of it is worth nothing after a sign-out,
each sign-in has a number, and the numbers of sessions that ended are kept in storage for as long as their cookies could live. A session
says what let it in as well: it ends when that password, or that entry of the list of users, is not in the settings any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys
from stereo_spot_shared.base import Value, utc_now
from stereo_spot_shared.errors import NotFound
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_web_ui.settings import WebSettings

SESSION_SECONDS = 14 * 24 * 3600
ASK_AGAIN_SECONDS = 5.0
"""For how long a session that had not ended is believed without asking storage: that long a sign-out at another server may go unnoticed."""
MOST_REMEMBERED = 10_000


class Ended(Value):
    """A session that was ended, and when its cookie dies anyway."""

    until: datetime


class Sessions:
    """Begins, ends and checks the sessions of everybody who signed in."""

    def __init__(self, storage: ObjectStorage, settings: WebSettings, secret: bytes) -> None:
        self._storage, self._secret = storage, secret
        self._headsets = URLSafeTimedSerializer(secret, salt="headset")
        entries = (*settings.oidc_users, *settings.oidc_groups)
        grants = [f"provider {settings.oidc_issuer} {entry}" for entry in entries] if settings.oidc_issuer else []
        self._grants = {self._sign(grant) for grant in grants}
        self._issuer = settings.oidc_issuer
        self._password = self._sign(f"password {settings.password.get_secret_value()}") if settings.password is not None else None
        if self._password is not None:
            self._grants.add(self._password)
        self._seen: dict[str, float] = {}

    def begin_by_password(self, request: Request) -> None:
        """Whoever asks knows the password."""
        assert self._password is not None  # noqa: S101 - nobody can know one that there is not
        self._begin(request, self._password)

    def begin_by_provider(self, request: Request, entry: str) -> None:
        """The provider says that this entry of the settings is about whoever asks."""
        self._begin(request, self._sign(f"provider {self._issuer} {entry}"))

    def end(self, request: Request) -> None:
        """Whoever asks is signed out, with every copy of the cookie."""
        number = request.session.get("number")
        request.session.clear()
        if number is not None:
            self._storage.put_bytes(Ended(until=utc_now() + timedelta(seconds=SESSION_SECONDS)).to_json(), ended_key(number))
            self._seen.pop(number, None)

    async def holds(self, request: Request) -> bool:
        """Whether whoever asks is signed in."""
        number, grant = request.session.get("number"), request.session.get("grant")
        if number is None or grant not in self._grants:
            return False
        if time.monotonic() - self._seen.get(number, -ASK_AGAIN_SECONDS) < ASK_AGAIN_SECONDS:
            return True
        if await run_in_threadpool(self._is_ended, number):
            return False
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[number] = time.monotonic()
        return True

    def headset_token(self) -> str:
        """What a headset that knows the password may send instead of it, for as long as a session lives."""
        return str(self._headsets.dumps(self._password))

    def is_headset_token(self, token: str) -> bool:
        """Whether it is one, made with the password that there is now."""
        try:
            return self._password is not None and bool(self._headsets.loads(token, max_age=SESSION_SECONDS) == self._password)
        except BadData:
            return False

    def sweep(self, now: datetime) -> None:
        """Forget sessions whose cookies are dead by now."""
        for info in list(all_objects(self._storage, f"{keys.WEB_PREFIX}ended/")):
            try:
                until = Ended.model_validate_json(self._storage.read_range(info.key)).until
            except (NotFound, ValidationError):
                continue
            if until < now:
                self._storage.delete(info.key)

    def _begin(self, request: Request, grant: str) -> None:
        """Anew, so that no session that somebody else knows goes on."""
        request.session.clear()
        request.session["number"] = secrets.token_hex(16)
        request.session["grant"] = grant

    def _is_ended(self, number: str) -> bool:
        try:
            self._storage.stat(ended_key(number))
        except NotFound:
            return False
        return True

    def _sign(self, grant: str) -> str:
        """A name of `grant` that says nothing of it: the browser can read its cookie."""
        return hmac.new(self._secret, f"grant:{grant}".encode(), hashlib.sha256).hexdigest()[:32]


def ended_key(number: str) -> str:
    """Where the end of a session is kept."""
    return keys.web_key(f"ended/{number}")
