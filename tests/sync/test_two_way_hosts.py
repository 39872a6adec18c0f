"""A host's own functions and checks on the way back: what they raise is told of the one record, and the others go on.

The kind: a host's code that may raise anything. Its places are `create`, `clean()` of a new record, `clean()` of a
known one, and `save()`. And in each place what says nothing of the record, and must not be taken for a refusal of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models import Func
from django.db.models.signals import post_save

from dotbridge.connections.models import ListConnection
from dotbridge.crm.models import Contact
from dotbridge.entities import registry
from dotbridge.entities.registry import NewRecord, entity
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Rejection
from tests.accounts import RemoteAccount, steps_of
from tests.sync.two_way_account import change, connect_two_way, person, sync

BAD, GOOD = "Bad", "Good"


class Broken(Exception):
    """Something that a host's code may raise."""


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    found = connect_two_way(integration, remote)
    ListConnection.objects.filter(pk=found.pk).update(create_entities=True)
    return found


def host(monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Contacts, registered with other options."""
    changed = dataclasses.replace(entity("crm.contact"), **options)
    monkeypatch.setitem(registry._registered, "crm.contact", changed)


def refuse_bad(record: Contact) -> None:
    if record.first_name == BAD:
        raise Broken("ann@example.com is not to be seen")


def told() -> list[str]:
    """What was said of each refused record."""
    return [f"{each.reason} {each.detail}" for each in Rejection.objects.all()]


def new(remote: RemoteAccount, link: ListConnection) -> None:
    for name in (BAD, GOOD):
        remote.create_contact(f"{name.lower()}@example.com", book=link.address_book.remote_id, FIRSTNAME=name)


def test_what_a_function_that_creates_raises(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = entity("crm.contact").create
    assert given is not None

    def create(newcomers: Sequence[NewRecord]) -> None:
        for newcomer in newcomers:
            refuse_bad(newcomer.record)
        given(newcomers)

    host(monkeypatch, create=create)
    new(remote, link)
    sync(integration)
    assert set(Contact.objects.values_list("first_name", flat=True)) == {GOOD}
    (text,) = told()
    assert text.startswith("not_created No record was made of the contact. An unexpected Broken.")
    assert "ann@" not in text


@pytest.mark.parametrize("host_creates", [True, False], ids=["own create", "ours"])
def test_what_a_check_of_a_new_record_raises(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    monkeypatch: pytest.MonkeyPatch,
    host_creates: bool,
) -> None:
    """With a function of its own the host checks a record when it is whole, so ours is not asked for then."""
    host(monkeypatch, host_creates=host_creates)
    monkeypatch.setattr(Contact, "clean", refuse_bad)
    new(remote, link)
    sync(integration)
    assert set(Contact.objects.values_list("first_name", flat=True)) == ({BAD, GOOD} if host_creates else {GOOD})
    assert len(told()) == (0 if host_creates else 1)


def changed_there(remote: RemoteAccount, integration: Integration) -> None:
    """Two known people got other first names in Dotdigital."""
    for name in (BAD, GOOD):
        person(f"{name.lower()}@example.com")
    sync(integration)
    for name in (BAD, GOOD):
        change(remote, f"{name.lower()}@example.com", FIRSTNAME=name)
    sync(integration)


def told_by_dotdigital(
    integration: Integration, remote: RemoteAccount, link: ListConnection, *, is_known: bool
) -> None:
    """Both names, of people who are known here or not."""
    if is_known:
        changed_there(remote, integration)
    else:
        new(remote, link)
        sync(integration)


def test_what_a_check_of_a_known_record_raises(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contact, "clean", refuse_bad)
    changed_there(remote, integration)
    assert GOOD in set(Contact.objects.values_list("first_name", flat=True))
    assert BAD not in set(Contact.objects.values_list("first_name", flat=True))
    (text,) = told()
    assert "An unexpected Broken." in text


@pytest.mark.parametrize("saves_each", [True, False], ids=["save", "one statement"])
def test_a_host_may_have_each_record_saved_by_itself(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    monkeypatch: pytest.MonkeyPatch,
    saves_each: bool,
) -> None:
    """Then its signals are sent, and what its `save` raises is told of the one record."""
    host(monkeypatch, saves_each=saves_each)
    saved: list[str] = []

    def note(instance: Contact, created: bool, **_said: Any) -> None:
        if not created:
            refuse_bad(instance)
            saved.append(instance.first_name)

    post_save.connect(note, sender=Contact)
    try:
        changed_there(remote, integration)
    finally:
        post_save.disconnect(note, sender=Contact)
    names = set(Contact.objects.values_list("first_name", flat=True))
    assert GOOD in names
    assert (BAD in names) is not saves_each
    assert saved == ([GOOD] if saves_each else [])
    assert len(told()) == (1 if saves_each else 0)


def test_what_a_check_of_one_value_raises(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(value: str) -> None:
        if value == BAD:
            raise Broken("ann@example.com is not to be seen")

    monkeypatch.setattr(Contact._meta.get_field("first_name"), "validators", [check])
    changed_there(remote, integration)
    names = set(Contact.objects.values_list("first_name", flat=True))
    assert GOOD in names
    assert BAD not in names
    (text,) = told()
    assert "An unexpected Broken." in text
    assert "ann@" not in text


def test_what_a_trigger_of_the_host_raises(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF new.first_name = '{BAD}' THEN RAISE EXCEPTION 'ann@example.com is bad'; END IF; RETURN new; END $$;
            CREATE TRIGGER test_refuse BEFORE UPDATE ON crm_contact FOR EACH ROW EXECUTE FUNCTION test_refuse()
            """
        )
    try:
        changed_there(remote, integration)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER test_refuse ON crm_contact; DROP FUNCTION test_refuse()")
    names = set(Contact.objects.values_list("first_name", flat=True))
    assert GOOD in names
    assert BAD not in names
    (text,) = told()
    assert "ann@" not in text


@pytest.mark.parametrize("way", ["one statement", "save", "create"])
def test_a_record_that_is_in_anothers_hands_is_written_by_the_next_run(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A deadlock or a lock that was waited for too long says nothing of the record: what Dotdigital has is not lost."""
    host(monkeypatch, saves_each=way == "save")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION test_locked() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF new.first_name = '{BAD}' THEN RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'; END IF;
                RETURN new;
            END $$;
            CREATE TRIGGER test_locked BEFORE INSERT OR UPDATE ON crm_contact
                FOR EACH ROW EXECUTE FUNCTION test_locked()
            """
        )
    try:
        if way == "create":
            new(remote, link)
            sync(integration)
        else:
            changed_there(remote, integration)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER test_locked ON crm_contact; DROP FUNCTION test_locked()")
    assert BAD not in set(Contact.objects.values_list("first_name", flat=True))
    sync(integration)
    assert set(Contact.objects.values_list("first_name", flat=True)) == {BAD, GOOD}


def ask_what_breaks(record: Contact) -> None:
    """A check that looks something up, and whose statement fails for one record: the transaction is broken by it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / (%s <> %s)::int", [record.first_name, BAD])


@pytest.mark.parametrize("swallows", [False, True], ids=["raised", "swallowed"])
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "new"])
def test_a_check_whose_own_statement_fails_breaks_its_record_alone(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
    swallows: bool,
) -> None:
    host(monkeypatch, host_creates=False)

    def clean(record: Contact) -> None:
        with suppress(DatabaseError) if swallows else nullcontext():
            ask_what_breaks(record)

    monkeypatch.setattr(Contact, "clean", clean)
    told_by_dotdigital(integration, remote, link, is_known=is_known)
    names = set(Contact.objects.values_list("first_name", flat=True))
    assert GOOD in names
    assert BAD not in names
    assert len(told()) == 1


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "new"])
def test_a_check_that_the_database_could_not_carry_out_is_tried_again(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
) -> None:
    """It says nothing of the record: a refusal would lose the value."""
    host(monkeypatch, host_creates=False)

    def deadlock(_record: Contact) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patched:
        patched.setattr(Contact, "clean", deadlock)
        told_by_dotdigital(integration, remote, link, is_known=is_known)
    assert not {BAD, GOOD} & set(Contact.objects.values_list("first_name", flat=True))
    sync(integration)
    assert set(Contact.objects.values_list("first_name", flat=True)) == {BAD, GOOD}


def test_a_record_that_nothing_is_written_to_is_not_checked(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be one that the host would not take any more; what Dotdigital says of it stays the same."""
    ann = person("ann@example.com", first_name=BAD)
    sync(integration)
    monkeypatch.setattr(Contact, "clean", refuse_bad)
    Contact.objects.filter(pk=ann.pk).update(last_name="Cee")
    for _number in range(3):
        sync(integration)
    assert told() == []


def test_what_a_function_that_creates_leaves_out_was_not_created(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = entity("crm.contact").create
    assert given is not None

    def create(newcomers: Sequence[NewRecord]) -> None:
        given([newcomer for newcomer in newcomers if newcomer.record.first_name != BAD])

    host(monkeypatch, create=create)
    new(remote, link)
    run = sync(integration)
    assert steps_of(run)["two_way"]["created"] == 1
    assert set(Contact.objects.values_list("first_name", flat=True)) == {GOOD}
    (text,) = told()
    assert text.startswith("not_created")


def test_an_address_that_is_worked_out_with_a_percent_sign_is_one(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_by_hand = Func(entity("crm.contact").email, template="nullif(%(expressions)s, '%%%%')")
    host(monkeypatch, email=written_by_hand)
    new(remote, link)
    sync(integration)
    assert told() == []
    assert set(Contact.objects.values_list("first_name", flat=True)) == {BAD, GOOD}
