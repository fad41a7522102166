"""The manifest in object storage: written once, read by every later stage."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from stereo_spot_shared import keys
from stereo_spot_shared.base import SCHEMA_VERSION
from stereo_spot_shared.errors import Conflict, NotFound, UnknownSchema, VerificationFailed
from stereo_spot_shared.interfaces import ObjectStorage
from stereo_spot_shared.manifest import Manifest


def store_manifest(storage: ObjectStorage, job_id: str, manifest: Manifest) -> tuple[Manifest, str]:
    """Store the plan of a job unless it has one; returns the plan that stands, and its id.

    The first writer wins, so that two workers that plan at once (perhaps of two versions) cut by the same plan.
    """
    data = manifest.to_json()
    key = keys.manifest_key(job_id)
    try:
        storage.put_bytes(data, key, if_absent=True)
    except Conflict:
        data = storage.read_range(key)
        manifest = _decode(data)
    return manifest, _plan_id(data)


def stored_manifest(storage: ObjectStorage, job_id: str) -> tuple[Manifest, str] | None:
    """The plan of a job and its id; None where none was stored yet."""
    try:
        data = storage.read_range(keys.manifest_key(job_id))
    except NotFound:
        return None
    return _decode(data), _plan_id(data)


def load_manifest(storage: ObjectStorage, job_id: str, plan_id: str) -> Manifest:
    """The plan that a job was given. VerificationFailed where it is gone or another one."""
    found = stored_manifest(storage, job_id)
    if found is None or found[1] != plan_id:
        what = "is no longer in storage" if found is None else "was changed"
        raise VerificationFailed(f"The plan of job {job_id} {what}.", hint="Submit the video again.")
    return found[0]


def _plan_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _decode(data: bytes) -> Manifest:
    try:
        fields = json.loads(data)
        if fields["schema_version"] > SCHEMA_VERSION:
            raise UnknownSchema(f"The manifest has schema version {fields['schema_version']}, this worker knows {SCHEMA_VERSION}.")
        return Manifest.model_validate(fields)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise VerificationFailed(f"The stored manifest could not be read: {error}", hint="Submit the video again.") from error
