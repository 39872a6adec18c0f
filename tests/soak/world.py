"""The product and the account, driven by the same happenings as the oracle."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.consent.models import Source
from dotbridge.consent.services import carry_over, opt_out_records
from dotbridge.crm.models import Account, Contact, ContactEmail, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import (
    create_list,
    remove_records,
    restore_records,
    resubscribe_records,
    unsubscribe_records,
    update_list,
)
from dotbridge.mapping.models import EmptyValues, Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.summary import adds_up, run_summary
from dotbridge.sync.models import ExportItem, Removal, State, SyncRun, Upload, UploadState
from tests.accounts import RemoteAccount, opted_out, sync
from tests.soak.oracle import CONTACTS, LEADS, LISTS, Oracle, Ours, Record, key_of
from tests.soak.oracle_consent import ACCOUNT, EVERYTHING

ENTITIES = {CONTACTS: "crm.contact", LEADS: "crm.lead"}
# What the records of either list are mapped to.
OF_BOTH_LISTS = ("FIRSTNAME", "LASTNAME", "FULLNAME")


class World:
    """Two connected lists in a CRM and an account that start empty."""

    def __init__(self, integration: Integration, remote: RemoteAccount) -> None:
        self.integration, self.remote, self.oracle = integration, remote, Oracle()
        self.faults: list[dict[str, Any]] = []
        self.books = {name: remote.create_book(name) for name in LISTS}
        remote.create_field("SCORE", "Numeric")
        remote.create_field("COMPANY", "String")
        sync(integration, kind=RunKind.IMPORT)
        for entity, priority in (("crm.contact", 20), ("crm.lead", 10)):
            Mapping.objects.filter(integration=integration, entity=entity).update(sync_priority=priority)
        self._map("SCORE", "lead_score", EmptyValues.CLEAR)
        self._map("COMPANY", "account__name", EmptyValues.KEEP)
        self.lists = {
            CONTACTS: create_list(name=CONTACTS, entity="crm.contact", rule=_rule_of_contacts(0)),
            LEADS: create_list(
                name=LEADS,
                entity="crm.lead",
                rule={"combinator": "and", "rules": [{"field": "status", "operator": "!=", "value": "lost"}]},
            ),
        }
        for name, marketing_list in self.lists.items():
            book = AddressBook.objects.get(integration=integration, remote_id=self.books[name])
            connect_list(marketing_list=marketing_list, address_book=book)
        for company in ("Acme", "Bolts & Co"):
            self.oracle.companies[Account.objects.create(name=company).pk] = company

    def _map(self, data_field: str, path: str, empty: EmptyValues) -> None:
        set_mapping_row(
            mapping=Mapping.objects.get(integration=self.integration, entity="crm.contact"),
            data_field=self.integration.data_fields.get(name=data_field),
            entity_fields=[path],
            empty_values=empty,
        )

    # What happens in the CRM

    def add(self, name: str, record: Record) -> None:
        """A new record."""
        if name == CONTACTS:
            made: Any = Contact.objects.create(
                first_name=record.first, last_name=record.last, lead_score=record.score, account_id=record.company
            )
            if record.email is not None:
                ContactEmail.objects.create(contact=made, email=record.email, is_primary=True)
        else:
            status = Lead.Status.LOST if record.is_lost else Lead.Status.NEW
            made = Lead.objects.create(
                first_name=record.first, last_name=record.last, email=record.email or "", status=status
            )
        self.oracle.records[name][made.pk] = record

    def change(self, name: str, pk: int, field: str, value: Any) -> None:
        """One field of a record, by an update that no model's `save` sees."""
        record = self.oracle.records[name][pk]
        columns = {"first": "first_name", "last": "last_name", "score": "lead_score", "company": "account_id"}
        if field == "email" and name == CONTACTS:
            ContactEmail.objects.filter(contact_id=pk).delete()
            if value is not None:
                ContactEmail.objects.create(contact_id=pk, email=value, is_primary=True)
        elif field == "email":
            Lead.objects.filter(pk=pk).update(email=value or "")
        elif field == "is_lost":
            Lead.objects.filter(pk=pk).update(status=Lead.Status.LOST if value else Lead.Status.QUALIFIED)
        else:
            (Contact if name == CONTACTS else Lead).objects.filter(pk=pk).update(**{columns[field]: value})
        setattr(record, field, value)

    def delete(self, name: str, pk: int) -> None:
        """A record goes."""
        (Contact if name == CONTACTS else Lead).objects.get(pk=pk).delete()
        del self.oracle.records[name][pk]

    def merge(self, name: str, gone: int, kept: int) -> None:
        """A record becomes another one."""
        carry_over(entity=ENTITIES[name], merged_ids=[gone], into_id=kept)
        self.oracle.consent.merge(name, gone, kept, self._key(name, kept))
        self.delete(name, gone)

    def opt_out(self, name: str, pk: int, source: Source) -> None:
        """A person wants no mail at all."""
        opt_out_records(entity=ENTITIES[name], record_ids=[pk], source=source)
        self.oracle.consent.opt_out(EVERYTHING, name, pk, self._key(name, pk))

    def _key(self, name: str, pk: int) -> str | None:
        return key_of(self.oracle.records[name][pk].email)

    def rename_company(self, pk: int, name: str) -> None:
        """A related record, which reaches every contact of it."""
        Account.objects.filter(pk=pk).update(name=name)
        self.oracle.companies[pk] = name

    def set_threshold(self, score: int) -> None:
        """The contacts' rule."""
        update_list(marketing_list=self._list(CONTACTS), rule=_rule_of_contacts(score))
        self.oracle.lists[CONTACTS].threshold = score

    def mark(self, name: str, pk: int, what: str) -> None:
        """Remove, restore, unsubscribe or resubscribe a record by hand."""
        marketing_list, listed, ids = self._list(name), self.oracle.lists[name], [str(pk)]
        if what == "remove":
            remove_records(marketing_list=marketing_list, record_ids=ids)
            listed.removed.add(pk)
        elif what == "restore":
            restore_records(marketing_list=marketing_list, record_ids=ids)
            listed.removed.discard(pk)
        elif what == "unsubscribe":
            unsubscribe_records(marketing_list=marketing_list, record_ids=ids)
            self.oracle.consent.opt_out(name, name, pk, self._key(name, pk))
        else:
            resubscribe_records(marketing_list=marketing_list, record_ids=ids)
            self.oracle.consent.take_back(name, pk, self._key(name, pk))

    # What happens in Dotdigital

    def turn_off(self, key: str, status: str) -> None:
        """The account does not mail this address any more."""
        if key in self.oracle.consent.suppressed or self.remote.find_contact(key) is None:
            return
        self.remote.sandbox.suppress(key, status)
        self._note_suppressed(key, status)

    def _note_suppressed(self, key: str, status: str) -> None:
        self.oracle.consent.suppressed[key] = status
        self.oracle.consent.fall(ACCOUNT, key, LISTS)

    def leave(self, name: str, key: str) -> None:
        """A person leaves one book."""
        if key in self.oracle.consent.suppressed or key not in self._held(name):
            return
        self.remote.sandbox.unsubscribe(key, self.books[name])
        self.oracle.consent.left.add((name, key))
        self.oracle.consent.fall(name, key, [name])

    def change_there(self, key: str, other: str) -> None:
        """A contact gets another address, when nothing about it is uncertain."""
        contact, oracle = self.remote.find_contact(key), self.oracle
        is_certain = all(
            oracle.ours.get((name, key), Ours.NO) is not Ours.PERHAPS and oracle.consent.is_live(name, key)
            for name in LISTS
        )
        if contact is None or self.remote.find_contact(other) is not None or not is_certain:
            return
        self.remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": other})
        oracle.change_address(key, other)

    def come_back(self, key: str) -> None:
        """A person subscribes again, to the account and to the books that they had left."""
        consent = self.oracle.consent
        if consent.suppressed.get(key) not in {None, "Unsubscribed"}:
            return
        if key in consent.suppressed:
            self._resubscribe("/v2/contacts", key)
            del consent.suppressed[key]
            consent.rise(ACCOUNT, key)
        for name in LISTS:
            if (name, key) in consent.left:
                self._resubscribe(f"/v2/address-books/{self.books[name]}/contacts", key)
                consent.left.discard((name, key))
                consent.rise(name, key)
                self.oracle.by_others.add((name, key))
                self._perhaps_ours(name, key)
                self.oracle.present.add((name, key))

    def _resubscribe(self, path: str, key: str) -> None:
        answer = self.remote.ask(
            "POST", f"{path}/resubscribe-with-no-challenge", {"unsubscribedContact": {"email": key}}
        )
        assert answer["status"] == "ContactAdded"

    def join(self, name: str, key: str) -> None:
        """Somebody else puts an address into a book."""
        if not self.oracle.consent.is_live(name, key):
            return
        # What is changed there in a field that we send stays, until ours changes; so only a newcomer brings a name.
        values = {} if self.remote.find_contact(key) else {"FIRSTNAME": "Stranger"}
        self.remote.create_contact(key, book=self.books[name], **values)
        self.oracle.history.setdefault((key, "FIRSTNAME"), {""}).update(values.values())
        if self.oracle.ours.get((name, key), Ours.NO) is not Ours.NO:
            self._perhaps_ours(name, key)
        self.oracle.present.add((name, key))
        self.oracle.by_others.add((name, key))

    def _perhaps_ours(self, name: str, key: str) -> None:
        self.oracle.ours[name, key] = Ours.PERHAPS

    # Runs

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """The product is at work, under the faults ordered. Nobody may be mailable afterwards who was not before."""
        self.oracle.remember()
        for fault in self.faults:
            self.remote.sandbox.fail_next(**fault)
        self.faults.clear()
        yield
        self.remote.sandbox.clear_faults()
        self._see_who_was_told()
        self.assert_consent()

    def sync(self, kind: RunKind, *, wait_seconds: float) -> None:
        """One run."""
        with self.at_work():
            sync(self.integration, kind=kind, wait_seconds=wait_seconds)

    def assert_consent(self) -> None:
        """Whom Dotdigital does not mail, it still does not mail, with the same status."""
        for key, status in self.oracle.consent.suppressed.items():
            found = self.remote.find_contact(key)
            assert found is not None
            assert found["status"] == status
        for name, key in self.oracle.consent.left:
            assert key not in self._held(name)

    def _see_who_was_told(self) -> None:
        """Who opted out of everything is unsubscribed in Dotdigital by a run, and by nobody else."""
        consent = self.oracle.consent
        names = {key: key for key in consent.told} | {
            other: key for other, key in consent.former.items() if key in consent.told
        }
        for key, told in names.items():
            found = self.remote.find_contact(key)
            if found is not None and found["status"] == "Unsubscribed" and key not in consent.suppressed:
                self._note_suppressed(key, "Unsubscribed")
                consent.told[told] = True

    def _assert_told(self) -> None:
        for key, is_told in self.oracle.consent.told.items():
            assert is_told or self.remote.find_contact(key) is None or key in self.oracle.consent.suppressed, key

    def settle(self, keys: set[str]) -> None:
        """Let everything come to rest, then compare all three with the oracle: book, list and mirror."""
        self.remote.sandbox.release_imports()
        self.oracle.remember()
        self._undisturbed()
        self._undisturbed(RunKind.REQUESTS)
        self._see_who_was_told()
        runs = [self._undisturbed() for _number in range(3)]
        self.assert_consent()
        self._assert_told()
        keys = {*keys, *self.oracle.consent.former}
        for name in LISTS:
            self._compare_opted_out(name)
        for name in LISTS:
            held = self._held(name)
            self._compare_book(name, held, keys)
            self._compare_here(name, set(held), runs[-1])
            self.oracle.settle(name, set(held), keys)
        self._assert_quiet()

    def _held(self, name: str) -> dict[str, dict[str, Any]]:
        """Whom the list's book holds, by key: Dotdigital writes an address as it was first given."""
        return {email.lower(): values for email, values in self.remote.contacts(self.books[name]).items()}

    def _undisturbed(self, kind: RunKind = RunKind.SYNC) -> SyncRun:
        self.remote.sandbox.finish_imports()
        run = sync(self.integration, kind=kind)
        # A worker that was killed a moment ago may still hold its lock.
        while run.state == State.SKIPPED and kind == RunKind.SYNC:
            run = sync(self.integration)
        assert not run.has_failed, run.message
        return run

    def _compare_book(self, name: str, held: dict[str, dict[str, Any]], keys: set[str]) -> None:
        wanted = self.oracle.wanted()
        for key in keys:
            expected = self.oracle.is_to_be_held(name, key)
            assert expected is None or (key in held) == expected, f"{key} in {name}: {not expected}, not {expected}"
        for key in self.oracle.speakers(name):
            if key not in held:
                assert self.oracle.other_name_of(name, key) in held
                continue
            # A contact that has another address by now keeps what its own list sent: this one is new to Dotdigital.
            is_another = any(self.oracle.other_name_of(each, key) for each in LISTS if each != name)
            for data_field, value in wanted[key].items():
                if is_another and data_field not in OF_BOTH_LISTS:
                    continue
                self._compare_value(key, data_field, value, held[key].get(data_field))

    def _compare_value(self, key: str, data_field: str, wanted: str, found: Any) -> None:
        text = "" if found is None else str(found)
        if data_field == "SCORE":
            assert (float(text) if text else None) == (float(wanted) if wanted else None)
        elif wanted:
            assert text == wanted, f"{key} {data_field}: {text!r}, not {wanted!r}"
        else:
            assert text in self.oracle.history.get((key, data_field), {""})

    def _compare_opted_out(self, name: str) -> None:
        """The list knows who may not be mailed; where either would be right, the oracle learns it from the list."""
        off = set(map(int, opted_out(self._list(name))))
        records = {pk: key_of(record.email) for pk, record in self.oracle.matching(name).items()}
        self.oracle.consent.see_off(name, records, off)
        assert off == self.oracle.opted_out(name), f"{name}: {off}, not {self.oracle.opted_out(name)}"
        self.oracle.consent.fresh.clear()

    def _compare_here(self, name: str, held: set[str], run: SyncRun) -> None:
        link = ListConnection.objects.get(marketing_list=self.lists[name])
        mirrored = Membership.objects.filter(
            address_book=link.address_book, gone_at=None, status__in=LIVE, contact__status__in=LIVE
        )
        assert set(mirrored.values_list("contact__email_key", flat=True)) == held
        noted = set(ExportItem.objects.filter(connection=link, reason="").values_list("email_key", flat=True))
        assert noted >= (speakers := set(self.oracle.speakers(name)))
        # A note whose contact has another address, and is not mailed, is kept for a day: it may have been made anew.
        assert noted - speakers <= {key for other, key in self.oracle.consent.former.items() if other not in held}
        assert adds_up(summary := run_summary(run, link)), summary
        assert summary["left_out"]["waiting"] == 0

    def _assert_quiet(self) -> None:
        """Nothing is in between, and another run has nothing to send."""
        assert not Upload.objects.exclude(state__in=[UploadState.FINISHED, UploadState.REFUSED]).exists()
        assert not Removal.objects.filter(state__in=["prepared", "sent"]).exists()
        self.remote.sandbox.clear_calls()
        self._undisturbed()
        sent = [call["path"] for call in self.remote.sandbox.calls() if call["method"] != "GET"]
        assert sent == []

    def _list(self, name: str) -> MarketingList:
        return MarketingList.objects.get(pk=self.lists[name].pk)


def _rule_of_contacts(score: int) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": "lead_score", "operator": ">=", "value": score}]}
