"""The API's own description says what every operation is for, and shows what goes in and what comes out."""

from __future__ import annotations

import pytest
from jsonschema_rs import Draft202012Validator

from stereo_spot_web_ui.api.examples import VALUES

JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document(tmp_path_factory, serving):
    with serving(tmp_path_factory.mktemp("described")) as server, server.client() as client:
        return client.get("/api/v1/openapi.json").json()


def operations(document):
    return [(f"{method} {path}", found) for path, methods in document["paths"].items() for method, found in methods.items()]


def examples_of(document, content):
    """The examples of a request's or an answer's content: its own, or those of what it is made of."""
    if "example" in content:
        return [content["example"]]
    schema = content["schema"]
    if schema.get("type") == "array":
        return [[one] for one in examples_of(document, {"schema": schema["items"]})]
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"].get(name, {}).get("examples", [])


def test_every_operation_says_what_it_is_for(document):
    summaries = [found["summary"] for _, found in operations(document)]
    assert len(summaries) > 20
    assert len(set(summaries)) == len(summaries)
    assert all(len(summary.split()) >= 3 and not summary.endswith(".") for summary in summaries), summaries


def test_every_operation_shows_what_goes_in_and_what_comes_out(document):
    bare = []
    for name, found in operations(document):
        contents = list(found.get("requestBody", {}).get("content", {}).items())
        for answer in found["responses"].values():
            contents += answer.get("content", {}).items()
        for kind, content in contents:
            if kind == "application/offset+octet-stream":
                continue  # any bytes
            examples = examples_of(document, content)
            if not examples:
                bare.append((name, kind))
            for example in examples:
                Draft202012Validator({**content["schema"], "components": document["components"]}).validate(example)
    assert bare == []


def test_every_parameter_and_header_that_cannot_be_left_out_has_an_example(document):
    for name, found in operations(document):
        for parameter in found.get("parameters", []):
            shown = "examples" in parameter["schema"] or "examples" in parameter or "example" in parameter
            assert shown or not parameter["required"], (name, parameter["name"])


def test_an_upload_tells_its_headers(document):
    upload = document["paths"]["/api/v1/uploads/{job_id}"]
    assert set(upload["head"]["responses"]["200"]["headers"]) == {"Tus-Resumable", "Upload-Offset", "Upload-Length"}
    assert "content" not in upload["head"]["responses"]["200"]
    assert "Upload-Offset" in upload["patch"]["responses"]["204"]["headers"]


def test_examples_are_of_models_that_the_api_has(document):
    assert {type(value).__name__ for value in VALUES} <= set(document["components"]["schemas"])
