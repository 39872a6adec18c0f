"""Refusals in the words of version 3 (contract §7)."""

from __future__ import annotations

from typing import Any

from dotdigital_sandbox.calls import GUID, Call, lowered
from dotdigital_sandbox.errors import ApiError


class V3Error(ApiError):
    """A refusal in the words of version 3; a code without a prefix is one of contacts.

    ``details`` say what each item lacks; an ``item`` alone lacks what the description says.
    """

    def __init__(
        self,
        status: int,
        code: str,
        description: str,
        item: str | None = None,
        *,
        details: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(status, description)
        self.code = code if ":" in code else f"contacts:{code}"
        self.details = details or ([{"item": item, "description": description}] if item else None)

    def body(self) -> dict[str, Any]:
        """The JSON of the refusal."""
        out: dict[str, Any] = {"errorCode": self.code, "description": self.message}
        return out if self.details is None else {**out, "details": self.details}


def guid_of(call: Call, code: str) -> str:
    """The id of background work in the path; refused with the code when it can be none."""
    guid = call.params["guid"].lower()
    if not GUID.fullmatch(guid):
        raise V3Error(400, code, f"The id '{call.params['guid']}' is no id of such work")
    return guid


def list_of(value: object, item: str) -> list[Any]:
    """The list of a request, empty when absent; refused, naming the item, when it is something else."""
    if value and not isinstance(value, list):
        raise V3Error(400, "badRequest", f"{item} must be an array", item)
    return value if isinstance(value, list) else []


def object_of(value: object, item: str, *, code: str = "badRequest") -> dict[str, Any]:
    """The JSON object of a request with its keys in lower case; refused, naming the item, when it is none."""
    if not isinstance(value, dict):
        raise V3Error(400, code, f"{item} must be an object", item)
    return lowered(value)


def closed_object(value: object, item: str, allowed: str, *, code: str = "badRequest") -> dict[str, Any]:
    """As :func:`object_of`, of an object that has no other keys than these, parted by blanks."""
    keys = object_of(value, item, code=code)
    unknown = set(keys) - set(allowed.split())
    if unknown:
        raise V3Error(400, code, f"{item} has a property that is not known", min(unknown))
    return keys
