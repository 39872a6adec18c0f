"""The product and the account, driven by the same happenings as the oracle."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Account, Contact, ContactEmail, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList, UnsubscribedItem
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
from tests.accounts import RemoteAccount, sync
from tests.soak.oracle import CONTACTS, LEADS, LISTS, Oracle, Ours, Record, key_of


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
            unsubscribe_records(marketing_list=marketing_list, record_ids=ids, origin=UnsubscribedItem.Origin.CRM)
            listed.unsubscribed.add(pk)
        else:
            resubscribe_records(marketing_list=marketing_list, record_ids=ids)
            listed.unsubscribed.discard(pk)

    # What happens in Dotdigital

    def turn_off(self, key: str, status: str) -> None:
        """The account does not mail this address any more."""
        if key in self.oracle.suppressed or self.remote.find_contact(key) is None:
            return
        self.remote.sandbox.suppress(key, status)
        self.oracle.suppressed[key] = status

    def leave(self, name: str, key: str) -> None:
        """A person leaves one book."""
        if key in self.oracle.suppressed or key not in self._held(name):
            return
        self.remote.sandbox.unsubscribe(key, self.books[name])
        self.oracle.left.add((name, key))

    def come_back(self, key: str) -> None:
        """A person subscribes again, to the account and to the books that they had left."""
        if self.oracle.suppressed.get(key) not in {None, "Unsubscribed"}:
            return
        if key in self.oracle.suppressed:
            self._resubscribe("/v2/contacts", key)
            del self.oracle.suppressed[key]
        for name in LISTS:
            if (name, key) in self.oracle.left:
                self._resubscribe(f"/v2/address-books/{self.books[name]}/contacts", key)
                self.oracle.left.discard((name, key))
                self._perhaps_ours(name, key)
                self.oracle.present.add((name, key))

    def _resubscribe(self, path: str, key: str) -> None:
        answer = self.remote.ask(
            "POST", f"{path}/resubscribe-with-no-challenge", {"unsubscribedContact": {"email": key}}
        )
        assert answer["status"] == "ContactAdded"

    def join(self, name: str, key: str) -> None:
        """Somebody else puts an address into a book."""
        if not self.oracle.is_live(name, key):
            return
        # What is changed there in a field that we send stays, until ours changes; so only a newcomer brings a name.
        values = {} if self.remote.find_contact(key) else {"FIRSTNAME": "Stranger"}
        self.remote.create_contact(key, book=self.books[name], **values)
        self.oracle.history.setdefault((key, "FIRSTNAME"), {""}).update(values.values())
        if self.oracle.ours.get((name, key), Ours.NO) is not Ours.NO:
            self._perhaps_ours(name, key)
        self.oracle.present.add((name, key))

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
        self.assert_consent()

    def sync(self, kind: RunKind, *, wait_seconds: float) -> None:
        """One run."""
        with self.at_work():
            sync(self.integration, kind=kind, wait_seconds=wait_seconds)

    def assert_consent(self) -> None:
        """Whom Dotdigital does not mail, it still does not mail, with the same status."""
        for key, status in self.oracle.suppressed.items():
            found = self.remote.find_contact(key)
            assert found is not None
            assert found["status"] == status
        for name, key in self.oracle.left:
            assert key not in self._held(name)

    def settle(self, keys: set[str]) -> None:
        """Let everything come to rest, then compare all three with the oracle: book, list and mirror."""
        self.remote.sandbox.release_imports()
        self.oracle.remember()
        runs = [self._undisturbed() for _number in range(3)]
        self.assert_consent()
        for name in LISTS:
            held = self._held(name)
            self._compare_book(name, held, keys)
            self._compare_here(name, set(held), runs[-1])
            self.oracle.settle(name, set(held), keys)
        self._assert_quiet()

    def _held(self, name: str) -> dict[str, dict[str, Any]]:
        """Whom the list's book holds, by key: Dotdigital writes an address as it was first given."""
        return {email.lower(): values for email, values in self.remote.contacts(self.books[name]).items()}

    def _undisturbed(self) -> SyncRun:
        self.remote.sandbox.finish_imports()
        run = sync(self.integration)
        # A worker that was killed a moment ago may still hold its lock.
        while run.state == State.SKIPPED:
            run = sync(self.integration)
        assert not run.has_failed, run.message
        return run

    def _compare_book(self, name: str, held: dict[str, dict[str, Any]], keys: set[str]) -> None:
        wanted = self.oracle.wanted()
        for key in keys:
            expected = self.oracle.is_to_be_held(name, key)
            assert expected is None or (key in held) == expected, f"{key} in {name}: {not expected}, not {expected}"
        for key in self.oracle.speakers(name):
            for data_field, value in wanted[key].items():
                self._compare_value(key, data_field, value, held[key].get(data_field))

    def _compare_value(self, key: str, data_field: str, wanted: str, found: Any) -> None:
        text = "" if found is None else str(found)
        if data_field == "SCORE":
            assert (float(text) if text else None) == (float(wanted) if wanted else None)
        elif wanted:
            assert text == wanted, f"{key} {data_field}: {text!r}, not {wanted!r}"
        else:
            assert text in self.oracle.history.get((key, data_field), {""})

    def _compare_here(self, name: str, held: set[str], run: SyncRun) -> None:
        link = ListConnection.objects.get(marketing_list=self.lists[name])
        by_dotdigital = set(
            link.marketing_list.unsubscribed_items.filter(
                origin=UnsubscribedItem.Origin.DOTDIGITAL, record_id__in=map(str, self.oracle.members(name))
            ).values_list("record_id", flat=True)
        )
        assert by_dotdigital == set(map(str, self.oracle.unsubscribed_by_dotdigital(name)))
        mirrored = Membership.objects.filter(
            address_book=link.address_book, gone_at=None, status__in=LIVE, contact__status__in=LIVE
        )
        assert set(mirrored.values_list("contact__email_key", flat=True)) == held
        items = ExportItem.objects.filter(connection=link, reason="")
        assert set(items.values_list("email_key", flat=True)) == set(self.oracle.speakers(name))
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

    def is_changeable(self, name: str, pk: int) -> bool:
        """Whether the record's address may change: an opt-out of the former address stays with the record."""
        key = key_of(self.oracle.records[name][pk].email)
        return key is None or (
            self.oracle.is_live(name, key)
            and not UnsubscribedItem.objects.filter(marketing_list=self.lists[name], record_id=str(pk)).exists()
        )


def _rule_of_contacts(score: int) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": "lead_score", "operator": ">=", "value": score}]}
