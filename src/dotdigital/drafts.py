"""What a caller gives to be written, turned into the service's JSON (contract §4.3, §4.8)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from dotdigital.models import Scalar

MAX_RECIPIENTS: Final = 100
Value = Scalar | date | Decimal
# As the service keeps numbers: a Decimal would be a text otherwise.
encode = msgspec.json.Encoder(decimal_format="number").encode


def json_value(value: Value, *, name: str) -> Scalar | Decimal:
    """Answers a value as the service takes it; dates as ISO text (contract §1.6).

    Raises ValueError, naming the field, for a number that is none (it would be written as null, and clear what is
    there), and TypeError for what no data field holds.
    """
    if isinstance(value, datetime):
        return json_time(value)
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, float | Decimal) and not _is_finite(value):
        raise ValueError(f"{name} is {value}: that is no number which could be written")
    if value is not None and not isinstance(value, str | int | float | Decimal):
        raise TypeError(f"{name} is of the type {type(value).__name__}: give text, a number, yes or no, a date or None")
    return value


def _is_finite(value: float | Decimal) -> bool:
    # A Decimal can be finite and yet too large for a float.
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def json_time(value: datetime) -> str:
    """Answers an aware time in UTC as the service writes it. Raises ValueError without a time zone."""
    if value.tzinfo is None:
        raise ValueError("a date has no time zone: give an aware datetime")
    # Not strftime, which writes the year 900 with three digits.
    return f"{value.astimezone(UTC).isoformat()[:19]}Z"


def json_of(content: object) -> bytes:
    """Answers content of the caller's own as JSON, decimals as the numbers that they are.

    Raises ValueError for a number that is none, and TypeError for what JSON does not have.
    """
    try:
        # What an encoder does with a number that is none, refuse it or write it down, depends on its version.
        text = encode(content)
        msgspec.json.decode(text, type=msgspec.Raw)
        # For a float it is null.
        json.dumps(msgspec.to_builtins(content), allow_nan=False)
    except UnicodeEncodeError:
        raise ValueError("the content has text that is no Unicode, such as half a character") from None
    except ValueError:
        raise ValueError("the content has a number that JSON cannot hold, such as NaN") from None
    return text


def key_values(values: Mapping[str, Value]) -> list[dict[str, Scalar | Decimal]]:
    """Answers data fields the way the service writes them. Raises as ``json_value``."""
    return [{"key": key, "value": json_value(value, name=key)} for key, value in values.items()]


@dataclass(frozen=True, slots=True)
class Consent:
    """What a contact agreed to, when and where (contract §4.3). ``at`` is aware."""

    text: str | None = None
    at: datetime | None = None
    url: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None

    def fields(self) -> dict[str, Any]:
        """Answers the record with the service's keys, without what is not known."""
        known = {
            "TEXT": self.text,
            "DATETIMECONSENTED": json_time(self.at) if self.at else None,
            "URL": self.url,
            "IPADDRESS": self.ip_address,
            "USERAGENT": self.user_agent,
        }
        return {"fields": [{"key": key, "value": value} for key, value in known.items() if value is not None]}

    def record(self) -> dict[str, str]:
        """Answers the record as v3 takes it (contract §7). Raises ValueError that names what it lacks."""
        known = {
            "text": self.text,
            "dateTimeConsented": json_time(self.at) if self.at else None,
            "url": self.url,
            "ipAddress": self.ip_address,
            "userAgent": self.user_agent,
        }
        complete = {key: value for key, value in known.items() if value}
        lacking = set(known) - set(complete)
        if lacking:
            raise ValueError(f"a consent record lacks {min(lacking)}: v3 takes complete ones only")
        return complete


@dataclass(frozen=True, slots=True)
class ContactDraft:
    """A contact to be written. What is None is left as it is; a data field with the value None is cleared.

    ``opt_in_type`` is Unknown, Single, Double or VerifiedDouble; the last sends a confirmation mail, and the contact
    then is Double and PendingOptIn until it is confirmed. ``email_type`` is Html or PlainText (contract §4.3).
    """

    email: str
    opt_in_type: str | None = None
    email_type: str | None = None
    data_fields: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once: no confirmation mail goes out twice."""
        return (self.opt_in_type or "").lower() != "verifieddouble"

    def body(self) -> dict[str, Any]:
        """Answers the contact as JSON. Raises ValueError without an address."""
        if not self.email.strip():
            raise ValueError("email is empty: a contact is known by its address")
        known = {
            "email": self.email,
            "optInType": self.opt_in_type,
            "emailType": self.email_type,
            "dataFields": key_values(self.data_fields) or None,
        }
        return {key: value for key, value in known.items() if value is not None}


def resubscription(contact: ContactDraft, *, locale: str | None, return_url: str | None) -> dict[str, Any]:
    """Answers the body of a resubscription (contract §4.4)."""
    known = {
        "unsubscribedContact": contact.body(),
        "preferredLocale": locale,
        "returnUrlToUseIfChallenged": return_url,
    }
    return {key: value for key, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A campaign to be written (contract §4.8). Both contents need an unsubscribe link, such as ``$UNSUB$``.

    ``from_address`` is one of the account's sender addresses or its id; without it the account's default is used.
    """

    name: str
    subject: str
    from_name: str
    html_content: str
    plain_text_content: str
    from_address: str | int | None = None
    reply_action: str | None = None
    reply_to_address: str | None = None

    def body(self) -> dict[str, Any]:
        """Answers the campaign as JSON. Raises ValueError that names the first field that is empty."""
        for name in ("name", "subject", "from_name", "html_content", "plain_text_content"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty: a campaign needs it")
        known = {
            "name": self.name,
            "subject": self.subject,
            "fromName": self.from_name,
            "fromAddress": _sender(self.from_address),
            "htmlContent": self.html_content,
            "plainTextContent": self.plain_text_content,
            "replyAction": self.reply_action,
            "replyToAddress": self.reply_to_address,
        }
        return {key: value for key, value in known.items() if value is not None}


def _sender(address: str | int | None) -> dict[str, Any] | None:
    if address is None:
        return None
    return {"id": address} if isinstance(address, int) else {"email": address}


@dataclass(frozen=True, slots=True)
class SplitTest:
    """How a split test is decided (contract §4.8): by Opens, Clicks or ROI, on 1 to 100 percent, after hours."""

    metric: str
    percentage: int
    hours: int

    def body(self) -> dict[str, Any]:
        """Answers the options as JSON. Raises ValueError for numbers out of range."""
        if not 1 <= self.percentage <= 100 or self.hours < 1:
            raise ValueError(
                f"a split test of {self.percentage} percent for {self.hours} hours: use 1 to 100, and 1 or more"
            )
        return {"testMetric": self.metric, "testPercentage": self.percentage, "testPeriodHours": self.hours}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to attach to an e-mail; ``content`` are its bytes."""

    file_name: str
    content: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class EmailDraft:
    """A single e-mail outside campaigns."""

    to: Sequence[str]
    subject: str
    from_address: str
    html_content: str
    plain_text_content: str
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    tags: Sequence[str] = ()
    metadata: str | None = None
    attachments: Sequence[Attachment] = ()

    def body(self) -> dict[str, Any]:
        """Answers the e-mail as JSON. Raises ValueError without a recipient or a subject."""
        if not self.subject.strip():
            raise ValueError("subject is empty: an e-mail needs it")
        return {
            **recipients(self.to, self.cc, self.bcc),
            "subject": self.subject,
            "fromAddress": self.from_address,
            "htmlContent": self.html_content,
            "plainTextContent": self.plain_text_content,
            "tags": list(self.tags),
            "metadata": self.metadata,
            "attachments": attached(self.attachments),
        }


@dataclass(frozen=True, slots=True)
class TriggeredDraft:
    """A single e-mail whose content is a triggered campaign; ``values`` fill its personal places."""

    to: Sequence[str]
    campaign_id: int
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    from_address: str | None = None
    metadata: str | None = None
    attachments: Sequence[Attachment] = ()

    def body(self) -> dict[str, Any]:
        """Answers the e-mail as JSON. Raises ValueError without a recipient."""
        return {
            **recipients(self.to, self.cc, self.bcc),
            "campaignId": self.campaign_id,
            "personalizationValues": [{"name": name, "value": value} for name, value in self.values.items()],
            "fromAddress": self.from_address,
            "metadata": self.metadata,
            "attachments": attached(self.attachments),
        }


def recipients(to: Sequence[str], cc: Sequence[str], bcc: Sequence[str]) -> dict[str, list[str]]:
    """Answers the three kinds of recipients. Raises ValueError without any ``to``, and for more than 100 of a kind."""
    if not to or isinstance(to, str):
        raise ValueError("to is empty or a single text: give a list of addresses")
    for name, given in (("to", to), ("cc", cc), ("bcc", bcc)):
        if len(given) > MAX_RECIPIENTS:
            raise ValueError(f"{name} has {len(given)} addresses: the service takes {MAX_RECIPIENTS}")
    return {"toAddresses": list(to), "ccAddresses": list(cc), "bccAddresses": list(bcc)}


def attached(attachments: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Answers attachments as JSON; msgspec writes bytes as base64."""
    return [{"fileName": each.file_name, "content": each.content, "mimeType": each.mime_type} for each in attachments]
