"""The OpenAPI 3 document of the sandbox, made from its route table, so that no operation can be missing or left over.

What the routes cannot tell - queries, bodies, answers - stands in ``operations.txt`` and :mod:`openapi_shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import resources
from typing import Any

from dotdigital_sandbox.openapi_links import links_of
from dotdigital_sandbox.openapi_shapes import BODIES, ENUMS, NEWER_KEYS, SHAPES
from dotdigital_sandbox.routing import Route
from dotdigital_sandbox.settings import Shape

JSON, CSV = "application/json", "text/csv"
INT32 = 2**31 - 1
_LINE = re.compile(
    r"(?P<method>[A-Z]+) (?P<path>\S+)(?P<asked>[^>]*) -> (?P<status>\d+) (?P<shape>\S+)(?P<more>[ \d]*)"
)
_PAGES = re.compile(r"P(?:\((\d+)\))?")
_PLAIN: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": -INT32 - 1, "maximum": INT32},
    "num": {"type": "number"},
    "str": {"type": "string"},
    "date": {"type": "string", "format": "date-time"},
    "never": {"type": "string", "enum": ["0001-01-01T00:00:00"]},
    "bool": {"type": "boolean"},
    "guid": {"type": "string", "format": "uuid"},
    "email": {"type": "string", "format": "email"},
    "base64": {"type": "string", "format": "byte"},
    "letter": {"type": "string", "pattern": r"\$[Uu][Nn][Ss][Uu][Bb]\$"},
    "short": {"type": "string", "minLength": 1, "maxLength": 50},
    "foldername": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,20}$"},
    "insightname": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{1,20}$"},
    "jsonpath": {"type": "string", "pattern": r"^\$(\.[A-Za-z]+)+$"},
    "any": {},
}
_PARTS: dict[str, dict[str, Any]] = {
    "date": {"type": "string", "format": "date"},
    "guid": {"type": "string", "format": "uuid"},
    "email": {"type": "string", "format": "email"},
    "merge": {"type": "string", "enum": ["0", "1", "2"]},
    "identifier": {"type": "string", "enum": ["contactId", "email", "mobileNumber"]},
}
_TEXT_PARTS = frozenset({"ident", "value", "name", "key", "collection", "lob_id", "record", "number"})
_STATUS_TEXTS = {
    200: "Done", 201: "Made", 202: "Will be done", 204: "Done, nothing to say", 400: "Refused",
    401: "Wrong credentials", 403: "Not in this region", 404: "Not found", 409: "In conflict with what there is",
    412: "There are too many already", 413: "Too large", 429: "Too many calls, or imports",
    503: "Out of order, as ordered by the control",
}  # fmt: skip


@dataclass(slots=True)
class Described:
    """One line of ``operations.txt``."""

    status: int
    shape: str
    queries: list[str] = field(default_factory=list)
    body: str = ""
    more: list[int] = field(default_factory=list)


def described_operations() -> dict[tuple[str, str], Described]:
    """What ``operations.txt`` says of each method and path; raises ValueError for a line that cannot be read."""
    found: dict[tuple[str, str], Described] = {}
    for line in (
        resources.files("dotdigital_sandbox").joinpath("operations.txt").read_text(encoding="utf-8").splitlines()
    ):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"operations.txt has a line that cannot be read: {line}")
        described = Described(int(match["status"]), match["shape"], more=[int(each) for each in match["more"].split()])
        for word in match["asked"].split():
            if word.startswith("<"):
                described.body = word[1:]
            else:
                described.queries.append(word[1:])
        found[match["method"], match["path"]] = described
    return found


def openapi_document(routes: Iterable[Route], *, shape: Shape = "current") -> dict[str, Any]:
    """The document; raises KeyError for a route that ``operations.txt`` does not describe."""
    described = described_operations()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, described[route.method, route.path])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Sandbox of the Dotdigital API",
            "version": "2",
            "description": "What the sandbox answers by default; its switches and ordered faults change some of it.",
        },
        "paths": paths,
        "components": {"schemas": _schemas(shape), "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
        "security": [{"basic": []}],
    }


def _operation(route: Route, described: Described) -> dict[str, Any]:
    summary = (route.handler.__doc__ or "").split("\n")[0].partition(": ")[2]
    operation: dict[str, Any] = {
        "operationId": operation_id(route.method, route.path),
        "summary": (summary or _words(route.path)).rstrip(".").capitalize(),
        "description": f"Counts for the tier {route.tier}.",
        "parameters": [*_path_parameters(route.path), *(each for name in described.queries for each in _query(name))],
        "responses": _responses(route, described),
    }
    if described.body:
        operation["requestBody"] = {"required": True, "content": _content(described.body)}
    return operation


def _words(path: str) -> str:
    parts = (part for part in path.split("/")[2:] if not part.startswith("{"))
    return ", ".join(parts).replace("-", " ")


def operation_id(method: str, path: str) -> str:
    """The name of an operation: its method and the words of its path."""
    return "_".join([method.lower(), *re.findall(r"[a-zA-Z0-9]+", path)])


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _part(name)} for name in re.findall(r"{(\w+)}", path)
    ]


def _part(name: str) -> dict[str, Any]:
    if name in _TEXT_PARTS:
        return {"type": "string", "minLength": 1}
    return _PARTS.get(name, {"type": "integer", "minimum": 1, "maximum": INT32})


def _query(word: str) -> list[dict[str, Any]]:
    pages = _PAGES.fullmatch(word)
    if pages:
        most = int(pages[1] or 1000)
        limit = {"type": "integer", "minimum": 1, "maximum": most if most < 500 else max(most, 1000), "default": most}
        skip = {"type": "integer", "minimum": 0, "maximum": INT32, "default": 0}
        return [{"name": "select", "in": "query", "schema": limit}, {"name": "skip", "in": "query", "schema": skip}]
    if word == "F":
        return [{"name": "withFullData", "in": "query", "schema": {"type": "boolean", "default": False}}]
    name, _, kind = word.partition(":")
    return [{"name": name, "in": "query", "schema": _schema(kind)}]


def _content(body: str) -> dict[str, Any]:
    if body != "file":
        return {JSON: {"schema": _schema(body)}}
    part = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
    return {JSON: {"schema": _schema("FileMedia")}, "multipart/form-data": {"schema": part}}


def _responses(route: Route, described: Described) -> dict[str, Any]:
    v3 = "/v3" in route.path
    error = _schema("V3Error|Error" if v3 else "Error")
    responses = {str(described.status): _success(route, described)}
    asks = described.queries or described.body or "{" in route.path
    refused = [400, 404] if asks else []
    for status in sorted({*refused, 401, 403, 429, 503, *described.more}):
        responses[str(status)] = _further(status, described, error, v3=v3)
    return responses


def _further(status: int, described: Described, error: dict[str, Any], *, v3: bool) -> dict[str, Any]:
    """What is answered beside the usual success: another one, or a refusal."""
    if described.shape == "-" and status < 300:
        return _response(status, {})
    schema = _schema(described.shape) if status in (201, 409) and not (v3 and status == 409) else error
    return _response(status, {JSON: {"schema": schema}})


def _success(route: Route, described: Described) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "-": {},
        "csv": {CSV: {"schema": {"type": "string"}}},
        "bytes": {"*/*": {"schema": {}}},
    }
    content = kinds[described.shape] if described.shape in kinds else {JSON: {"schema": _schema(described.shape)}}
    response = _response(described.status, content)
    links = links_of(operation_id(route.method, route.path))
    return {**response, "links": links} if links else response


def _response(status: int, content: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _STATUS_TEXTS.get(status) or HTTPStatus(status).phrase}
    return {**response, "content": content} if content else response


def _schemas(shape: Shape) -> dict[str, Any]:
    schemas: dict[str, Any] = {name: {"type": "string", "enum": list(members)} for name, members in ENUMS.items()}
    for name, text in SHAPES.items():
        lacking = NEWER_KEYS.get(name, ()) if shape == "legacy" else ()
        properties = {key: kind for key, kind in _keys(text) if key not in lacking}
        schemas[name] = {
            "type": "object",
            "additionalProperties": False,
            "required": list(properties),
            "properties": {key: _schema(kind) for key, kind in properties.items()},
        }
    for name, text in BODIES.items():
        lacking = NEWER_KEYS.get(name, ()) if shape == "legacy" else ()
        keys = [(key, kind) for key, kind in _keys(text) if key.rstrip("!") not in lacking]
        schemas[name] = {"type": "object", "properties": {key.rstrip("!"): _schema(kind) for key, kind in keys}}
        needed = [key.rstrip("!") for key, _ in keys if key.endswith("!")]
        if needed:
            schemas[name]["required"] = needed
    return schemas


def _keys(text: str) -> list[tuple[str, str]]:
    pairs = (word.partition(":") for word in text.split())
    return [(key, kind) for key, _, kind in pairs]


def _schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a type as the shapes write it."""
    if "|" in kind:
        return {"anyOf": [_schema(each) for each in kind.split("|")]}
    if kind.endswith("?"):
        inner = _schema(kind[:-1])
        return {"nullable": True, "allOf": [inner]} if "$ref" in inner else {**inner, "nullable": True}
    if kind.startswith("["):
        return {"type": "array", "items": _schema(kind[1:-1])}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": _schema(kind[1:-1])}
    return dict(_PLAIN[kind]) if kind in _PLAIN else {"$ref": f"#/components/schemas/{kind}"}
