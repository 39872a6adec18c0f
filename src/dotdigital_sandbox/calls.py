"""One call of the API as a handler sees it, and the answer it gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.errors import refusal

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

JSON = "application/json; charset=utf-8"
PAGE = 1000
BIG_PAGE = 2000
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INT32 = 2**31 - 1
TRUE, FALSE = ("true", "1"), ("", "false", "0")
INT64 = 2**63 - 1
_encoder = msgspec.json.Encoder(decimal_format="number")


class Page(NamedTuple):
    """A window on a list: how many, after how many."""

    select: int
    skip: int


@dataclass(slots=True)
class Answer:
    """What goes back: a status, a body (whole, or in pieces) and its media type."""

    status: int = HTTPStatus.OK
    content: bytes = b""
    media_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None


def json_answer(value: object, *, status: int = HTTPStatus.OK) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, encoded(value))


def encoded(value: object) -> bytes:
    """The value as JSON, decimals as numbers."""
    return _encoder.encode(value)


NO_CONTENT = Answer(HTTPStatus.NO_CONTENT, media_type=None)


def lowered(value: object, *, code: str = "PARAMETER_INVALID") -> dict[str, Any]:
    """The JSON object with its keys in lower case, since clients spell them in every case; refused when it is none."""
    if not isinstance(value, dict):
        raise refusal(code)
    return {str(key).lower(): each for key, each in value.items()}


@dataclass(slots=True)
class Call:
    """A request that was let in: its path parameters, query (names lower-cased), headers and body.

    ``segments`` is the path for routing: see ``routing.segments_of``.
    """

    account: Account
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    base_url: str = ""
    segments: str = ""
    body: bytes = b""
    body_file: Path | None = None

    def text(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        values = self.query.get(name.lower())
        return values[-1] if values else default

    def flag(self, name: str) -> bool:
        """A boolean of the query; empty counts as false (contract §1.5)."""
        text = self.text(name).strip().lower()
        if text in FALSE:
            return False
        if text in TRUE:
            return True
        raise refusal("PARAMETER_INVALID")

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number of the query within its bounds."""
        text = self.text(name).strip()
        # Python itself reads more as a number: 1_0, or the digits of other scripts.
        value = whole_number(text) if text else default
        if value is None or not least <= value <= most:
            raise refusal("PARAMETER_INVALID")
        return value

    def page(self, default: int = PAGE, most: int | None = None) -> Page:
        """The window asked for (contract §1.7); ``most`` is the default's own where it is above the usual thousand."""
        most = most or max(default, PAGE)
        return Page(self.number("select", default, least=1, most=most), self.number("skip", 0, least=0, most=INT32))

    def with_full_data(self) -> bool:
        """Whether contacts are wanted with their data fields."""
        return self.flag("withfulldata")

    def since(self) -> str:
        """The date of the path, as the store writes dates."""
        return self.instant(self.params["date"])

    def instant(self, text: str) -> str:
        """A client's date, as the store writes dates."""
        instant = parse_instant(text)
        if instant is None:
            raise refusal("PARAMETER_INVALID")
        return text_of(instant)

    def id(self, name: str, missing: str) -> int:
        """A numeric id of the path; anything else is refused as not found with the given code."""
        text = self.params[name]
        number = whole_number(text)
        if number is None or number > INT32:
            raise refusal(missing)
        return number

    def json(self) -> Any:
        """The body as JSON; refused by its media type or when it cannot be read (contract §1.5)."""
        self.check_json(self.body)
        try:
            return msgspec.json.decode(self.body.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise refusal("MALFORMED_REQUEST") from None

    def check_json(self, head: bytes) -> None:
        """Refuse a body, of which the head is given, that is not said to be JSON or begins like XML."""
        media = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if head and media not in ("application/json", "text/json", ""):
            raise refusal("CONTENT_TYPE_IS_NOT_SUPPORTED")
        if head.lstrip().startswith(b"<"):
            raise refusal("BODY_DOES_NOT_MATCH_CONTENT_TYPE")
        if not head:
            raise refusal("MALFORMED_REQUEST")

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object with lower-cased keys."""
        return lowered(self.json())


def whole_number(value: object) -> int | None:
    """A whole number, also one in quotes, as some clients write ids; None for anything else.

    One that is beyond what the store can hold counts as the greatest that it can.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        # Python reads no number of thousands of digits; the first twenty are more than any has that is kept.
        return min(int(value[:20]), INT64)
    return max(-INT64, min(value, INT64)) if type(value) is int else None


def list_or_empty(value: object) -> list[Any]:
    """A list of the body, empty when absent; refused when it is something else."""
    if isinstance(value, list):
        return value
    if not value:
        return []
    raise refusal("PARAMETER_INVALID")


def ids_of(value: object, *, code: str) -> list[int]:
    """The ids of a list in the body, each once, none when absent; refused where there is anything else."""
    if value is None:
        return []
    ids = [whole_number(each) or 0 for each in value] if isinstance(value, list) else [0]
    if not all(0 < each <= INT32 for each in ids):
        raise refusal(code)
    return list(dict.fromkeys(ids))


def text_or_none(value: object) -> str | None:
    """A text of the body, None when absent; refused when it is something else."""
    if value is None or isinstance(value, str):
        return value
    raise refusal("PARAMETER_INVALID")


def truth_or_none(value: object, *, code: str) -> bool | None:
    """A yes or no of the body, also as a number or in quotes; None when absent, refused when it is something else."""
    if value is None:
        return None
    truth = {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())
    if truth is None:
        raise refusal(code)
    return truth


def one_of(
    value: object, choices: Iterable[str], *, default: str | None = None, code: str = "PARAMETER_INVALID"
) -> str:
    """The enum member a client means, in the API's own spelling; letters' case does not matter."""
    if value is None and default is not None:
        return default
    for choice in choices:
        if isinstance(value, str) and value.strip().lower() == choice.lower():
            return choice
    raise refusal(code)
