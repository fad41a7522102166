from __future__ import annotations

import pytest

from stereo_spot_adapter_contracts.examples import a_job
from stereo_spot_local_adapters.rows import decode_row
from stereo_spot_shared.base import SCHEMA_VERSION
from stereo_spot_shared.errors import StoreUnavailable, UnknownSchema
from stereo_spot_shared.jobs import Job


def test_a_row_comes_back_as_the_value():
    job = a_job()
    assert decode_row(Job, job.model_dump_json(), "job x") == job


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"schema_version": "new"}', "{not json", '{"schema_version": null}'])
def test_a_damaged_row_is_said_in_a_sentence(body):
    with pytest.raises(StoreUnavailable, match="the row of job x is damaged"):
        decode_row(Job, body, "job x")


def test_a_newer_row_is_left_for_a_newer_program():
    job = a_job()
    newer = job.model_copy(update={"schema_version": SCHEMA_VERSION + 1}).model_dump_json()
    with pytest.raises(UnknownSchema, match="job x"):
        decode_row(Job, newer, "job x")
