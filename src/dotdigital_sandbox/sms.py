"""SMS campaigns, and single messages that are taken and never sent anywhere (the vendor's SMS campaigns 2.0)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from dotdigital_sandbox.calls import INT32, NO_CONTENT, Answer, Call, json_answer, truth_or_none, whole_number
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, UNLIMITED, Route
from dotdigital_sandbox.things import WrittenThings, keep, thing_of
from dotdigital_sandbox.v3_channels import mobile_of
from dotdigital_sandbox.v3_errors import V3Error

NAME_LIMIT, MESSAGE_LIMIT, SENDER_LIMIT = 256, 1600, 15
SENDER, SENDER_ID = "sandbox", 1


def _given(call: Call) -> dict[str, Any]:
    """Name, message, sender and whether links are shortened; refused without the first two."""
    keys = call.json_object()
    name, message = keys.get("name"), keys.get("message")
    sender = keys.get("sendingidentity") or SENDER
    # The vendor's own example writes this as a text.
    short = truth_or_none(keys.get("toggleshortlinks"), code="SMS_INVALID")
    texts = ((name, NAME_LIMIT), (message, MESSAGE_LIMIT), (sender, SENDER_LIMIT))
    if not all(isinstance(text, str) and 1 <= len(text) <= limit for text, limit in texts):
        raise refusal("SMS_INVALID")
    return {"name": name, "message": message, "sendingIdentity": sender, "toggleShortLinks": short is True}


CAMPAIGNS = WrittenThings(
    kind="sms-campaign",
    missing="CAMPAIGN_NOT_FOUND",
    given=_given,
    more={"sendingIdentityId": SENDER_ID, "status": "Unsent"},
)


def copy_campaign(call: Call) -> Answer:
    """POST /v2/sms/campaigns/copy: campaignId under the name copyName."""
    keys = call.json_object()
    ident, name = whole_number(keys.get("campaignid")), keys.get("copyname")
    if ident is None or not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT:
        raise refusal("SMS_INVALID")
    with call.account.store.writing() as db:
        original = json.loads(thing_of(db, CAMPAIGNS.kind, min(ident, INT32), CAMPAIGNS.missing)["body"])
        row = keep(db, call.account, CAMPAIGNS.kind, name, {**original, "name": name})
    return json_answer(CAMPAIGNS.shown(row), status=HTTPStatus.CREATED)


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


ROUTES = [
    *CAMPAIGNS.routes("/v2/sms/campaigns"),
    Route("POST", "/v2/sms/campaigns/copy", copy_campaign, MEDIUM),
    Route("POST", "/v2/sms-messages/send-to/{number}", send_message, UNLIMITED),
]
