"""Contacts through the newer service (contract §7)."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx2
import pytest

from dotdigital import Account, ContactDraft, ContactV3Draft, ImportV3, MergeV3, NotFound, Rejected, ResultV3
from dotdigital_sandbox import Sandbox


def ann(**fields: str | None) -> ContactV3Draft:
    return ContactV3Draft({"email": "ann@example.com"}, data_fields=fields)


def imported(account: Account, import_id: str) -> ImportV3:
    deadline = time.monotonic() + 20
    while (state := account.contacts_v3.import_status(import_id)).unfinished:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return state


def test_a_contact_lives_and_dies(account: Account) -> None:
    v3 = account.contacts_v3
    made = v3.create(ann(FIRSTNAME="Ann", LASTNAME="Bee"))
    assert (made.email, made.status) == ("ann@example.com", "subscribed")
    assert made.created is not None
    with pytest.raises(Rejected) as caught:
        v3.create(ann())
    assert (caught.value.status, caught.value.code) == (409, "contacts:idAlreadyExists")
    assert v3.merge("ann@example.com", ann(LASTNAME=None)).contact_id == made.contact_id
    fields = {
        name.upper(): value
        for name, value in (v3.get(made.contact_id, identifier="contactId").data_fields or {}).items()
    }
    assert (fields["FIRSTNAME"], fields.get("LASTNAME")) == ("Ann", None)
    v3.merge("ann@example.com", ann(FIRSTNAME="Other"), option=MergeV3.OVERWRITE_IF_EMPTY)
    assert account.contacts.get("ann@example.com").id == made.contact_id
    replaced = v3.replace("ann@example.com", ann(LASTNAME="Cee"))
    fields = {name.upper(): value for name, value in (replaced.data_fields or {}).items()}
    assert (fields.get("FIRSTNAME"), fields["LASTNAME"]) == (None, "Cee")
    v3.delete("ann@example.com")
    with pytest.raises(NotFound):
        v3.get("ann@example.com")


def test_a_bad_identifier_is_rejected(account: Account) -> None:
    with pytest.raises(Rejected) as caught:
        account.contacts_v3.create(ContactV3Draft({"email": "invisible"}))
    assert caught.value.code is not None
    assert caught.value.code.startswith("contacts:")
    assert "invisible" not in caught.value.text


def test_markers_lead_through_all_contacts(account: Account) -> None:
    book = account.address_book(account.create_address_book("Letters").id)
    for number in range(25):
        book.add_contact(ContactDraft(f"c{number}@example.com", data_fields={"FIRSTNAME": f"N{number}"}))
    account.contacts.save(ContactDraft("outside@example.com"))
    pages = list(account.contacts_v3.pages(limit=10, include=("lists",)))
    assert [len(page) for page in pages] == [10, 10, 6]
    everybody = {contact.email: contact for page in pages for contact in page}
    assert len(everybody) == 26
    assert [each.id for each in everybody["c3@example.com"].lists or []] == [book.id]
    members = [contact.email for page in account.contacts_v3.pages(list_id=book.id, limit=7) for contact in page]
    assert len(members) == 25
    later = account.server_time() + timedelta(minutes=5)
    assert list(account.contacts_v3.pages(modified_since=later)) == []
    assert sum(len(page) for page in account.contacts_v3.pages(created_since=later - timedelta(days=1))) == 26


def test_an_import_tells_of_each_contact(sandbox: Sandbox, account: Account) -> None:
    account.contacts_v3.create(ann(FIRSTNAME="Ann"))
    drafts = [
        ann(FIRSTNAME="New"),
        ContactV3Draft({"email": "bob@example.com"}),
        ContactV3Draft({"email": "invisible"}),
    ]
    state = imported(account, account.contacts_v3.start_import(drafts))
    assert state.status == "Finished"
    assert (state.summary["newContacts"], state.summary["updatedContacts"]) == (1, 1)
    results = [each for each in account.contacts_v3.import_results(state.import_id) if isinstance(each, ResultV3)]
    assert {each.outcome: each.identifiers["email"] for each in results} == {
        "created": "bob@example.com", "updated": "ann@example.com", "failures": "invisible"
    }  # fmt: skip
    by_outcome = {each.outcome: each for each in results}
    assert by_outcome["created"].contact_id == account.contacts.get("bob@example.com").id
    assert [each.failure_code for each in by_outcome["failures"].failures] == ["invalidEmail"]
    assert by_outcome["failures"].contact_id is None
    with pytest.raises(NotFound) as caught:
        account.contacts_v3.import_status("00000000-0000-0000-0000-000000000000")
    assert caught.value.code == "contacts:importNotFound"


def test_too_many_imports_have_to_wait(sandbox: Sandbox, account: Account) -> None:
    sandbox.hold_imports()
    for _ in range(25):
        account.contacts_v3.start_import([ann()])
    with pytest.raises(Rejected) as caught:
        account.contacts_v3.start_import([ann()])
    assert (caught.value.status, caught.value.code) == (429, "contacts:tooManyActiveImports")
    assert caught.value.later
    sandbox.release_imports()
    sandbox.finish_imports()


def test_lists_in_a_query_are_told_apart_by_commas_or_pipes(sandbox: Sandbox, account: Account) -> None:
    account.contacts_v3.create(ann(FIRSTNAME="Ann", LASTNAME="Bee", GENDER="f"))
    for sign in ",|":
        query = {"include": f"lists{sign}consentRecords", "data-fields": f"FIRSTNAME{sign} gender"}
        answer = httpx2.get(f"{sandbox.url}/contacts/v3", params=query, auth=(sandbox.user, sandbox.password))
        (item,) = answer.raise_for_status().json()["_items"]
        assert item["dataFields"] == {"FIRSTNAME": "Ann", "GENDER": "f"}
        assert {"lists", "consentRecords"} <= set(item)
        assert not {"preferences", "channelProperties"} & set(item)


def test_many_contacts_are_deleted_by_id_or_address(sandbox: Sandbox, account: Account) -> None:
    ids = [account.contacts.save(ContactDraft(f"c{number}@example.com")).id for number in range(4)]
    asked = account.contacts_v3.delete_many([ids[0], 987_654])
    by_address = [{"email": "C1@example.com"}, ids[2]]
    post = {"url": f"{sandbox.url}/contacts/v3/delete", "auth": (sandbox.user, sandbox.password)}
    assert httpx2.post(json=by_address, **post).status_code == 202
    sandbox.finish_chores()
    assert account.contacts_v3.delete_status(asked).status == "Finished"
    left = [contact.email for page in account.contacts_v3.pages() for contact in page]
    assert left == ["c3@example.com"]
    for bad in ([{"contactId": "x"}], [{}], [True], {"contactIds": [None]}):
        answer = httpx2.post(json=bad, **post)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "contacts:badRequest")


def test_a_suppressed_contact_is_changed_but_not_freed(account: Account) -> None:
    account.contacts.save(ContactDraft("ann@example.com"))
    account.contacts.unsubscribe("ann@example.com")
    assert account.contacts_v3.merge("ann@example.com", ann(FIRSTNAME="New")).status == "unsubscribed"
    assert account.contacts.get("ann@example.com").status == "Unsubscribed"
