"""What went wrong, as every HTTP interface of ours says it (RFC 9457), and back into the error that it was."""

from __future__ import annotations

from http import HTTPStatus
from typing import Self

from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import (
    Conflict,
    InvalidMessage,
    MissingSource,
    NoSpaceLeft,
    NotFound,
    RetryableError,
    SourceRefused,
    StereoSpotError,
    UnsupportedMedia,
    all_error_types,
)

MEDIA_TYPE = "application/problem+json"

STATUS_OF: tuple[tuple[type[StereoSpotError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (MissingSource, HTTPStatus.CONFLICT),
    (UnsupportedMedia, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SourceRefused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidMessage, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NoSpaceLeft, HTTPStatus.INSUFFICIENT_STORAGE),
    (RetryableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StereoSpotError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
"""By class; the first that fits."""


class Problem(Value):
    """What went wrong, and what to do about it (RFC 9457)."""

    title: str
    status: int
    detail: str
    code: str
    """A stable name: an error of the tree, or that of the HTTP status."""
    hint: str | None = None

    @classmethod
    def of(cls, error: StereoSpotError) -> Self:
        """An error of the tree."""
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        return cls(
            title=status.phrase, status=status, detail=sentence(error.message), code=error.code, hint=error.hint and sentence(error.hint)
        )

    def error(self) -> StereoSpotError:
        """The error that `of` was given, as an instance of the same class; of a name that is not known here, a plain StereoSpotError."""
        kind = next((kind for kind in all_error_types().values() if kind.code == self.code), StereoSpotError)
        return kind(self.detail, hint=self.hint)


def sentence(text: str) -> str:
    """`text`, begun with a capital and ended with a full stop."""
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
