"""A contact's mobile number, and its standing by e-mail, SMS and WhatsApp in version 3 (contract §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.contact_statuses import UNSUBSCRIBED
from dotdigital_sandbox.subscriptions import suppress
from dotdigital_sandbox.v3_consents import is_url
from dotdigital_sandbox.v3_errors import V3Error, closed_object, object_of

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

# E.164, with or without its plus and the blanks that people write.
_MOBILE = re.compile(r"\+?([1-9][0-9]{7,14})")
_BLANKS = re.compile(r"[\s().-]")
# There are no custom ones here.
WHATSAPP = "whatsApp"
IDENTIFIERS = ("contactid", "email", "mobilenumber")
EMAIL_WISHES = {"subscribed": None, "unsubscribed": UNSUBSCRIBED, "suppressed": "Suppressed"}
MOBILE_WISHES = ("noSubscription", "subscribed", "unsubscribed", "suppressed")
LOCALES = (
    "cs-CS", "da-DA", "de-DE", "el-EL", "en-EN", "es-ES", "es", "fi-FI", "fr-FR", "hu-HU", "it-IT", "nl-NL", "nb-NO",
    "pl-PL", "pt-PT", "ru-RU", "se-SE", "sk-SK", "tr-TR", "zh-CN",
)  # fmt: skip
EMAIL_STATUSES = {
    "Subscribed": "subscribed",
    "Unsubscribed": "unsubscribed",
    "SoftBounced": "softBounced",
    "HardBounced": "hardBounced",
    "IspComplained": "ispComplained",
    "PendingOptIn": "pendingOptIn",
    "DirectComplaint": "directComplaint",
    "SharedSuppression": "sharedsuppression",
    "DomainSuppression": "domainSuppressed",
}
# Where the longest of these prefixes of a number leads; the API names a country, which no prefix can tell for certain.
_COUNTRIES = {
    "1": "US", "7": "RU", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR", "34": "ES", "351": "PT",
    "353": "IE", "358": "FI", "36": "HU", "39": "IT", "40": "RO", "41": "CH", "420": "CZ", "421": "SK", "43": "AT",
    "44": "GB", "45": "DK", "46": "SE", "47": "NO", "48": "PL", "49": "DE", "52": "MX", "55": "BR", "61": "AU",
    "64": "NZ", "65": "SG", "81": "JP", "82": "KR", "86": "CN", "90": "TR", "91": "IN", "971": "AE", "972": "IL",
}  # fmt: skip
_UNKNOWN_COUNTRY = "ZZ"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The statuses that a request asks for, by channel, in the API's spelling; None where nothing is said."""

    email: str | None = None
    sms: str | None = None
    whatsapp: str | None = None


def mobile_of(value: object) -> str:
    """The number as it is kept: digits only. Refused when it is none."""
    match = _MOBILE.fullmatch(_BLANKS.sub("", value)) if isinstance(value, str) else None
    if match is None:
        text = f"The id value '{value}' is invalid for the identifier 'mobileNumber'"
        raise V3Error(400, "invalidId", text, "mobileNumber")
    return match[1]


def read_identifiers(given: object) -> dict[str, Any]:
    """What a contact is to be known by; refused for a kind that the account does not have, or it would be lost."""
    identifiers = object_of(given, "identifiers")
    for name, value in identifiers.items():
        if name not in IDENTIFIERS and value is not None:
            raise V3Error(400, "invalidId", f"The account has no identifier '{name}'", name)
    return identifiers


def read_resubscription(given: object) -> dict[str, Any] | None:
    """How somebody is asked back; nobody is for what is not as it must be."""
    if given is None:
        return None
    options = object_of(given, "resubscribeOptions")
    silently, locale = options.get("resubscribewithnochallenge"), options.get("preferredlocale")
    url = options.get("redirecturlafterchallenge")
    if silently is not None and not isinstance(silently, bool):
        raise V3Error(400, "badRequest", "resubscribeWithNoChallenge is true or false", "resubscribeWithNoChallenge")
    if locale is not None and locale not in LOCALES:
        raise V3Error(400, "badRequest", f"preferredLocale must be one of {', '.join(LOCALES)}", "preferredLocale")
    if url is not None and not (isinstance(url, str) and is_url(url)):
        raise V3Error(400, "badRequest", "redirectUrlAfterChallenge is no URL", "redirectUrlAfterChallenge")
    return options


def read_wishes(channels: dict[str, Any]) -> Wishes:
    """What ``channelProperties`` asks for; refuses a status that the channel does not have, and what is no part of it.

    A country is read only: it is passed over, for those who write back what they read.
    """
    return Wishes(
        _status(channels, "email", EMAIL_WISHES, "emailtype optintype status resubscribeoptions"),
        _status(channels, "sms", MOBILE_WISHES, "status countrycode"),
        _status(channels, WHATSAPP, MOBILE_WISHES, "status"),
    )


def _status(channels: dict[str, Any], channel: str, known: Iterable[str], allowed: str) -> str | None:
    given = closed_object(channels.get(channel.lower()) or {}, channel, allowed).get("status")
    if given is None:
        return None
    spelled: str | None = {each.lower(): each for each in known}.get(str(given).lower())
    if spelled is None:
        raise V3Error(400, "badRequest", f"The status of {channel} must be one of {', '.join(known)}", "status")
    return spelled


def save_channels(db: Connection, account: Account, contact_id: int, mobile: str | None, wishes: Wishes) -> None:
    """Keep the number and the statuses.

    By e-mail a wish only ever takes away: who left comes back by ``resubscribeOptions`` alone.
    """
    suppression = EMAIL_WISHES[wishes.email] if wishes.email else None
    if suppression is not None:
        suppress(db, account, contact_id=contact_id, status=suppression)
    before = db.execute("SELECT * FROM contact WHERE id = ?", (contact_id,)).fetchone()
    number = mobile or before["mobile"]
    sms = wishes.sms or before["sms_status"] or ("subscribed" if number else None)
    after = (number, sms, wishes.whatsapp or before["whatsapp_status"])
    if after != (before["mobile"], before["sms_status"], before["whatsapp_status"]):
        db.execute(
            "UPDATE contact SET mobile = ?, sms_status = ?, whatsapp_status = ?, modified = ?, "
            "email_key = CASE email WHEN '' THEN ? ELSE email_key END WHERE id = ?",
            (*after, account.clock.text(), number, contact_id),
        )


def contact_by_mobile(db: Connection, mobile: str) -> Row | None:
    """The contact of a number."""
    row: Row | None = db.execute("SELECT * FROM contact WHERE mobile = ?", (mobile,)).fetchone()
    return row


def identifiers_out(row: Row) -> dict[str, str]:
    """What a contact is known by."""
    known = {"email": row["email"], "mobileNumber": row["mobile"]}
    return {name: value for name, value in known.items() if value}


def channels_out(row: Row) -> dict[str, Any]:
    """A contact's standing in the channels it can be reached by."""
    out: dict[str, Any] = {}
    if row["email"]:
        status = EMAIL_STATUSES.get(row["status"], "suppressed")
        out["email"] = {"emailType": row["email_type"], "optInType": row["opt_in"], "status": status}
    if row["mobile"]:
        out["sms"] = {"countryCode": _country(row["mobile"]), "status": row["sms_status"]}
        if row["whatsapp_status"]:
            out[WHATSAPP] = {"status": row["whatsapp_status"]}
    return out


def _country(mobile: str) -> str:
    prefixes = (mobile[:length] for length in (3, 2, 1))
    return next((_COUNTRIES[each] for each in prefixes if each in _COUNTRIES), _UNKNOWN_COUNTRY)
