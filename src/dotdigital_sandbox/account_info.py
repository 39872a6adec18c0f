"""The account about itself (contract §1.2)."""

from __future__ import annotations

import re
from http import HTTPStatus

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route

REGION_HOST = re.compile(r"r(\d{1,9})-api\.", re.IGNORECASE)


def _endpoint(call: Call) -> str:
    """This server's address; on a host named after a region, the one named after the account's own."""
    scheme, _, host = call.base_url.partition("://")
    return f"{scheme}://{REGION_HOST.sub(f'r{call.account.settings.region}-api.', host)}"


def account_info(call: Call) -> Answer:
    """GET /v2/account-info; ``ApiEndpoint`` is this server's own address unless the settings name another."""
    settings = call.account.settings
    used = call.account.rates.used_in_last_hour()
    properties = [
        ("Name", "String", "Sandbox"),
        ("MainMobilePhoneNumber", "String", "01632960000"),
        ("MainEmail", "String", "owner@example.com"),
        ("APILocale", "String", "en-GB"),
        ("ListManagedUsers", "String", ""),
        ("ApiCallsInLastHour", "Int", str(used)),
        ("ApiCallsRemaining", "Int", str(max(0, settings.flat_rate - used))),
        ("ApiEndpoint", "String", settings.api_endpoint or _endpoint(call)),
        ("AvailableEmailSendsCredits", "Int", "100000"),
        ("AvailableSmsSendsCredits", "Int", "0"),
        ("PremiumWalletBalance", "Decimal", "0.00"),
        ("CurrencyCode", "String", "GBP"),
        ("CampaignEmailMtaPool", "String", "IP pool for Email campaigns"),
        ("ShowClock", "Boolean", "False"),
        ("TimeZoneIana", "String", "Europe/London"),
    ]
    listed = [{"name": name, "type": kind, "value": value} for name, kind, value in properties]
    return json_answer({"id": settings.account_id, "properties": listed})


def server_time(call: Call) -> Answer:
    """GET /v2/server-time: a JSON string."""
    return json_answer(call.account.clock.text())


def empty_recycle_bin(_call: Call) -> Answer:
    """POST /v2/accounts/empty-recycle-bin: nothing is kept in one here."""
    return Answer(HTTPStatus.OK, media_type=None)


ROUTES = [
    Route("GET", "/v2/account-info", account_info, HIGH),
    Route("GET", "/v2/server-time", server_time, HIGH),
    Route("POST", "/v2/accounts/empty-recycle-bin", empty_recycle_bin, MEDIUM),
]
