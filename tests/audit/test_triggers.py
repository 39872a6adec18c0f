"""Whatever changes a watched row is written down, by whomever and however, once, and stays as it was written.

The kind: a record of changes that rests on the code that makes them. A bulk update, raw SQL or another project's code
would pass by; here the table itself tells. Its second place: the audit's own rows, which nobody may mend afterwards.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from dotbridge.audit.acting import BACK_OFFICE, COMMAND_LINE, acting
from dotbridge.audit.installing import install_triggers, unwatched_tables
from dotbridge.audit.models import AuditEntry, Verb
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration, set_password
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.studio.services import remove_sign_on, set_up_sign_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Integration:
    return create_integration(
        name="Shop", username="api@example.com", password="first-secret", base_url="https://r1-api.dotdigital.com"
    )


def entries(model: str, verb: str = "") -> list[AuditEntry]:
    found = AuditEntry.objects.filter(model=model).order_by("id")
    return list(found.filter(verb=verb) if verb else found)


def test_a_save_is_written_with_before_after_and_who() -> None:
    made = create_list(name="VIPs", entity="crm.contact")
    with acting(actor_id=7, name="mona", origin=BACK_OFFICE):
        made.name = "Best customers"
        made.save()
    (entry,) = entries("dotbridge_lists.marketinglist", Verb.CHANGED)
    assert entry.changes == {"name": ["VIPs", "Best customers"]}
    assert (entry.actor, entry.actor_id, entry.origin) == ("mona", "7", BACK_OFFICE)
    assert (entry.about_model, entry.about_id, entry.record) == (entry.model, str(made.pk), "Best customers")


def test_a_bulk_update_and_raw_sql_are_written_row_by_row() -> None:
    for number in range(3):
        create_list(name=f"List {number}", entity="crm.contact")
    MarketingList.objects.update(description=F("name"))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE dotbridge_lists_marketinglist SET include_previously_contacted = true WHERE name = 'List 1'"
        )
    MarketingList.objects.filter(name="List 2").delete()
    changed = entries("dotbridge_lists.marketinglist", Verb.CHANGED)
    assert [entry.changes for entry in changed] == [
        *({"description": ["", f"List {number}"]} for number in range(3)),
        {"include_previously_contacted": [False, True]},
    ]
    (gone,) = entries("dotbridge_lists.marketinglist", Verb.DELETED)
    assert gone.changes["name"] == ["List 2", None]
    assert gone.actor == "", "nobody was named"


def test_what_nobody_decides_about_is_not_written(account: Integration) -> None:
    before = AuditEntry.objects.count()
    Integration.objects.update(endpoint="https://r2-api.dotdigital.com", account_name="Shop Ltd")
    MarketingList.objects.update(refreshed_at=None)
    Integration.objects.update(name=F("name"))
    assert AuditEntry.objects.count() == before


def test_a_secret_is_never_written(account: Integration) -> None:
    set_password(integration=account, password="second-secret")
    person = User.objects.create_user("mona", password="Rainy-Day-7")
    person.set_password("Sunny-Day-8")
    person.save()
    everything = json.dumps([[entry.changes, entry.record] for entry in AuditEntry.objects.all()])
    for secret in ("secret", account.password_sealed, person.password, "Day-"):
        assert secret not in everything.replace("password_sealed", "")
    assert entries("dotbridge_integrations.integration", Verb.CHANGED)[-1].changes == {"password_sealed": None}
    assert entries("auth.user", Verb.CHANGED)[-1].changes == {"password": None}


def test_a_connection_stands_on_the_lists_page_and_a_row_on_its_mappings(account: Integration) -> None:
    made = create_list(name="VIPs", entity="crm.contact")
    link = connect_list(
        marketing_list=made, address_book=AddressBook.objects.create(integration=account, remote_id=1, name="Book")
    )
    link.always_put_back = True
    link.save()
    on_list = AuditEntry.objects.filter(about_model="dotbridge_lists.marketinglist", about_id=str(made.pk))
    assert {entry.model for entry in on_list} == {
        "dotbridge_lists.marketinglist",
        "dotbridge_connections.listconnection",
    }
    field = DataField.objects.create(integration=account, name="FIRSTNAME", type="String")
    mapping = Mapping.objects.create(integration=account, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name"])
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name", "last_name"])
    on_mapping = AuditEntry.objects.filter(about_model="dotbridge_mapping.mapping", about_id=str(mapping.pk))
    assert [entry.changes.get("entity_fields") for entry in on_mapping.filter(verb=Verb.CHANGED)] == [
        [["first_name"], ["first_name", "last_name"]]
    ]


def test_a_single_sign_on_stands_on_its_accounts_page_without_its_secret(account: Integration) -> None:
    for domain, secret in (("", "first-secret"), ("https://mail.example.com", "second-secret")):
        set_up_sign_on(integration=account, client_id="shop", secret=secret, domain=domain)
    remove_sign_on(integration=account)
    on_account = AuditEntry.objects.filter(
        model="dotbridge_studio.signon", about_model="dotbridge_integrations.integration", about_id=str(account.pk)
    ).order_by("id")
    assert [entry.verb for entry in on_account] == [Verb.MADE, Verb.CHANGED, Verb.DELETED]
    assert on_account[1].changes == {"domain": ["", "https://mail.example.com"], "secret_sealed": None}
    assert "-secret" not in json.dumps([entry.changes for entry in on_account])


def test_a_right_given_and_taken_is_written() -> None:
    person, group = User.objects.create_user("mona"), Group.objects.create(name="Clerks")
    person.groups.add(group)
    group.permissions.add(Permission.objects.get(codename="view_marketinglist"))
    person.groups.remove(group)
    about_mona = AuditEntry.objects.filter(about_model="auth.user", about_id=str(person.pk)).order_by("id")
    assert [entry.verb for entry in about_mona] == [Verb.MADE, Verb.MADE, Verb.DELETED]
    assert AuditEntry.objects.filter(about_model="auth.group", about_id=str(group.pk)).count() == 2


def test_no_row_is_changed_or_deleted_by_anybody() -> None:
    create_list(name="VIPs", entity="crm.contact")
    table = AuditEntry._meta.db_table
    ways: list[Any] = [
        lambda: AuditEntry.objects.update(actor="somebody else"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: connection.cursor().execute(f"DELETE FROM {table}"),
        lambda: connection.cursor().execute(f"UPDATE {table} SET at = now()"),
    ]
    for way in ways:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            way()
    assert AuditEntry.objects.exists()


def test_what_is_taken_back_was_never_done() -> None:
    with transaction.atomic():
        create_list(name="VIPs", entity="crm.contact")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.filter(record="VIPs").exists()


def test_who_acted_is_forgotten_afterwards_also_when_it_went_wrong() -> None:
    with pytest.raises(ZeroDivisionError), acting(name="mona", origin=BACK_OFFICE):
        raise ZeroDivisionError
    create_list(name="By itself", entity="crm.contact")
    assert entries("dotbridge_lists.marketinglist")[-1].actor == ""


def test_who_acted_before_acts_again_afterwards() -> None:
    """What a worker does for somebody who asked is done in the midst of what somebody else does."""
    with acting(name="root", origin=COMMAND_LINE):
        with acting(name="mona", origin=BACK_OFFICE):
            create_list(name="Hers", entity="crm.contact")
        create_list(name="His", entity="crm.contact")
    made = entries("dotbridge_lists.marketinglist")
    assert [(each.record, each.actor, each.origin) for each in made] == [
        ("Hers", "mona", BACK_OFFICE),
        ("His", "root", COMMAND_LINE),
    ]


def test_names_of_actors_do_no_harm() -> None:
    hostile = "o'Brien\\\"; DROP TABLE x; -- <script>"
    with acting(actor_id=1, name=hostile, origin=BACK_OFFICE):
        create_list(name="VIPs", entity="crm.contact")
    assert entries("dotbridge_lists.marketinglist")[-1].actor == hostile


def test_the_triggers_can_be_installed_again_and_their_lack_is_seen() -> None:
    install_triggers()
    assert unwatched_tables() == []
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER dotbridge_audit ON dotbridge_lists_marketinglist")
        cursor.execute(f"ALTER TABLE {AuditEntry._meta.db_table} DISABLE TRIGGER dotbridge_audit_guard")
    assert unwatched_tables() == ["dotbridge_audit_auditentry", "dotbridge_lists_marketinglist"]


def test_whoever_has_a_long_key_can_change_things() -> None:
    """A host's users may be named by an address, or by a text of any length."""
    with acting(actor_id=f"{'long' * 30}@example.com", name="mona", origin=BACK_OFFICE):
        create_list(name="Best customers", entity="crm.contact")
    with acting(actor_id="x" * 5_000, name="mona", origin=BACK_OFFICE):
        create_list(name="Others", entity="crm.contact")
    first, second = entries("dotbridge_lists.marketinglist")
    assert first.actor_id == f"{'long' * 30}@example.com"
    assert second.actor_id == "x" * 255


@pytest.mark.django_db(transaction=True)
def test_installing_stops_nobody_who_works_in_two_watched_tables() -> None:
    """An update migrates while others are at work: it holds no table that they need next."""
    account = create_integration(name="Shop", username="a@example.com", password="x", base_url="https://r1.example.com")
    made = create_list(name="VIPs", entity="crm.contact")
    outcomes: list[str] = []

    def install() -> None:
        try:
            install_triggers()
            outcomes.append("installed")
        except DatabaseError as error:
            outcomes.append(type(error.__cause__).__name__)
        finally:
            connection.close()

    installing = threading.Thread(target=install)
    with transaction.atomic():
        MarketingList.objects.filter(pk=made.pk).update(name="Best customers")
        installing.start()
        time.sleep(1.0)
        Integration.objects.filter(pk=account.pk).update(name="Shops")
    installing.join()
    assert outcomes == ["installed"]
