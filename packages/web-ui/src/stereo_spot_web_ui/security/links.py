"""Links that other programs open without a sign-in: players, headsets, playlists. Each is good for one path, and for long."""

from __future__ import annotations

from urllib.parse import unquote, urlencode

from itsdangerous import BadData, URLSafeTimedSerializer

VALID_SECONDS = 180 * 24 * 3600
PARAMETER = "key"


class Links:
    """Signs paths with the server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="player-link")

    def for_player(self, path: str) -> str:
        """`path`, quoted as in a link, with a key that opens it."""
        return f"{path}?{urlencode({PARAMETER: self._signer.dumps(unquote(path))})}"

    def opens(self, path: str, key: str | None) -> bool:
        """Whether `key` was made for `path` (not quoted), not longer ago than VALID_SECONDS."""
        if not key:
            return False
        try:
            return bool(self._signer.loads(key, max_age=VALID_SECONDS) == path)
        except BadData:
            return False
