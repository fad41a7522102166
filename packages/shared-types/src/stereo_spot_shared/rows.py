"""How a value comes back out of a row of a store, for every adapter."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from stereo_spot_shared.base import SCHEMA_VERSION, Value
from stereo_spot_shared.errors import StoreUnavailable, UnknownSchema

V = TypeVar("V", bound=Value)


def decode_row(kind: type[V], body: str, name: str) -> V:
    """The value of a row called `name`. UnknownSchema where a newer program wrote it, StoreUnavailable where it is damaged."""
    try:
        fields = json.loads(body)
        version = fields.get("schema_version", SCHEMA_VERSION)
        if version > SCHEMA_VERSION:
            raise UnknownSchema(
                f"{name} has schema version {version}, this program knows {SCHEMA_VERSION}", hint="Update this installation."
            )
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise StoreUnavailable(f"the row of {name} is damaged: {error.errors()[0]['msg']}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreUnavailable(f"the row of {name} is damaged: {error}") from error
