"""The OpenAPI document: what FastAPI finds, examples of everything, and the problem that any operation may answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from stereo_spot_shared.api.problem import Problem
from stereo_spot_web_ui.api.examples import event_stream, examples_by_schema

EVENTS = "text/event-stream"


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas: dict[str, Any] = document["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"token": []}]  # without one where no sign-in is configured
        for name, examples in examples_by_schema().items():
            schemas[name]["examples"] = examples
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            put_into_words(operation)
            for answer in operation["responses"].values():
                if EVENTS in answer.get("content", {}):
                    answer["content"][EVENTS] = {"schema": {"type": "string"}, "example": event_stream()}
        app.openapi_schema = document
    return app.openapi_schema


def put_into_words(operation: dict[str, Any]) -> None:
    """Make the first sentence of an operation's docstring its summary, instead of the name of the function."""
    first, _, rest = operation.pop("description").partition(". ")
    operation["summary"] = " ".join(first.split()).rstrip(".")
    if rest.strip():
        operation["description"] = rest.strip()
