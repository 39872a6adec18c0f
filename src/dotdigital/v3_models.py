"""What v3 answers and takes about contacts (contract §7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from dotdigital.campaign_models import Dated
from dotdigital.drafts import Consent, Value, json_value
from dotdigital.models import Id, Scalar, TaskId
from dotdigital.operations import check_id

MAX_LISTS: Final = 100
MAX_CONSENTS: Final = 5


class MergeV3(StrEnum):
    """Which value wins when the contact exists already; the service spells it differently in paths and in bodies."""

    OVERWRITE = "overwrite"
    OVERWRITE_IF_NOT_EMPTY = "overwrite-if-not-empty"
    OVERWRITE_IF_EMPTY = "overwrite-if-empty"

    @property
    def in_body(self) -> str:
        """The spelling of import bodies."""
        first, *rest = self.value.split("-")
        return first + "".join(word.capitalize() for word in rest)


class ListMembership(msgspec.Struct, frozen=True):
    """A list the contact is on, with its status there: subscribed, suppressed or pending."""

    id: Id
    name: str | None = None
    status: str | None = None


class ContactV3(Dated, frozen=True, rename="camel"):
    """A contact as v3 answers it. ``status`` is in lower case here: subscribed, unsubscribed, pendingOptIn, ...

    ``lists``, ``channel_properties``, ``preferences`` and ``consent_records`` come where they were asked for, the last
    three in the service's own keys.
    """

    dates = ("created", "updated")

    contact_id: Id
    status: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    identifiers: dict[str, str | int | None] = {}
    data_fields: dict[str, Scalar] | None = None
    channel_properties: dict[str, dict[str, Any] | None] | None = None
    lists: list[ListMembership] | None = None
    preferences: list[dict[str, Any]] | None = None
    consent_records: list[dict[str, Any]] | None = None

    @property
    def email(self) -> str | None:
        """The address, if the contact has one."""
        return self._identifier("email")

    @property
    def mobile_number(self) -> str | None:
        """The number, in digits with its country code, if the contact has one."""
        return self._identifier("mobileNumber")

    def channel_status(self, channel: str) -> str | None:
        """Answers the standing in a channel (email, sms, whatsApp); None if there is none, or it was not asked for."""
        status = ((self.channel_properties or {}).get(channel) or {}).get("status")
        return None if status is None else str(status)

    def _identifier(self, name: str) -> str | None:
        value = self.identifiers.get(name)
        return None if value is None else str(value)


class ImportV3(msgspec.Struct, frozen=True, rename="camel"):
    """How far a v3 import is, and once it is Finished the counters of its summary.

    What came of each contact is read by ``ContactsV3.import_results``.
    """

    import_id: TaskId
    status: str = "NotFinished"
    summary: dict[str, int] = {}

    @property
    def unfinished(self) -> bool:
        """Whether it has not come to its end."""
        return self.status in {"NotFinished", "NotStarted"}


class FailureV3(msgspec.Struct, frozen=True, rename="camel"):
    """Why a contact was not imported, or not all of it: a code such as invalidEmail, and a sentence."""

    failure_code: str = ""
    description: str | None = None


class ResultV3(msgspec.Struct, frozen=True, rename="camel"):
    """What came of one contact of an import. ``outcome`` is created, updated or failures.

    A contact can come twice: imported, and with a failure of what belongs to it, such as consentRecordsNotApplied.
    """

    outcome: str = ""
    contact_id: Id | None = None
    match_identifier: str | None = None
    identifiers: dict[str, str | int | None] = {}
    failures: list[FailureV3] = []


class DeletionV3(msgspec.Struct, frozen=True, rename="camel"):
    """How far a deletion of several contacts is, and what came of it once it is Finished.

    ``deleted`` and ``failures`` are in the service's own keys.
    """

    delete_id: TaskId
    status: str = "NotStarted"
    summary: dict[str, int] = {}
    deleted: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []

    @property
    def unfinished(self) -> bool:
        """Whether it has not come to its end."""
        return self.status in {"NotFinished", "NotStarted"}


class ContactV3Draft(msgspec.Struct, frozen=True):
    """A contact to be written through v3. A data field with the value None is cleared; what is not named stays.

    ``lists`` are ids to join; ``preferences`` ids with whether the contact opted in. ``channel_properties`` are in the
    service's own keys, such as ``{"email": {"status": "unsubscribed"}}``.
    """

    identifiers: Mapping[str, str | int]
    data_fields: Mapping[str, Value] = {}
    lists: Sequence[int] = ()
    channel_properties: Mapping[str, Any] = {}
    preferences: Sequence[tuple[int, bool]] = ()
    consents: Sequence[Consent] = ()

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once: no consent is noted twice, no mail sent twice."""
        email = self.channel_properties.get("email")
        return not self.consents and not (isinstance(email, Mapping) and _has_mail_sent(email))

    def body(self) -> dict[str, Any]:
        """Answers the contact as JSON.

        Raises ValueError without an identifier, for more than 100 lists or 5 consent records, and for a consent record
        that is not complete.
        """
        if not self.identifiers:
            raise ValueError("identifiers is empty: name at least one, such as email")
        if len(self.lists) > MAX_LISTS:
            raise ValueError(f"lists has {len(self.lists)} ids: the service takes {MAX_LISTS}")
        if len(self.consents) > MAX_CONSENTS:
            raise ValueError(f"consents has {len(self.consents)} records: the service takes {MAX_CONSENTS}")
        for each in self.lists:
            check_id("lists", each)
        known: dict[str, Any] = {
            "identifiers": dict(self.identifiers),
            "dataFields": {key: json_value(value, name=key) for key, value in self.data_fields.items()},
            "channelProperties": dict(self.channel_properties),
            "lists": list(self.lists),
            "preferences": [{"id": each, "isOptedIn": yes} for each, yes in self.preferences],
            "consentRecords": [each.record() for each in self.consents],
        }
        return {key: value for key, value in known.items() if value}


def _has_mail_sent(email: Mapping[str, Any]) -> bool:
    """Whether the service sends a mail that has to be confirmed."""
    return "resubscribeOptions" in email or str(email.get("optInType")).lower() == "verifieddouble"
