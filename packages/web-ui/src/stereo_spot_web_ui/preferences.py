"""What people chose on the settings page, kept in object storage, and the server's own secrets."""

from __future__ import annotations

import secrets
from typing import TypeVar

from pydantic import Field, ValidationError

from stereo_spot_shared import keys
from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import ObjectStorage

Kept = TypeVar("Kept", bound=Value)


class Preferences(Value):
    """For how many days things are kept; None: for ever."""

    keep_sources_days: int | None = Field(default=30, ge=0, le=3650)
    """Of finished jobs, so that they can be converted again with other options."""
    keep_results_days: int | None = Field(default=None, ge=1, le=3650)
    keep_uploads_days: int | None = Field(default=7, ge=1, le=3650)
    """Of uploads that nobody goes on with."""


class Secret(Value):
    """What sessions and links are signed with."""

    value: str


class PreferencesStore:
    """Reads and writes them."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage

    def load(self) -> Preferences:
        """What was chosen; the defaults where nothing was, or where it cannot be read."""
        try:
            return Preferences.model_validate_json(self._storage.read_range(keys.web_key("preferences")))
        except (NotFound, ValidationError):
            return Preferences()

    def save(self, preferences: Preferences) -> None:
        """Keep them."""
        self._storage.put_bytes(preferences.to_json(), keys.web_key("preferences"))


def kept(storage: ObjectStorage, name: str, fresh: Kept) -> Kept:
    """The value that is kept under `name`; `fresh`, from now on, where there is none. Of several that begin at once one decides."""
    key = keys.web_key(name)
    try:
        storage.put_bytes(fresh.to_json(), key, if_absent=True)
    except Conflict:
        return type(fresh).model_validate_json(storage.read_range(key))
    return fresh


def server_secret(storage: ObjectStorage) -> bytes:
    """The same for every process that serves this platform, made at the first start."""
    return kept(storage, "secret", Secret(value=secrets.token_urlsafe(48))).value.encode()
