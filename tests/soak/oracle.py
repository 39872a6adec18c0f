"""What has to come of it all, in plain Python: no database, no HTTP, no line of the product.

Two lists, each connected to a book of its own: contacts with a score, and leads that are not lost. They share
addresses, and the contacts' mapping has the higher sync priority.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

CONTACTS, LEADS = "contacts", "leads"
# In the order of their sync priority.
LISTS = (CONTACTS, LEADS)


class Ours(Enum):
    """Whether an address is in a book because we put it there, as far as anybody outside can know."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


@dataclass
class Record:
    """A record of the CRM: its address as typed, and what is mapped."""

    email: str | None
    first: str
    last: str
    score: int | None = None
    company: int | None = None
    is_lost: bool = False


@dataclass
class Listed:
    """What people did to one list."""

    threshold: int = 0
    removed: set[int] = field(default_factory=set)
    unsubscribed: set[int] = field(default_factory=set)


@dataclass
class Oracle:
    """The world as it is, and what follows from it once everything has come to rest."""

    records: dict[str, dict[int, Record]] = field(default_factory=lambda: {name: {} for name in LISTS})
    lists: dict[str, Listed] = field(default_factory=lambda: {name: Listed() for name in LISTS})
    companies: dict[int, str] = field(default_factory=dict)
    # Whom Dotdigital does not mail: in the account, with the status, and in one book.
    suppressed: dict[str, str] = field(default_factory=dict)
    left: set[tuple[str, str]] = field(default_factory=set)
    ours: dict[tuple[str, str], Ours] = field(default_factory=dict)
    present: set[tuple[str, str]] = field(default_factory=set)
    # Every value that an address ever had or was to have: one of them stays when ours becomes empty.
    history: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def is_live(self, name: str, key: str) -> bool:
        """Whether Dotdigital mails this address through the list's book."""
        return key not in self.suppressed and (name, key) not in self.left

    def matching(self, name: str) -> dict[int, Record]:
        """The records that the list's rule matches."""
        found = self.records[name]
        if name == LEADS:
            return {pk: record for pk, record in found.items() if not record.is_lost}
        threshold = self.lists[name].threshold
        return {
            pk: record for pk, record in found.items() if (record.score or 0) >= threshold and record.score is not None
        }

    def members(self, name: str) -> dict[int, Record]:
        """Those of them that the CRM allows to be written to."""
        listed = self.lists[name]
        return {
            pk: record for pk, record in self.matching(name).items() if pk not in listed.removed | listed.unsubscribed
        }

    def speakers(self, name: str) -> dict[str, Record]:
        """By address, the record that speaks for it in the list: the one with the lowest key. Live addresses alone."""
        found: dict[str, Record] = {}
        for _pk, record in sorted(self.members(name).items()):
            key = key_of(record.email)
            if key and is_plausible(key) and self.is_live(name, key):
                found.setdefault(key, record)
        return found

    def wanted(self) -> dict[str, dict[str, str]]:
        """By address, what its data fields are to be, an empty text where ours is empty."""
        found: dict[str, dict[str, str]] = {}
        for name in LISTS:
            for key, record in self.speakers(name).items():
                values = found.setdefault(key, {})
                for data_field, value in self.values(name, record).items():
                    values.setdefault(data_field, value)
        return found

    def values(self, name: str, record: Record) -> dict[str, str]:
        """A record's values by data field."""
        full = " ".join(part for part in (record.first, record.last) if part)
        values = {"FIRSTNAME": record.first, "LASTNAME": record.last, "FULLNAME": full}
        if name == CONTACTS:
            values["SCORE"] = "" if record.score is None else str(record.score)
            values["COMPANY"] = "" if record.company is None else self.companies[record.company]
        return values

    def remember(self) -> None:
        """Note what is wanted now: a run may send it at any time from here on."""
        for key, values in self.wanted().items():
            for data_field, value in values.items():
                self.history.setdefault((key, data_field), {""}).add(value)
        for name in LISTS:
            for key in self.speakers(name):
                if self.ours.get((name, key), Ours.NO) is Ours.NO:
                    self.ours[name, key] = Ours.PERHAPS

    def is_to_be_held(self, name: str, key: str) -> bool | None:
        """Whether the book has to hold the address and mail it. None where either would be right."""
        if not self.is_live(name, key):
            return False
        if key in self.speakers(name):
            return True
        match self.ours.get((name, key), Ours.NO):
            case Ours.YES:
                return False
            case Ours.PERHAPS:
                return None
            case Ours.NO:
                return (name, key) in self.present

    def unsubscribed_by_dotdigital(self, name: str) -> set[int]:
        """The records that the list must not write to because Dotdigital does not."""
        return {pk for pk, record in self.members(name).items() if self._is_off(name, key_of(record.email))}

    def _is_off(self, name: str, key: str | None) -> bool:
        return key is not None and not self.is_live(name, key)

    def settle(self, name: str, held: set[str], known: set[str]) -> None:
        """Everything has come to rest, and this is what the book holds."""
        speakers = self.speakers(name)
        for key in known:
            place = (name, key)
            if not self.is_live(name, key):
                if self.ours.get(place, Ours.NO) is Ours.YES:
                    self.ours[place] = Ours.PERHAPS
                # Who put the address there stays true: it is seen in the book again once it is live again.
                continue
            self.ours[place] = Ours.YES if key in speakers else Ours.NO
            (self.present.add if key in held else self.present.discard)(place)


def key_of(email: str | None) -> str | None:
    """The address as it is compared."""
    return email.strip().lower() or None if email else None


def is_plausible(key: str) -> bool:
    """Whether it can be an address at all; the script uses no borderline cases."""
    return "@" in key
