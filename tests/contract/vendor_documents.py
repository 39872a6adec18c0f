"""The vendor's own machine documents, which lie beside the repository where it is developed: facts to test by.

Three things in them contradict themselves and are read as they are meant: a part of an ``allOf`` that allows no further
properties would forbid those of the other parts; an identifier that is one of four kinds, of which the last is any; and
``nullable``, which JSON Schema spells otherwise.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = Path(__file__).parents[3] / "shared" / "spec" / "vendor"
NAMES = ("contacts-v3", "events-v3", "insight-v3")
METHODS = ("get", "post", "put", "patch", "delete")


class VendorDocument:
    """One document: its operations, and whether an answer is as it says."""

    def __init__(self, name: str) -> None:
        self._document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        parts = frozenset(_referred_from_all_of(self._document))
        self._components = {"components": _mended(self._document["components"], parts)}
        self.operations = {
            (method.upper(), path): operation
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
            if method in METHODS
        }
        # A literal path wins over one with a name in the same place.
        self._patterns = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path)
            for path in sorted(self._document["paths"], key=lambda path: path.count("{"))
        ]

    def operation_of(self, method: str, path: str) -> tuple[str, str] | None:
        """The operation that a call was one of."""
        found = next((template for pattern, template in self._patterns if pattern.fullmatch(path)), None)
        return (method, found) if found and (method, found) in self.operations else None

    def statuses(self, operation: tuple[str, str]) -> set[int]:
        """The statuses that the document names."""
        return {int(status) for status in self.operations[operation]["responses"]}

    def faults(self, operation: tuple[str, str], status: int, body: bytes) -> list[str]:
        """What is wrong with the body of an answer; nothing where the document describes none."""
        response = self._resolved(self.operations[operation]["responses"][str(status)])
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return []
        validator = jsonschema_rs.Draft202012Validator({**_mended(schema), **self._components}, validate_formats=True)
        return [f"{error.instance_path}: {error.message[:200]}" for error in validator.iter_errors(json.loads(body))]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            at: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node


def _mended(node: Any, parts: frozenset[str] = frozenset(), *, part: bool = False) -> Any:
    """The schema as it is meant; ``parts`` are the names of those that an allOf refers to, ``part`` says it is one."""
    if isinstance(node, list):
        return [_mended(each, parts, part=part) for each in node]
    if not isinstance(node, dict):
        return node
    out = {key: _mended(value, parts, part=key == "allOf" or key in parts) for key, value in node.items()}
    if part and out.get("additionalProperties") is False:
        del out["additionalProperties"]
    if out.pop("nullable", False) is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    kinds = out.get("oneOf")
    if isinstance(kinds, list) and any("maxProperties" in kind for kind in kinds if isinstance(kind, dict)):
        out["anyOf"] = out.pop("oneOf")
    return out


def _referred_from_all_of(node: Any, *, inside: bool = False) -> set[str]:
    """The names of the schemas that some allOf refers to."""
    if isinstance(node, list):
        return {name for each in node for name in _referred_from_all_of(each, inside=inside)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rpartition("/")[2]} if inside and "$ref" in node else set()
    return own.union(*(_referred_from_all_of(value, inside=key == "allOf") for key, value in node.items()))
