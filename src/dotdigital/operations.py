"""The operations this client calls: one table with method, path, tier and whether repeating is harmless."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from dotdigital.drafts import json_time
from dotdigital.limits import HIGH, LOW, MEDIUM, UNLIMITED
from dotdigital.models import TASK_ID

_GUID = re.compile(TASK_ID)
_SLASHES = re.compile(r"[/\\]")
# Escaped or not, many a host reads a slash as the end of a part. No name has one; addresses and keys may.
_MAY_HAVE_SLASHES: Final = frozenset({"who", "wanted", "key"})
_ENROLMENT_STATUSES: Final = frozenset({"processing", "finished"})
# Words of the service's own paths, where a part of the caller's may stand as well: another operation would answer.
_WORDS: Final = {
    "collection": frozenset({"import"}),
    "identifier": frozenset({"import", "delete"}),
    "guid": _ENROLMENT_STATUSES,
}


class Operation(NamedTuple):
    """One row of contract §4.1. ``path`` is a template, which is also what is logged instead of the real path.

    ``repeatable`` says that sending it twice does no more than sending it once; ``accepts`` are statuses outside 2xx
    whose body is an answer and not an error.
    """

    method: str
    path: str
    tier: str
    repeatable: bool
    accepts: tuple[int, ...] = ()


def _get(path: str, tier: str) -> Operation:
    return Operation("GET", path, tier, repeatable=True)


def _post(path: str, tier: str = MEDIUM, *, repeatable: bool = False) -> Operation:
    return Operation("POST", path, tier, repeatable=repeatable)


def _put(path: str) -> Operation:
    return Operation("PUT", path, MEDIUM, repeatable=True)


def _delete(path: str, *accepts: int) -> Operation:
    return Operation("DELETE", path, MEDIUM, repeatable=True, accepts=accepts)


ACCOUNT_INFO: Final = _get("/v2/account-info", HIGH)
SERVER_TIME: Final = _get("/v2/server-time", HIGH)
EMPTY_RECYCLE_BIN: Final = _post("/v2/accounts/empty-recycle-bin", repeatable=True)

ADDRESS_BOOKS: Final = _get("/v2/address-books", MEDIUM)
ADDRESS_BOOKS_PRIVATE: Final = _get("/v2/address-books/private", MEDIUM)
ADDRESS_BOOKS_PUBLIC: Final = _get("/v2/address-books/public", MEDIUM)
ADDRESS_BOOK_CREATE: Final = _post("/v2/address-books")
ADDRESS_BOOK: Final = _get("/v2/address-books/{id}", HIGH)
ADDRESS_BOOK_UPDATE: Final = _put("/v2/address-books/{id}")
ADDRESS_BOOK_DELETE: Final = _delete("/v2/address-books/{id}")
BOOK_CONTACTS: Final = _get("/v2/address-books/{id}/contacts", MEDIUM)
BOOK_MODIFIED_SINCE: Final = _get("/v2/address-books/{id}/contacts/modified-since/{date}", LOW)
BOOK_UNSUBSCRIBED_SINCE: Final = _get("/v2/address-books/{id}/contacts/unsubscribed-since/{date}", LOW)
BOOK_ADD_CONTACT: Final = _post("/v2/address-books/{id}/contacts", repeatable=True)
BOOK_REMOVE_CONTACT: Final = _delete("/v2/address-books/{id}/contacts/{contact}")
BOOK_REMOVE_ALL: Final = _delete("/v2/address-books/{id}/contacts")
BOOK_REMOVE_CONTACTS: Final = _post("/v2/address-books/{id}/contacts/delete")
BOOK_REMOVE_ALL_LATER: Final = _post("/v2/address-books/{id}/contacts/delete-all")
BOOK_UNSUBSCRIBE: Final = _post("/v2/address-books/{id}/contacts/unsubscribe", repeatable=True)
BOOK_RESUBSCRIBE: Final = _post("/v2/address-books/{id}/contacts/resubscribe")
BOOK_RESUBSCRIBE_AT_ONCE: Final = _post("/v2/address-books/{id}/contacts/resubscribe-with-no-challenge")
BOOK_IMPORT: Final = _post("/v2/address-books/{id}/contacts/import/with-merge-option/{merge}", LOW)
BOOK_CAMPAIGNS: Final = _get("/v2/address-books/{id}/campaigns", MEDIUM)

CONTACTS: Final = _get("/v2/contacts", MEDIUM)
# Known by its address, a contact is the same after the second time.
CONTACT_SAVE: Final = _post("/v2/contacts", repeatable=True)
CONTACT: Final = _get("/v2/contacts/{who}", HIGH)
CONTACT_UPDATE: Final = _put("/v2/contacts/{id}")
CONTACT_DELETE: Final = _delete("/v2/contacts/{id}")
CONTACT_BOOKS: Final = _get("/v2/contacts/{id}/address-books", MEDIUM)
CREATED_SINCE: Final = _get("/v2/contacts/created-since/{date}", LOW)
MODIFIED_SINCE: Final = _get("/v2/contacts/modified-since/{date}", LOW)
UNSUBSCRIBED_SINCE: Final = _get("/v2/contacts/unsubscribed-since/{date}", LOW)
SUPPRESSED_SINCE: Final = _get("/v2/contacts/suppressed-since/{date}", LOW)
CONTACT_COUNT: Final = _get("/v2/contacts/count", HIGH)
CONTACTS_COLLECTION: Final = _get("/v2/contacts/retrieve-collection", LOW)
UNSUBSCRIBE: Final = _post("/v2/contacts/unsubscribe", repeatable=True)
SUPPRESS: Final = _put("/v2/contacts/suppress-contacts")
RESUBSCRIBE: Final = _post("/v2/contacts/resubscribe")
RESUBSCRIBE_AT_ONCE: Final = _post("/v2/contacts/resubscribe-with-no-challenge")
CONTACT_CREATE_WITH_CONSENT: Final = _post("/v2/contacts/with-consent")
CONTACT_UPDATE_WITH_CONSENT: Final = _put("/v2/contacts/{id}/with-consent")
CONTACT_CREATE_WITH_PREFERENCES: Final = _post("/v2/contacts/with-consent-and-preferences")
CONTACT_UPDATE_WITH_PREFERENCES: Final = _put("/v2/contacts/{id}/with-consent-and-preferences")
DELETION: Final = _get("/v2/contacts/deletion/{guid}", UNLIMITED)
ACCOUNT_IMPORT: Final = _post("/v2/contacts/import/with-merge-option/{merge}", LOW)
IMPORT_COLLECTION: Final = _post("/v2/contacts/import-collection", LOW)
IMPORT: Final = _get("/v2/contacts/import/{guid}", UNLIMITED)
IMPORT_REPORT: Final = _get("/v2/contacts/import/{guid}/report", LOW)
IMPORT_FAULTS: Final = _get("/v2/contacts/import/{guid}/report-faults", LOW)

DATA_FIELDS: Final = _get("/v2/data-fields", MEDIUM)
DATA_FIELD_CREATE: Final = _post("/v2/data-fields")
DATA_FIELD_DELETE: Final = _delete("/v2/data-fields/{name}", 409)

SEGMENTS: Final = _get("/v2/segments", MEDIUM)
SEGMENT_REFRESH: Final = _post("/v2/segments/refresh/{id}", repeatable=True)
SEGMENT_REFRESH_STATUS: Final = _get("/v2/segments/refresh/{id}", UNLIMITED)

CAMPAIGNS: Final = _get("/v2/campaigns", MEDIUM)
CAMPAIGNS_FILTERED: Final = _get("/v2/campaigns/filtered", MEDIUM)
CAMPAIGNS_WITH_DETAILS: Final = _get("/v2/campaigns/with-details", MEDIUM)
CAMPAIGNS_ACTIVE_SINCE: Final = _get("/v2/campaigns/with-activity-since/{date}", MEDIUM)
CAMPAIGN: Final = _get("/v2/campaigns/{id}", HIGH)
CAMPAIGN_WITH_DETAILS: Final = _get("/v2/campaigns/{id}/with-details", HIGH)
CAMPAIGN_CREATE: Final = _post("/v2/campaigns")
CAMPAIGN_UPDATE: Final = _put("/v2/campaigns/{id}")
CAMPAIGN_DELETE: Final = _delete("/v2/campaigns/{id}")
CAMPAIGN_COPY: Final = _post("/v2/campaigns/{id}/copy")
CAMPAIGN_SEND: Final = _post("/v2/campaigns/send", UNLIMITED)
CAMPAIGN_SEND_TIME_OPTIMISED: Final = _post("/v2/campaigns/send-time-optimised", UNLIMITED)
CAMPAIGN_SEND_STATUS: Final = _get("/v2/campaigns/send/{guid}", UNLIMITED)
CAMPAIGN_BOOKS: Final = _get("/v2/campaigns/{id}/address-books", MEDIUM)
CAMPAIGN_SUMMARY: Final = _get("/v2/campaigns/{id}/summary", MEDIUM)
CAMPAIGN_ACTIVITY: Final = _get("/v2/campaigns/{id}/activities/{contact}", HIGH)
CAMPAIGN_BOUNCING: Final = _get("/v2/campaigns/{id}/hard-bouncing-contacts", LOW)
CAMPAIGN_SPLIT_TEST: Final = _get("/v2/campaigns/{id}/split-test", MEDIUM)
CAMPAIGN_REVENUE_SINCE: Final = _get("/v2/campaigns/{id}/revenue/since-date/{date}", LOW)
CAMPAIGN_REVENUE_OF: Final = _get("/v2/campaigns/{id}/activities/{contact}/revenue", LOW)
CAMPAIGN_METRICS: Final = _get("/v2/campaigns/metrics", LOW)
FROM_ADDRESSES: Final = _get("/v2/custom-from-addresses", MEDIUM)

COLLECTION_ADD: Final = _post("/v2/contacts/transactional-data/{collection}")
COLLECTION_SAVE: Final = _post("/v2/contacts/transactional-data/{collection}/{key}", repeatable=True)
COLLECTION_RECORD: Final = _get("/v2/contacts/transactional-data/{collection}/{key}", HIGH)
COLLECTION_DELETE: Final = _delete("/v2/contacts/transactional-data/{collection}/{key}")
COLLECTION_IMPORT: Final = _post("/v2/contacts/transactional-data/import/{collection}", LOW)
COLLECTION_IMPORT_STATUS: Final = _get("/v2/contacts/transactional-data/import/{guid}", UNLIMITED)
COLLECTION_IMPORT_REPORT: Final = _get("/v2/contacts/transactional-data/import/{guid}/report", LOW)
CONTACT_RECORDS: Final = _get("/v2/contacts/{who}/transactional-data/{collection}", MEDIUM)
CONTACT_RECORDS_DELETE: Final = _delete("/v2/contacts/{who}/transactional-data/{collection}")

TEMPLATES: Final = _get("/v2/templates", MEDIUM)
TEMPLATE: Final = _get("/v2/templates/{id}", HIGH)
TEMPLATE_CREATE: Final = _post("/v2/templates")
TEMPLATE_UPDATE: Final = _put("/v2/templates/{id}")
TEMPLATE_DELETE: Final = _delete("/v2/templates/{id}")
PROGRAMS: Final = _get("/v2/programs", MEDIUM)
PROGRAM: Final = _get("/v2/programs/{id}", HIGH)
ENROL: Final = _post("/v2/programs/enrolments")
ENROLMENTS: Final = _get("/v2/programs/enrolments/{status}", UNLIMITED)
ENROLMENT: Final = _get("/v2/programs/enrolments/{guid}", UNLIMITED)
ENROLMENT_FAULTS: Final = _get("/v2/programs/enrolments/{guid}/report-faults", LOW)
EMAIL: Final = _post("/v2/email", UNLIMITED)
EMAIL_BATCH: Final = _post("/v2/email/batch", UNLIMITED)
EMAIL_TRIGGERED: Final = _post("/v2/email/triggered-campaign", UNLIMITED)
EMAIL_TRIGGERED_BATCH: Final = _post("/v2/email/triggered-campaign/batch", UNLIMITED)
EMAIL_STATISTICS: Final = _get("/v2/email/stats/since-date/{date}", UNLIMITED)
PREFERENCES: Final = _get("/v2/preferences", MEDIUM)
PREFERENCE_CREATE: Final = _post("/v2/preferences")
PREFERENCE_UPDATE: Final = _put("/v2/preferences/{id}")
PREFERENCE_DELETE: Final = _delete("/v2/preferences/{id}")
CONTACT_PREFERENCES: Final = _get("/v2/contacts/{who}/preferences", HIGH)
CONTACT_PREFERENCES_SET: Final = _put("/v2/contacts/{who}/preferences")
SURVEYS: Final = _get("/v2/surveys", MEDIUM)
SURVEY: Final = _get("/v2/surveys/{id}", HIGH)
SURVEY_FIELDS: Final = _get("/v2/surveys/{id}/fields", MEDIUM)
SURVEY_RESPONSES: Final = _get("/v2/surveys/{id}/responses", LOW)

V3_CONTACTS: Final = _get("/contacts/v3", LOW)
V3_CONTACT: Final = _get("/contacts/v3/{identifier}/{wanted}", HIGH)
V3_CREATE: Final = _post("/contacts/v3")
V3_REPLACE: Final = _put("/contacts/v3/{identifier}/{wanted}")
V3_MERGE: Final = Operation("PATCH", "/contacts/v3/{identifier}/{wanted}", MEDIUM, repeatable=True)
V3_DELETE: Final = _delete("/contacts/v3/{identifier}/{wanted}")
V3_IMPORT: Final = Operation("PUT", "/contacts/v3/import", LOW, repeatable=False)
V3_IMPORT_STATUS: Final = _get("/contacts/v3/import/{guid}", UNLIMITED)
V3_DELETE_MANY: Final = _post("/contacts/v3/delete", LOW)
V3_DELETE_STATUS: Final = _get("/contacts/v3/delete/{guid}", UNLIMITED)

EVENT_SUBSCRIPTIONS: Final = _get("/events/v3/export/subscriptions", MEDIUM)
EVENT_SUBSCRIPTION: Final = _get("/events/v3/export/subscriptions/{id}", HIGH)
EVENT_SUBSCRIPTION_CREATE: Final = _post("/events/v3/export/subscriptions")
EVENT_SUBSCRIPTION_UPDATE: Final = _put("/events/v3/export/subscriptions/{id}")
EVENT_SUBSCRIPTION_DELETE: Final = _delete("/events/v3/export/subscriptions/{id}")
# The same checkpoint brings the same page, so that a lost answer is no loss.
EVENTS: Final = _get("/events/v3/export/{id}", LOW)
EVENTS_IMPORT: Final = _post("/events/v3/import", LOW)
EVENT_LARGE_OBJECT: Final = _get("/events/v3/lob/{guid}", HIGH)


class Events(NamedTuple):
    """The three reads of one kind of event of a campaign (contract §4.1); a read that does not exist is None."""

    all: Operation | None
    since: Operation | None
    of_contact: Operation | None


def _events(kind: str, *, plain: bool = True, since: bool = True) -> Events:
    return Events(
        _get(f"/v2/campaigns/{{id}}/{kind}", LOW) if plain else None,
        _get(f"/v2/campaigns/{{id}}/{kind}/since-date/{{date}}", LOW) if since else None,
        _get(f"/v2/campaigns/{{id}}/activities/{{contact}}/{kind}", LOW),
    )


ACTIVITIES: Final = Events(
    _get("/v2/campaigns/{id}/activities", LOW), _get("/v2/campaigns/{id}/activities/since-date/{date}", LOW), None
)
CLICKS: Final = _events("clicks")
CLICKS_WITH_GROUPS: Final = _events("clicks-with-groups")
OPENS: Final = _events("opens")
PAGE_VIEWS: Final = _events("page-views", plain=False)
REPLIES: Final = _events("replies", plain=False, since=False)
ROI_DETAILS: Final = _events("roi-details", plain=False)
SOCIAL_BOOKMARK_VIEWS: Final = _events("social-bookmark-views", since=False)


def with_full_data(operation: Operation, *, full_data: bool) -> Operation:
    """Answers the operation as it is counted: a list with its data fields is a heavier read (contract §2.1)."""
    return operation._replace(tier=LOW) if full_data else operation


def fill(operation: Operation, **parts: int | str | datetime) -> str:
    """Answers the path of one call: the template with its parts checked and escaped.

    Raises ValueError, naming the part, for an id below 1, something that is no import id, a date without time zone, and
    a text that would lead to another operation.
    """
    return operation.path.format_map({name: _part(name, value) for name, value in parts.items()})


def check_id(name: str, value: int) -> None:
    """Raises ValueError, naming the argument, for a number that no object of the service can have (contract §1.5)."""
    if value < 1 or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: ids start at 1")


def check_who(name: str, value: int | str) -> None:
    """Raises ValueError, naming the argument, for what is neither the id of a contact nor an address.

    The service has one place for both. An address of digits alone would be taken for the id of somebody else.
    """
    if isinstance(value, int):
        check_id(name, value)
    elif value.strip().isdecimal():
        raise ValueError(f"{name} is an address of digits alone, which would be taken for an id")


def _part(name: str, value: int | str | datetime) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone: give an aware datetime")
        return json_time(value)
    if isinstance(value, int):
        check_id(name, value)
        return str(value)
    _check_text(name, value)
    return quote(value, safe="@")


def _check_text(name: str, value: str) -> None:
    """Raises ValueError for a text that cannot be meant, or with which another operation would be asked."""
    if name == "guid" and not _GUID.fullmatch(value):
        raise ValueError("the id of a background task has letters, digits and hyphens only")
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{name} is empty or has characters that cannot stand in a path")
    pieces = _SLASHES.split(value)
    if not {".", ".."}.isdisjoint(pieces) or (len(pieces) > 1 and name not in _MAY_HAVE_SLASHES):
        raise ValueError(f"{name} has a slash, or dots alone, which would lead elsewhere")
    word = value.strip().lower()
    if word in _WORDS.get(name, ()):
        raise ValueError(f"{name} is {value.strip()!r}, a word of the service's own paths")
    if name == "who" and "@" not in word:
        raise ValueError("who is neither an id, given as a number, nor an e-mail address")
    if name == "status" and word not in _ENROLMENT_STATUSES:
        raise ValueError("status is neither Processing nor Finished")
