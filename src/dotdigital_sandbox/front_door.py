"""Who may come in, and to whom the call is led: credentials, region, rate limits, routes."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import math
import re
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from sqlite3 import Row
from typing import Any, Literal

from dotdigital_sandbox import (
    account_info,
    address_books,
    attachments,
    campaign_summary,
    campaigns,
    consents,
    contact_feeds,
    contacts,
    control_api,
    data_fields,
    event_export,
    event_import,
    event_subscriptions,
    import_reports,
    insight,
    insight_v3,
    insight_v3_imports,
    insight_v3_records,
    mail,
    media,
    oauth,
    preferences,
    prepared_content,
    removals,
    reporting,
    scoring,
    segments,
    sends,
    sms,
    split_tests,
    subscriptions,
    surveys,
    things,
    uploads,
    v3_contacts,
    v3_deletions,
    v3_imports,
)
from dotdigital_sandbox.account import Account
from dotdigital_sandbox.account_info import REGION_HOST
from dotdigital_sandbox.calls import TRUE, Answer, Call, json_answer
from dotdigital_sandbox.errors import UNAUTHORISED, ApiError, no_such_path, refusal
from dotdigital_sandbox.openapi import openapi_document
from dotdigital_sandbox.routing import UNLIMITED, Route, RouteTable, tidy
from dotdigital_sandbox.v3_errors import V3Error

logger = logging.getLogger(__name__)
API_ROUTES: list[Route] = [
    *account_info.ROUTES,
    *address_books.ROUTES,
    *contacts.ROUTES,
    *contact_feeds.ROUTES,
    *consents.ROUTES,
    *preferences.ROUTES,
    *prepared_content.ROUTES,
    *subscriptions.ROUTES,
    *removals.ROUTES,
    *uploads.ROUTES,
    *import_reports.ROUTES,
    *data_fields.ROUTES,
    *campaigns.ROUTES,
    *sends.ROUTES,
    *reporting.ROUTES,
    *campaign_summary.ROUTES,
    *segments.ROUTES,
    *insight.ROUTES,
    *scoring.ROUTES,
    *things.ROUTES,
    *mail.ROUTES,
    *surveys.ROUTES,
    *media.ROUTES,
    *attachments.ROUTES,
    *sms.ROUTES,
    *split_tests.ROUTES,
    *v3_imports.ROUTES,
    *v3_deletions.ROUTES,
    *v3_contacts.ROUTES,
    *insight_v3.ROUTES,
    *insight_v3_records.ROUTES,
    *insight_v3_imports.ROUTES,
    *event_subscriptions.ROUTES,
    *event_export.ROUTES,
    *event_import.ROUTES,
]
_V3 = re.compile(r"/[^/]+/v3(/|$)", re.IGNORECASE)


# What a gateway before the operations of version 3 says; the vendor's documents name the codes of operations alone.
_V3_CODES = {
    400: "gateway:badRequest",
    403: "gateway:forbidden",
    404: "gateway:notFound",
    405: "gateway:methodNotAllowed",
    413: "gateway:tooLarge",
    429: "gateway:tooManyRequests",
    503: "gateway:serviceUnavailable",
}


def _is_v3(call: Call) -> bool:
    """Whether the call's path is one of version 3."""
    return _V3.match(tidy(call.path)) is not None


def _refused(error: ApiError, call: Call) -> Answer:
    """The answer for a refusal; errors of version 3 carry an ``errorCode`` whoever refuses (contract §3.4)."""
    body: dict[str, Any] = {"message": error.message}
    if isinstance(error, V3Error):
        body = error.body()
    elif _is_v3(call):
        body = {"errorCode": _V3_CODES.get(error.status, "gateway:unknown"), "description": error.message}
    return replace(json_answer(body, status=error.status), headers=error.headers)


def _too_many(quota: Literal["minute", "hour"], call: Call) -> Answer:
    """The refusal of a call whose quota is used up (contract §2.1)."""
    if quota == "hour":
        return _refused(refusal("APIUSAGE_EXCEEDED"), call)
    return _refused(ApiError(HTTPStatus.TOO_MANY_REQUESTS, "Too Many Requests"), call)


def _openapi(call: Call) -> Answer:
    """GET /_sandbox/openapi.json."""
    return json_answer(openapi_document(API_ROUTES, shape=call.account.settings.shape))


@cache
def _tables() -> tuple[RouteTable, RouteTable, RouteTable]:
    """The operations, the control and the pages of single sign-on; the same for every account of a process."""
    control = [*control_api.ROUTES, Route("GET", "/_sandbox/openapi.json", _openapi, UNLIMITED)]
    return RouteTable(API_ROUTES), RouteTable(control), RouteTable(oauth.ROUTES)


class FrontDoor:
    """Answers a call whose body has been read."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._api, self._control, self._web = _tables()

    def wants_file(self, call: Call) -> bool:
        """Whether the call's body belongs on disk."""
        try:
            return self._api.match(call.method, call.segments)[0].upload
        except ApiError:
            return False

    def answer(self, call: Call) -> tuple[Answer, str]:
        """The answer and the tier the call counted for."""
        try:
            if tidy(call.path).lower().startswith("/_sandbox"):
                return self._controlled(call), ""
            if self._web.knows(call.path):
                route, params = self._web.match(call.method, call.path)
                return route.handler(replace(call, params=params)), ""
            return self._called(call)
        except ApiError as error:
            return _refused(error, call), ""
        except Exception:
            logger.exception("the sandbox failed to answer a call")
            return self.failure(call, HTTPStatus.INTERNAL_SERVER_ERROR), ""

    def failure(self, call: Call, status: int, seconds: float = 0.0) -> Answer:
        """What a broken service says, or one that has enough of calls for so many seconds."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            headers = {
                "X-RateLimit-Limit": str(self._account.settings.low_rate),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(math.ceil(self._account.clock.now().timestamp() + seconds)),
                "X-RateLimit-Scope": "lowCallRate",
            }
            return _refused(ApiError(status, "Too Many Requests", headers=headers), call)
        if status == HTTPStatus.NOT_FOUND:
            # As of a gateway that does not know the path: the operations' own have a code.
            return _refused(no_such_path(), call)
        code = "SYSTEM_SERVICETEMPORARILYUNAVAILABLE" if status == HTTPStatus.SERVICE_UNAVAILABLE else "UNKNOWN"
        return _refused(ApiError(status, refusal(code).message), call)

    def too_long(self, call: Call) -> Answer:
        """The refusal of a body beyond all limits."""
        return _refused(refusal("PARAMETER_INVALID", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE), call)

    def _controlled(self, call: Call) -> Answer:
        if not self._account.settings.control:
            raise no_such_path()
        route, params = self._control.match(call.method, call.segments)
        # A page of another site can post a form here, but never JSON without asking first.
        media = call.headers.get("content-type", "").lower()
        if call.method not in ("GET", "HEAD") and not media.startswith("application/json"):
            raise ApiError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the control call as Content-Type: application/json."
            )
        return route.handler(replace(call, params=params))

    def _called(self, call: Call) -> tuple[Answer, str]:
        user = self._user(call)
        if user is None:
            return self._denied(v3=_is_v3(call)), ""
        self._check_region(call)
        route, params = self._api.match(call.method, call.segments)
        tier = route.heavy(full=call.text("withfulldata").strip().lower() in TRUE)
        verdict = self._account.rates.judge(user["scheme"], tier)
        if verdict.refused:
            return replace(_too_many(verdict.refused, call), headers=verdict.headers), tier
        try:
            answer = route.handler(replace(call, params=params))
        except ApiError as error:
            answer = _refused(error, call)
        if verdict.headers:
            answer = replace(answer, headers={**answer.headers, **verdict.headers})
        return answer, tier

    def _check_region(self, call: Call) -> None:
        """Hosts named after a region answer for it alone, but r1 tells everyone where they belong (contract §1.1)."""
        match = REGION_HOST.match(call.headers.get("host", ""))
        if match is None or int(match[1]) == self._account.settings.region:
            return
        if match[1] != "1" or tidy(call.path).lower() != "/v2/account-info":
            raise ApiError(HTTPStatus.FORBIDDEN, "Forbidden: Access is denied")

    def _denied(self, *, v3: bool) -> Answer:
        body = {"errorCode": "auth:unauthorised", "description": UNAUTHORISED} if v3 else {"message": UNAUTHORISED}
        headers = {"WWW-Authenticate": 'Basic realm="dotdigital"'}
        return replace(json_answer(body, status=HTTPStatus.UNAUTHORIZED), headers=headers)

    def _user(self, call: Call) -> Row | None:
        """The API user of the call's credentials, if they are right."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(token.strip(), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        with self._account.store.reading() as db:
            row: Row | None = db.execute("SELECT * FROM api_user WHERE name = ? AND NOT disabled", (name,)).fetchone()
        if row is None or not hmac.compare_digest(row["password"].encode(), password.encode()):
            return None
        return row
