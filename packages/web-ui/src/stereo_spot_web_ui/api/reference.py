"""The OpenAPI document as people read it: operations with their parameters, an example and a line for curl, and the shapes of messages."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Schema = Mapping[str, Any]

JSON_TYPE = "application/json"
DEEPEST = 4
"""How far an example goes into shapes within shapes."""
BY_TYPE: dict[str, Any] = {"string": "…", "integer": 0, "number": 0.0, "boolean": False, "array": [], "object": {}, "null": None}


@dataclass(frozen=True)
class Item:
    """A parameter of an operation, or a field of a shape."""

    name: str
    place: str
    """`path`, `query`, `header`; of a field nothing."""
    kind: str
    """What it is, in a few words: `integer`, `list of Event`."""
    required: bool
    default: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for."""

    id: str
    method: str
    path: str
    description: str
    parameters: tuple[Item, ...]
    sends: str
    """What is sent, if anything is: a shape, or a media type."""
    answers: tuple[tuple[int, str], ...]
    """Statuses of success, each with what is answered."""
    curl: str


@dataclass(frozen=True)
class Shape:
    """What a message looks like."""

    name: str
    description: str
    values: tuple[str, ...]
    """Of an enumeration."""
    fields: tuple[Item, ...]


@dataclass(frozen=True)
class Reference:
    """All of it: operations by what they are about."""

    version: str
    introduction: tuple[str, ...]
    groups: dict[str, tuple[Operation, ...]]
    shapes: tuple[Shape, ...]

    @property
    def names(self) -> frozenset[str]:
        """What shapes are called."""
        return frozenset(shape.name for shape in self.shapes)


class Reader:
    """Reads a document for people who find the server at `address`, and send a token if `with_token`."""

    def __init__(self, document: Schema, address: str, *, with_token: bool) -> None:
        self._document, self._address, self._with_token = document, address, with_token
        self._shapes: Schema = document["components"]["schemas"]

    def read(self) -> Reference:
        """The whole document."""
        groups: dict[str, list[Operation]] = {}
        for path, methods in self._document["paths"].items():
            for method, told in methods.items():
                groups.setdefault(told["tags"][0], []).append(self._operation(path, method.upper(), told))
        return Reference(
            version=self._document["info"]["version"],
            introduction=tuple(" ".join(part.split()) for part in self._document["info"]["description"].split("\n\n") if part.strip()),
            groups={name: tuple(found) for name, found in groups.items()},
            shapes=tuple(self._shape(name, told) for name, told in sorted(self._shapes.items())),
        )

    def _operation(self, path: str, method: str, told: Schema) -> Operation:
        content: Schema = told.get("requestBody", {}).get("content", {})
        media = next(iter(content), "")
        parameters: list[Schema] = told.get("parameters", [])
        return Operation(
            id=told["operationId"],
            method=method,
            path=path,
            description=" ".join(filter(None, (f"{told['summary']}.", told.get("description")))),
            parameters=tuple(
                self._item(one["name"], one["schema"], required=one.get("required", False), place=one["in"], told=one) for one in parameters
            ),
            sends=kind(content[media]["schema"]) if media == JSON_TYPE else media,
            answers=tuple((int(status), self._answer(one)) for status, one in told["responses"].items() if int(status) < 400),
            curl=self._curl(path, method, parameters, media, content),
        )

    def _answer(self, told: Schema) -> str:
        content: Schema = told.get("content", {})
        schema = content.get(JSON_TYPE, {}).get("schema")
        if schema:
            return kind(schema)
        return next((media for media in content if media != JSON_TYPE), "")

    def _curl(self, path: str, method: str, parameters: list[Schema], media: str, content: Schema) -> str:
        """A line that asks for it: with what must be said, and no more."""
        words = ["curl", "--head"] if method == "HEAD" else ["curl", "--request", method] if method != "GET" else ["curl"]
        if self._with_token:
            words += ["--header", "Authorization: Bearer TOKEN"]
        queries = []
        for one in parameters:
            value = one.get("example", self.example(one["schema"]))
            if one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", str(value))
            elif one.get("required") and one["in"] == "query":
                queries.append(f"{one['name']}={quote(str(value), safe='')}")
            elif one.get("required") and one["name"] != "content-type":
                words += ["--header", f"{one['name']}: {value}"]
        if media:
            words += ["--header", f"Content-Type: {media}"]
            body = json.dumps(self.example(content[media]["schema"]), ensure_ascii=False) if media == JSON_TYPE else "@video.mp4"
            words += ["--data", body] if media == JSON_TYPE else ["--data-binary", body]
        return shlex.join([*words, f"{self._address}{path}{'?' if queries else ''}{'&'.join(queries)}"])

    def example(self, schema: Schema, depth: int = 0) -> Any:
        """A value that fits: the document's own example, else the smallest that there is."""
        for given in (schema.get("examples"), [schema["default"]] if "default" in schema else None, schema.get("enum")):
            if given:
                return given[0]
        if "$ref" in schema:
            return self.example(self._shapes[name_of(schema)], depth + 1) if depth < DEEPEST else {}
        if choices := schema.get("anyOf"):
            return self.example(choices[0], depth + 1)
        if fields := schema.get("properties"):
            needed = schema.get("required", ())
            return {name: self.example(told, depth + 1) for name, told in fields.items() if name in needed}
        return schema.get("minimum", BY_TYPE[schema.get("type", "object")])

    def _shape(self, name: str, told: Schema) -> Shape:
        required = told.get("required", ())
        fields: Schema = told.get("properties", {})
        return Shape(
            name=name,
            description=told.get("description", ""),
            values=tuple(map(str, told.get("enum", ()))),
            fields=tuple(self._item(field, one, required=field in required, place="", told=one) for field, one in fields.items()),
        )

    @staticmethod
    def _item(name: str, schema: Schema, *, required: bool, place: str, told: Schema) -> Item:
        default = schema.get("default")
        shown = "" if default is None or isinstance(default, dict | list) else json.dumps(default, ensure_ascii=False)
        return Item(name, place, kind(schema), required, shown, " ".join(told.get("description", "").split()))


def kind(schema: Schema) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        return name_of(schema)
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(kind(one) for one in choices))
    if values := schema.get("enum"):
        return " or ".join(map(str, values))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}" if "items" in schema else "list"
    return " ".join(filter(None, (str(schema.get("type", "anything")), schema.get("format"))))


def name_of(schema: Schema) -> str:
    """The shape that a reference is to."""
    return str(schema["$ref"]).rpartition("/")[2]
