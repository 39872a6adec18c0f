"""Pages of version 3: a limit, an opaque marker, and links to go on by (contract §7)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from dotdigital_sandbox.calls import INT64, Call
from dotdigital_sandbox.v3_errors import V3Error

LIMIT = 5000
# Names are taken in any case of letters, and told in their own.
_SPELLED = {"~listid": "~listId", "~segmentid": "~segmentId"}


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """How many rows are wanted behind which id."""

    call: Call
    limit: int
    after: int

    def answer(self, items: list[Any], *, following: int | None) -> dict[str, Any]:
        """The page with its links; ``following`` is the last id shown where more rows follow."""
        links = {"self": self._link(self.after), "first": self._link(0)}
        if following is not None:
            links["next"] = self._link(following)
        return {"_links": links, "_items": items}

    def _link(self, after: int) -> dict[str, str]:
        marker = base64.urlsafe_b64encode(str(after).encode()).decode() if after else ""
        asked = self.call.query.items()
        query = [(_SPELLED.get(name, name), value) for name, values in asked for value in values if name != "marker"]
        text = urlencode([*query, ("marker", marker)] if marker else query)
        path = quote(self.call.path, safe="/@:+~")
        return {"marker": marker, "link": f"{self.call.base_url}{path}{'?' if text else ''}{text}"}


def marked_page(call: Call, default: int, *, code: str) -> MarkedPage:
    """The page that a call asks for; another limit or marker is refused with the code."""
    return MarkedPage(call, page_limit(call, default, code=code), _after(call, code))


def page_limit(call: Call, default: int, *, code: str) -> int:
    """How many rows a call wants."""
    text = call.text("limit") or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT)) and 1 <= int(text) <= LIMIT):
        raise V3Error(400, code, f"limit must lie between 1 and {LIMIT}", "limit")
    return int(text)


def _after(call: Call, code: str) -> int:
    text = call.text("marker")
    try:
        digits = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True) if text else b"0"
    except (binascii.Error, UnicodeEncodeError):
        digits = b""
    # More digits than these are no id, and Python reads no number of thousands of them.
    if not (digits.isdigit() and len(digits) < len(str(INT64))):
        raise V3Error(400, code, "The marker is not one of ours", "marker")
    return int(digits)
