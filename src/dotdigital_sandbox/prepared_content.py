"""A campaign's content as one recipient would get it, for a mail that the client sends itself."""

from __future__ import annotations

import json
import re
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.campaigns import campaign_of, campaign_out
from dotdigital_sandbox.contact_writing import bad_email, contact_by_email
from dotdigital_sandbox.routing import MEDIUM, Route
from dotdigital_sandbox.values import is_email

_MERGED = re.compile(r"@([A-Za-z0-9_-]{1,20})@")


def prepared_content(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/prepared-for-transactional-email/{email}: with the contact's data fields filled in.

    An address that is no contact is one without any values. What else a letter holds stays, such as ``$UNSUB$``.
    """
    email = call.params["email"]
    if not is_email(email):
        raise bad_email(call.account.switches)
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        values = _values(db, email)
    out = campaign_out(call, campaign, contents=True)
    out["processedHtmlContent"] = _filled(campaign["html_content"], values)
    out["processedPlainTextContent"] = _filled(campaign["plain_text_content"], values)
    return json_answer(out)


def _values(db: Connection, email: str) -> dict[str, Any]:
    """The contact's value of each data field by upper-case name, else the field's default."""
    contact = contact_by_email(db, email)
    own: dict[str, Any] = json.loads(contact["data"]) if contact else {}
    rows = db.execute("SELECT name, default_value FROM data_field")
    defaults = {row["name"]: json.loads(row["default_value"]) for row in rows}
    return {"EMAIL": email, **defaults, **own}


def _filled(content: str, values: dict[str, Any]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1].upper()
        if name not in values:
            return found[0]
        return "" if values[name] is None else str(values[name])

    return _MERGED.sub(value, content)


ROUTES = [
    Route("GET", "/v2/campaigns/{campaign_id}/prepared-for-transactional-email/{email}", prepared_content, MEDIUM)
]
