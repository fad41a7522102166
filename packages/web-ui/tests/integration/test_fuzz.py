"""The API keeps what its own description says, whatever it is sent (schemathesis)."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
ENDLESS = r"/events$|/fetch$"
"""A stream that ends with its job; and what would go out into the network."""


@pytest.fixture(scope="module")
def described(tmp_path_factory, serving):
    with serving(tmp_path_factory.mktemp("fuzz")) as server:
        yield schemathesis.openapi.from_url(f"{server.address}/api/v1/openapi.json")


@schemathesis.serializer("application/offset+octet-stream")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def test_every_operation(described):
    """Its pytest plugin does not know this pytest: the operations are walked here."""
    found = [result.ok() for result in described.exclude(path_regex=ENDLESS).get_all_operations()]
    assert len(found) > 15
    for operation in found:

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def holds(case):
            case.call_and_validate(checks=CHECKS)

        holds()
