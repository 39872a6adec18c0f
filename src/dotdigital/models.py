"""What the vendor answers, as frozen structs (contract §4, §5).

Unknown keys are ignored and unknown enum values kept as text; ``None`` in a date means "never" or "not known".
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from dotdigital.decoding import moment

Scalar = str | int | float | bool | None
# Whoever keeps ids keeps them in 64 bits; the service's own have 32.
Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
# Of something that runs in the background. It is kept, and stands in the path that asks for it.
TASK_ID = r"[0-9A-Za-z-]{1,64}"
TaskId = Annotated[str, msgspec.Meta(pattern=rf"^{TASK_ID}\Z")]


class MergeOption(StrEnum):
    """Which value wins when an imported contact exists already (contract §4.6)."""

    OVERWRITE = "Overwrite"
    ONLY_OVERWRITE_IF_NOT_EMPTY = "OnlyOverwriteIfNotEmpty"
    ONLY_OVERWRITE_IF_CONTACT_DATA_NOT_POPULATED = "OnlyOverwriteIfContactDataNotPopulated"


class AccountInfo(msgspec.Struct, frozen=True):
    """The account (contract §1.2). ``properties`` are all of the vendor's, by name, as text."""

    id: Id
    properties: dict[str, str]

    @property
    def name(self) -> str | None:
        """The account's name."""
        return self.properties.get("Name")

    @property
    def main_email(self) -> str | None:
        """The owner's address."""
        return self.properties.get("MainEmail")

    @property
    def api_endpoint(self) -> str | None:
        """Where the account's calls have to go."""
        return self.properties.get("ApiEndpoint", "").strip() or None

    @property
    def time_zone(self) -> str | None:
        """The IANA name of the account's time zone."""
        return self.properties.get("TimeZoneIana")


class AddressBook(msgspec.Struct, frozen=True, rename="camel"):
    """An address book (contract §4.2). ``visibility`` is Private or Public, ``contacts`` the vendor's own count."""

    id: Id
    name: str
    visibility: str = ""
    contacts: int = 0


class FieldValue(msgspec.Struct, frozen=True, gc=False):
    """The value of one data field of a contact (contract §4.3): text, number, yes/no, or a date as text."""

    key: str
    value: Scalar = None


class Contact(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A contact (contract §4.3). ``data_fields`` is None unless full data was asked for."""

    id: Id
    email: str | None = None
    opt_in_type: str | None = None
    email_type: str | None = None
    data_fields: list[FieldValue] | None = None
    status: str | None = None


class Suppression(msgspec.Struct, frozen=True, rename="camel"):
    """A contact who may not be mailed (contract §4.3). ``reason`` is one of the statuses of contract §6.1."""

    contact: Contact = msgspec.field(name="suppressedContact")
    date_removed: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "date_removed", moment(self.date_removed))


class DataField(msgspec.Struct, frozen=True, rename="camel"):
    """A data field of the account (contract §4.7). ``type`` is String, Numeric, Date or Boolean."""

    name: str
    type: str = ""
    visibility: str = ""
    default_value: Scalar = None


class Deletion(msgspec.Struct, frozen=True):
    """A removal that runs in the background (contract §4.5). ``status`` is Started, Completed or Failed.

    ``id`` is empty and ``status`` Completed where an older service answers without a body.
    """

    id: TaskId = ""
    status: str = "Completed"


class Import(msgspec.Struct, frozen=True):
    """An import that runs in the background (contract §5.1)."""

    id: TaskId
    status: str

    @property
    def unfinished(self) -> bool:
        """Whether it has not come to its end."""
        return self.status in {"NotFinished", "NotStarted"}


class ImportReport(msgspec.Struct, frozen=True, rename="camel"):
    """The fifteen counters of a finished import (contract §5.3); one that is missing is 0."""

    new_contacts: int = 0
    updated_contacts: int = 0
    globally_suppressed: int = 0
    invalid_entries: int = 0
    duplicate_emails: int = 0
    blocked: int = 0
    unsubscribed: int = 0
    hard_bounced: int = 0
    soft_bounced: int = 0
    isp_complaints: int = 0
    mail_blocked: int = 0
    domain_suppressed: int = 0
    pending_double_optin: int = 0
    failures: int = 0
    suppressed_contacts: int = 0

    @property
    def refused(self) -> int:
        """How many rows were not taken, whatever for. The refused rows name each of them, or should."""
        counters: tuple[int, ...] = msgspec.structs.astuple(self)
        return sum(counters) - self.new_contacts - self.updated_contacts


class Fault(NamedTuple):
    """A row an import refused (contract §5.4). ``row`` has the uploaded columns, their names in lower case."""

    reason: str
    email: str
    row: dict[str, str]


class WireProperty(msgspec.Struct, frozen=True):
    """One property of account-info as it is on the wire."""

    # Any: of a property that is new, or odd, the others are none the worse.
    name: Any = None
    value: Any = None


class WireAccount(msgspec.Struct, frozen=True):
    """account-info as it is on the wire."""

    id: Id
    properties: list[WireProperty] = []

    def info(self) -> AccountInfo:
        """Answers the account with its properties by name."""
        return AccountInfo(
            id=self.id,
            properties={
                each.name: str(each.value)
                for each in self.properties
                if each.name and isinstance(each.name, str) and isinstance(each.value, str | int | float)
            },
        )


class ContactId(msgspec.Struct, frozen=True):
    """A contact by id or address; the one that was not given is 0 or None (contract §4.3)."""

    id: Id = 0
    email: str | None = None


class FoundContacts(msgspec.Struct, frozen=True, rename="camel"):
    """The contacts that were asked for by id or address, and those the account does not have."""

    contacts: list[Contact] = []
    not_found: list[ContactId] = []


class Suppressed(msgspec.Struct, frozen=True, rename="camel"):
    """What a suppression did: who is suppressed now, and whom the account does not have."""

    suppressed: list[ContactId] = []
    not_found: list[ContactId] = []


class Resubscription(msgspec.Struct, frozen=True):
    """What came of subscribing a contact again (contract §4.4).

    ``status`` is ContactAdded, ContactChallenged (a confirmation mail was sent) or ContactCannotBeUnsuppressed.
    """

    status: str
    contact: Contact | None = None


class Dependency(msgspec.Struct, frozen=True, rename="camel"):
    """Something that uses a data field (contract §4.7)."""

    type: str = ""
    object_id: Id | None = None


class DataFieldDeletion(msgspec.Struct, frozen=True):
    """Whether a data field was deleted, and if not, what still uses it (contract §4.7)."""

    result: bool = False
    dependencies: list[Dependency | str] = []


class Segment(msgspec.Struct, frozen=True):
    """A segment; its id can stand for a book's where contacts are read or mailed (contract §4.10)."""

    id: Id
    name: str = ""
    contacts: int = 0


class SegmentRefresh(msgspec.Struct, frozen=True):
    """How far the refresh of a segment is: NotStarted, NotFinished, Finished or Failed."""

    id: Id
    status: str = ""
