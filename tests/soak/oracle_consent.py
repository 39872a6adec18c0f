"""Who may be mailed, in plain Python: what was said here, what was said in Dotdigital, and whom it binds.

A word said here binds the record, under any address, and the address that it had. Dotdigital's word about a contact
binds its address, and the records that were last written to at an address of that contact. The contact is known by its
id: `former` leads from an address that was changed in Dotdigital to the one that was written to.

Nobody outside can know exactly what a run did that was spoilt or killed, so some of it is only perhaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

EVERYTHING, ACCOUNT = "everything", "account"
# A scope of Dotdigital's, the contact by its address, the list of the record, and the record.
Binding = tuple[str, str, str, int]


class Sure(IntEnum):
    """How sure it is."""

    PERHAPS = 1
    YES = 2


@dataclass
class Consent:
    """What was said by whom, and about whom."""

    # Said here: by scope, which is a list's name or everything; the records with their list.
    off_records: set[tuple[str, str, int]] = field(default_factory=set)
    off_keys: set[tuple[str, str]] = field(default_factory=set)
    # Whom Dotdigital does not mail: in the account, with the status, and in one book.
    suppressed: dict[str, str] = field(default_factory=dict)
    left: set[tuple[str, str]] = field(default_factory=set)
    # Of these nobody here need know yet: the scope, and the contact's address.
    fresh: set[tuple[str, str]] = field(default_factory=set)
    bound: dict[Binding, Sure] = field(default_factory=dict)
    # Which records were last written to at an address, by list.
    written: dict[tuple[str, str], dict[int, Sure]] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    # Who opted out of everything, and whether Dotdigital has been told.
    told: dict[str, bool] = field(default_factory=dict)
    _settled: dict[tuple[str, int], bool] = field(default_factory=dict)

    def is_live(self, name: str, key: str) -> bool:
        """Whether Dotdigital mails this address through the list's book."""
        return key not in self.suppressed and (name, key) not in self.left

    def is_off_here(self, name: str, pk: int, key: str | None) -> bool:
        """Whether the record, or its address, opted out here."""
        return any(
            (scope, name, pk) in self.off_records or (scope, key) in self.off_keys for scope in (EVERYTHING, name)
        )

    def is_bound(self, name: str, pk: int) -> Sure | None:
        """Whether Dotdigital's word about a contact binds the record, whatever address it has."""
        found = [
            sure
            for (scope, _contact, listed, record), sure in self.bound.items()
            if (listed, record) == (name, pk) and scope in (ACCOUNT, name)
        ]
        return max(found, default=None)

    def is_off(self, name: str, pk: int, key: str | None) -> bool:
        """Whether the list must not write to the record."""
        if self.is_off_surely(name, pk, key):
            return True
        return self.is_bound(name, pk) is not None and self._settled.get((name, pk), False)

    def is_off_surely(self, name: str, pk: int, key: str | None) -> bool:
        """The same, as far as it is certain."""
        is_live = key is None or self.is_live(name, key)
        return not is_live or self.is_off_here(name, pk, key) or self.is_bound(name, pk) is Sure.YES

    # What is said

    def opt_out(self, scope: str, name: str, pk: int, key: str | None) -> None:
        """Said here, about a record."""
        self.off_records.add((scope, name, pk))
        if key:
            self.off_keys.add((scope, key))
            if scope == EVERYTHING:
                self.told[key] = False

    def take_back(self, name: str, pk: int, key: str | None) -> None:
        """What was said here about the list is taken back."""
        self.off_records.discard((name, name, pk))
        self.off_keys.discard((name, key or ""))

    def merge(self, name: str, gone: int, kept: int, key: str | None) -> None:
        """A record became another one, which has this address."""
        for scope, listed, pk in list(self.off_records):
            if (listed, pk) == (name, gone):
                self.opt_out(scope, name, kept, key)
        for (scope, contact, listed, pk), sure in list(self.bound.items()):
            if (listed, pk) == (name, gone):
                self._bind((scope, contact, name, kept), sure)
        for (listed, _key), records in self.written.items():
            if listed == name and gone in records:
                records.setdefault(kept, Sure.PERHAPS)

    def fall(self, scope: str, contact: str, names: Iterable[str]) -> None:
        """Dotdigital does not mail a contact any more, in the account or in one book."""
        self.fresh.add((scope, contact))
        for name in names:
            for key in self._known_as(contact):
                for pk, sure in self.written.get((name, key), {}).items():
                    self._bind((scope, contact, name, pk), sure)

    def rise(self, scope: str, contact: str) -> None:
        """Dotdigital mails a contact again. A record that another contact binds as well may be free with this one."""
        self.fresh.discard((scope, contact))
        freed = {each[2:] for each in self.bound if each[:2] == (scope, contact)}
        for each in list(self.bound):
            if each[:2] == (scope, contact):
                del self.bound[each]
            elif each[0] == scope and each[2:] in freed:
                self.bound[each] = Sure.PERHAPS

    def _known_as(self, contact: str) -> list[str]:
        return [contact, *([self.former[contact]] if contact in self.former else [])]

    def _bind(self, binding: Binding, sure: Sure) -> None:
        self.bound[binding] = max(sure, self.bound.get(binding, sure))

    # What is written

    def may_write(self, name: str, key: str, pks: Iterable[int], speaker: int | None) -> None:
        """A run may write to one of these records at this address, as far as it knows what was said."""
        holders = self.written.setdefault((name, key), {})
        for pk in pks:
            for (listed, other), records in self.written.items():
                if listed == name and other != key and pk in records:
                    records[pk] = Sure.PERHAPS
            holders.setdefault(pk, Sure.PERHAPS)
            for scope, contact in self.fresh:
                if scope in (ACCOUNT, name) and key in self._known_as(contact):
                    self._bind((scope, contact, name, pk), Sure.PERHAPS)
        for pk in holders:
            if pk != speaker:
                holders[pk] = Sure.PERHAPS

    def see_written(self, name: str, speakers: dict[str, int]) -> None:
        """Everything has come to rest: these are the records that were written to, by address."""
        for key, pk in speakers.items():
            for (listed, other), records in self.written.items():
                if listed == name and other != key:
                    records.pop(pk, None)
                elif other == key and listed != name:
                    records.update((each, Sure.PERHAPS) for each in records if each != pk)
            self.written[name, key] = {pk: Sure.YES}

    def see_off(self, name: str, records: dict[int, str | None], off: set[int]) -> None:
        """Where either would be right: which of these records the list does not write to."""
        sure = {key for pk, key in records.items() if self.is_off_surely(name, pk, key)}
        for pk, key in records.items():
            if self.is_bound(name, pk) is not Sure.PERHAPS or self.is_off_surely(name, pk, key):
                continue
            if key and key in sure:
                continue  # Off for another record's sake, which tells nothing of this one.
            self._settled[name, pk] = pk in off
            bindings = [each for each in self.bound if each[2:] == (name, pk) and each[0] in (ACCOUNT, name)]
            for each in bindings:
                if pk not in off:
                    del self.bound[each]
                elif len(bindings) == 1:
                    self.bound[each] = Sure.YES

    def begin(self) -> None:
        """A run is about to work: what was seen when all was at rest counts no more."""
        self._settled.clear()
