"""What has to come of it all, in plain Python: no database, no HTTP, no line of the product.

Two lists, each connected to a book of its own: contacts with a score, and leads that are not lost. They share
addresses, and the contacts' mapping has the higher sync priority.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from tests.soak.oracle_consent import Consent

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


@dataclass
class Oracle:
    """The world as it is, and what follows from it once everything has come to rest."""

    records: dict[str, dict[int, Record]] = field(default_factory=lambda: {name: {} for name in LISTS})
    lists: dict[str, Listed] = field(default_factory=lambda: {name: Listed() for name in LISTS})
    companies: dict[int, str] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    ours: dict[tuple[str, str], Ours] = field(default_factory=dict)
    present: set[tuple[str, str]] = field(default_factory=set)
    # Whom somebody else, or the person, may have put into a book.
    by_others: set[tuple[str, str]] = field(default_factory=set)
    # Every value that an address ever had or was to have: one of them stays when ours becomes empty.
    history: dict[tuple[str, str], set[str]] = field(default_factory=dict)

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
        """Those of them that were not taken off the list by hand."""
        return {pk: record for pk, record in self.matching(name).items() if pk not in self.lists[name].removed}

    def opted_out(self, name: str) -> set[int]:
        """The records that match and must not be written to: also for another one's sake, which has their address."""
        keys = {pk: key_of(record.email) for pk, record in self.matching(name).items()}
        off = {key for pk, key in keys.items() if self.consent.is_off(name, pk, key)}
        return {pk for pk, key in keys.items() if self.consent.is_off(name, pk, key) or (key and key in off)}

    def opted_out_addresses(self, name: str) -> set[str | None]:
        """The addresses that such records have."""
        records = self.matching(name)
        return {key_of(records[pk].email) for pk in self.opted_out(name)}

    def speakers(self, name: str) -> dict[str, tuple[int, Record]]:
        """By address, the record that speaks for it in the list: the one with the lowest key, where one may."""
        found: dict[str, tuple[int, Record]] = {}
        off = self.opted_out_addresses(name)
        for pk, record in sorted(self.members(name).items()):
            key = key_of(record.email)
            if key and is_plausible(key) and key not in off:
                found.setdefault(key, (pk, record))
        return found

    def candidates(self, name: str) -> dict[str, dict[int, Record]]:
        """By address, the records that may speak for it as long as Dotdigital's words have not been read."""
        found: dict[str, dict[int, Record]] = {}
        for pk, record in self.members(name).items():
            key = key_of(record.email)
            if key and is_plausible(key) and not self.consent.is_off_here(name, pk, key):
                found.setdefault(key, {})[pk] = record
        return found

    def wanted(self) -> dict[str, dict[str, str]]:
        """By address, what its data fields are to be, an empty text where ours is empty."""
        found: dict[str, dict[str, str]] = {}
        for name in LISTS:
            for key, (_pk, record) in self.speakers(name).items():
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
        """Note what may be sent from here on: a run is about to work, and may not know yet what was said there."""
        self.consent.begin()
        for name in LISTS:
            speakers = self.speakers(name)
            for key, records in self.candidates(name).items():
                for record in records.values():
                    for data_field, value in self.values(name, record).items():
                        self.history.setdefault((key, data_field), {""}).add(value)
                self.consent.may_write(name, key, records, speakers[key][0] if key in speakers else None)
                if self.ours.get((name, key), Ours.NO) is Ours.NO:
                    self.ours[name, key] = Ours.PERHAPS

    def is_to_be_held(self, name: str, key: str) -> bool | None:
        """Whether the book has to hold the address and mail it. None where either would be right."""
        if not self.consent.is_live(name, key):
            return False
        if key in self.speakers(name):
            # A contact that was given another address in Dotdigital is written to all the same.
            return None if self.other_name_of(name, key) else True
        if key in self.opted_out_addresses(name) and (name, key) not in self.by_others:
            return False
        ours = self.ours.get((name, key), Ours.NO)
        former = self.consent.former.get(key)
        if ours is Ours.PERHAPS or former in self.speakers(name):
            return None
        if ours is Ours.NO and former in self.opted_out_addresses(name):
            # The same person, whoever put them there: they leave the book if something was about to be sent to them.
            return None
        return ours is Ours.NO and (name, key) in self.present

    def other_name_of(self, name: str, key: str) -> str | None:
        """The address that a live contact of the book has in Dotdigital by now, which was written to at this one."""
        for other, former in self.consent.former.items():
            if former == key and (name, other) in self.present and self.consent.is_live(name, other):
                return other
        return None

    def change_address(self, key: str, other: str) -> None:
        """A contact gets another address in Dotdigital."""
        self.consent.former[other] = key
        for name in LISTS:
            self.ours[name, other] = self.ours.get((name, key), Ours.NO)
            for places in (self.present, self.by_others):
                if (name, key) in places:
                    places.discard((name, key))
                    places.add((name, other))

    def settle(self, name: str, held: set[str], known: set[str]) -> None:
        """Everything has come to rest, and this is what the book holds."""
        speakers = self.speakers(name)
        self.consent.see_written(name, {key: pk for key, (pk, _record) in speakers.items()})
        for key in known:
            place = (name, key)
            if not self.consent.is_live(name, key):
                if self.ours.get(place, Ours.NO) is Ours.YES:
                    self.ours[place] = Ours.PERHAPS
                # Who put the address there stays true: it is seen in the book again once it is live again.
                continue
            (self.present.add if key in held else self.present.discard)(place)
            if key not in held:
                self.by_others.discard(place)
            if self.consent.former.get(key) not in speakers:
                self.ours[place] = Ours.YES if key in speakers else Ours.NO


def key_of(email: str | None) -> str | None:
    """The address as it is compared."""
    return email.strip().lower() or None if email else None


def is_plausible(key: str) -> bool:
    """Whether it can be an address at all; the script uses no borderline cases."""
    return "@" in key
