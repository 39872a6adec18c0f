"""What a contact file says of opting out binds the person, in every list, and is there to be read later."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection

from dotbridge.consent.bulk import _RECORD
from dotbridge.consent.files import _OF_FILE
from dotbridge.consent.models import ConsentEvent, Scope, Source
from dotbridge.crm.models import Contact, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import create_list
from tests.accounts import RemoteAccount, add_contact, connect, sync
from tests.files.conftest import load


def test_who_is_opted_out_in_a_file_leaves_every_book_and_comes_into_none(
    integration: Integration, remote: RemoteAccount
) -> None:
    book = remote.create_book("Readers")
    connect(integration, book="Readers")
    add_contact("ann@example.com", "Ann")
    add_contact("bob@example.com", "Bob")
    sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com", "bob@example.com"}

    load("email,first name,opted out\nANN@example.com,Ann,yes\ncyd@example.com,Cyd,perhaps\nbob@example.com,Bob,no\n")
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}, "Ann said yes; what Cyd said is not clear, so it counts"

    load("email,first name,opted out\nann@example.com,Ann,no\ncyd@example.com,Cyd,\n")
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}, "a file never makes anybody mailable"


@pytest.mark.django_db
def test_the_ledger_says_which_file_and_cell_it_was() -> None:
    load("email,unsubscribed at\nann@example.com,2026-03-04T05:06:07Z\ndan@example.com,\n")
    event = ConsentEvent.objects.get()
    ann = Contact.objects.get(emails__email="ann@example.com")
    assert (event.scope, event.source, event.email_key) == (Scope.EVERYTHING, Source.FILE, "ann@example.com")
    assert (event.entity, event.record_id) == ("crm.contact", str(ann.pk))
    assert event.happened_at == datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
    assert event.evidence == "people.csv, line 2, unsubscribed at: 2026-03-04T05:06:07Z"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("ann@xn--mller-kva.example.com", "Ann@müller.example.com"),
        ("ann@müller.example.com", "ann@XN--MLLER-KVA.example.com"),
    ],
)
def test_an_address_is_bound_in_both_spellings_of_its_domain(stored: str, written: str) -> None:
    Lead.objects.create(email=stored)
    leads = create_list(name="Leads", entity="crm.lead")
    assert count_members(leads).mailable == 1
    load(f"email,opt out\n{written},yes\n")
    assert count_members(leads).mailable == 0


@pytest.mark.django_db
def test_what_many_people_said_is_not_compared_all_with_all() -> None:
    """The planner expects one row of each step; a join would go through all of one for each of the other."""
    said = {"scope": Scope.EVERYTHING.value, "what": "opted_out", "source": "file", "entity": "crm.contact"}
    selection = _OF_FILE.format(stage_table="said_by_many")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE said_by_many ON COMMIT DROP AS SELECT n::bigint AS record_id, n AS line, 'x' AS key,"
            " 'Opt out' AS column_name, 'yes' AS value, NULL::timestamptz AS happened_at FROM generate_series(1, 9) n"
        )
        nothing = dict.fromkeys(("actor", "consent_text", "consent_url", "ip_address", "user_agent"), "")
        parameters = {**said, **nothing, "file": "people.csv", "raising": ["opted_in"]}
        cursor.execute("EXPLAIN VERBOSE " + _RECORD.format(selection=selection), parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "hashed SubPlan" in plan
    assert "Join Filter" not in plan
