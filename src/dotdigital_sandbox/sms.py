"""SMS campaigns, and single messages that are taken and never sent anywhere (the vendor's SMS campaigns 2.0)."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Row
from types import NoneType
from typing import Any

from dotdigital_sandbox.calls import INT32, NO_CONTENT, Answer, Call, json_answer, whole_number
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, MEDIUM, UNLIMITED, Route
from dotdigital_sandbox.things import keep, thing_of
from dotdigital_sandbox.v3_channels import mobile_of
from dotdigital_sandbox.v3_errors import V3Error

KIND, MISSING = "sms-campaign", "CAMPAIGN_NOT_FOUND"
NAME_LIMIT, MESSAGE_LIMIT, SENDER_LIMIT = 256, 1600, 15
SENDER, SENDER_ID = "sandbox", 1


def _given(call: Call) -> dict[str, Any]:
    """Name, message, sender and whether links are shortened; refused without the first two."""
    keys = call.json_object()
    name, message = keys.get("name"), keys.get("message")
    sender, short = keys.get("sendingidentity") or SENDER, keys.get("toggleshortlinks")
    texts = ((name, NAME_LIMIT), (message, MESSAGE_LIMIT), (sender, SENDER_LIMIT))
    if not all(isinstance(text, str) and 1 <= len(text) <= limit for text, limit in texts):
        raise refusal("SMS_INVALID")
    # The vendor's own example writes this as a text.
    truths = {None: False, True: True, False: False, "true": True, "false": False}
    if not isinstance(short, (bool, str, NoneType)) or short not in truths:
        raise refusal("SMS_INVALID")
    return {"name": name, "message": message, "sendingIdentity": sender, "toggleShortLinks": truths[short]}


def _shown(row: Row) -> dict[str, Any]:
    return {"id": row["id"], **json.loads(row["body"]), "sendingIdentityId": SENDER_ID, "status": "Unsent"}


def list_campaigns(call: Call) -> Answer:
    """GET /v2/sms/campaigns."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute("SELECT * FROM thing WHERE kind = ? ORDER BY id LIMIT ? OFFSET ?", (KIND, *page))
        return json_answer([_shown(row) for row in rows])


def create_campaign(call: Call) -> Answer:
    """POST /v2/sms/campaigns."""
    body = _given(call)
    with call.account.store.writing() as db:
        return json_answer(_shown(keep(db, call.account, KIND, body["name"], body)), status=HTTPStatus.CREATED)


def copy_campaign(call: Call) -> Answer:
    """POST /v2/sms/campaigns/copy: campaignId under the name copyName."""
    keys = call.json_object()
    ident, name = whole_number(keys.get("campaignid")), keys.get("copyname")
    if ident is None or not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT:
        raise refusal("SMS_INVALID")
    with call.account.store.writing() as db:
        original = json.loads(thing_of(db, KIND, min(ident, INT32), MISSING)["body"])
        row = keep(db, call.account, KIND, name, {**original, "name": name})
    return json_answer(_shown(row), status=HTTPStatus.CREATED)


def read_campaign(call: Call) -> Answer:
    """GET /v2/sms/campaigns/{campaignId}."""
    with call.account.store.reading() as db:
        return json_answer(_shown(thing_of(db, KIND, call.id("campaign_id", MISSING), MISSING)))


def update_campaign(call: Call) -> Answer:
    """PUT /v2/sms/campaigns/{campaignId}."""
    body = _given(call)
    with call.account.store.writing() as db:
        ident = thing_of(db, KIND, call.id("campaign_id", MISSING), MISSING)["id"]
        row = db.execute(
            "UPDATE thing SET name = ?, body = ? WHERE id = ? RETURNING *", (body["name"], json.dumps(body), ident)
        ).fetchone()
    return json_answer(_shown(row))


def delete_campaign(call: Call) -> Answer:
    """DELETE /v2/sms/campaigns/{campaignId}."""
    with call.account.store.writing() as db:
        ident = thing_of(db, KIND, call.id("campaign_id", MISSING), MISSING)["id"]
        db.execute("DELETE FROM thing WHERE id = ?", (ident,))
    return NO_CONTENT


def send_message(call: Call) -> Answer:
    """POST /v2/sms-messages/send-to/{telephoneNumber}: one message to one number."""
    message = call.json_object().get("message")
    if not isinstance(message, str) or not 1 <= len(message) <= MESSAGE_LIMIT:
        raise refusal("SMS_INVALID")
    try:
        number = mobile_of(call.params["number"])
    except V3Error:
        raise refusal("SMS_INVALIDPHONENUMBER") from None
    with call.account.store.writing() as db:
        keep(db, call.account, "sms", number, {"message": message})
    return NO_CONTENT


_BASE = "/v2/sms/campaigns"
ROUTES = [
    Route("GET", _BASE, list_campaigns, MEDIUM),
    Route("POST", _BASE, create_campaign, MEDIUM),
    Route("POST", f"{_BASE}/copy", copy_campaign, MEDIUM),
    Route("GET", f"{_BASE}/{{campaign_id}}", read_campaign, HIGH),
    Route("PUT", f"{_BASE}/{{campaign_id}}", update_campaign, MEDIUM),
    Route("DELETE", f"{_BASE}/{{campaign_id}}", delete_campaign, MEDIUM),
    Route("POST", "/v2/sms-messages/send-to/{number}", send_message, UNLIMITED),
]
