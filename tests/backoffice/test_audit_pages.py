"""Who changed what, on the page of each thing and under Activity, as people read it, and as a file.

The kind: a page that says "changed successfully" and keeps to itself what it was before. Its places: a rule, a
connection, a row of a mapping, an account's settings and credentials, a campaign, a right given to somebody.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from dotbridge.audit.acting import COMMAND_LINE, acting
from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.roles import models_of_people, permission_on
from dotbridge.crm.models import Account
from dotbridge.lists.models import MarketingList
from tests.backoffice.conftest import texts
from tests.backoffice.world import HOSTILE, World


def url(name: str, *args: Any) -> str:
    return reverse(f"dotbridge:{name}", args=args)


RULE = '{"rules": [{"field": "last_name", "operator": "beginsWith", "value": "B"}]}'


def test_a_new_rule_is_told_as_a_sentence_with_who_and_what_it_was(back_office: Client, world: World) -> None:
    saved = back_office.post(url("list-rule", world.unconnected.pk), {"rule": RULE})
    assert saved.status_code == 302
    page = texts(back_office.get(url("list-history", world.unconnected.pk)))
    assert "last name begins with" in page
    assert "everybody" in page
    assert "mona" in page
    assert HOSTILE not in page
    assert "last name begins with" in texts(back_office.get(url("activity-audit")))


def test_a_field_that_may_not_be_seen_is_left_out_of_history(world: World, logged_in: Callable[..., Client]) -> None:
    Account.objects.create(name="Quince Holding")
    hidden = {"rules": [{"field": "account__name", "operator": "beginsWith", "value": "Quince"}]}
    MarketingList.objects.filter(pk=world.unconnected.pk).update(rule=hidden)
    rights = ["dotbridge_lists.view_marketinglist", "crm.view_contact"]
    assert "Quince" not in texts(logged_in(*rights).get(url("list-history", world.unconnected.pk)))
    assert "Quince" in texts(logged_in(*rights, "crm.view_account").get(url("list-history", world.unconnected.pk)))


def test_a_row_of_a_mapping_is_told_by_the_names_of_fields(back_office: Client, world: World) -> None:
    row = world.mapping.rows.get()
    sent = {"data_field": row.data_field_id, "first": "last_name", "empty_values": "clear", "confirmed": "yes"}
    assert back_office.post(url("mapping-row", world.mapping.pk, row.pk), sent).status_code == 302
    page = texts(back_office.get(url("mapping", world.mapping.pk)))
    assert "first_name" in page
    assert "Clear it in Dotdigital" in page
    assert "Keep Dotdigital" in page
    assert "mona" in page


def test_an_accounts_page_tells_its_settings_and_no_secret(back_office: Client, world: World) -> None:
    world.integration.breaker_rows = 77
    world.integration.password_sealed = "sealed-anew"
    world.integration.save()
    page = texts(back_office.get(url("account", world.integration.pk)))
    assert "1000" in page
    assert "77" in page
    assert "a secret is not kept here" in page
    assert "sealed-anew" not in page


def test_rights_are_told_by_name(back_office: Client, world: World) -> None:
    group = Group.objects.create(name="Bosses")
    person = User.objects.create_user("peer")
    with acting(name="root", origin=COMMAND_LINE):
        person.groups.add(group)
    page = texts(back_office.get(url("activity-audit")))
    assert "Right given to “peer”" in page
    assert "Bosses" in page
    assert "root, at the command line" in page


def test_the_audit_is_found_by_kind_and_name_and_paged(back_office: Client, world: World) -> None:
    for number in range(60):
        world.unconnected.description = f"Text {number}"
        world.unconnected.save()
    first = texts(back_office.get(url("activity-audit")))
    assert "Text 59" in first
    assert "Text 3<" not in first
    last = AuditEntry.objects.order_by("-id")[49].pk
    assert "Text 3<" in texts(back_office.get(f"{url('activity-audit')}?before={last}"))
    of_mappings = texts(back_office.get(f"{url('activity-audit')}?kind=dotbridge_mapping.mapping"))
    assert "Text 59" not in of_mappings
    assert "Nothing found" in texts(back_office.get(f"{url('activity-audit')}?q=nobody-at-all"))
    for odd in ("?before=x", "?kind=%00", "?q=%00", "?before=99999999999999999999"):
        assert back_office.get(url("activity-audit") + odd).status_code == 200


def test_the_file_has_a_line_a_field_and_no_formula(back_office: Client, world: World) -> None:
    world.unconnected.name = "=HYPERLINK(1)"
    world.unconnected.save()
    world.integration.password_sealed = "sealed-anew"
    world.integration.save()
    answer: Any = back_office.get(url("activity-audit-file"))
    text = b"".join(answer).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    changed = [row for row in rows if row["Field"] == "Name" and row["After"] == "'=HYPERLINK(1)"]
    assert len(changed) == 1
    assert changed[0]["Before"] == f"First unconnected {HOSTILE}"
    assert changed[0]["Who"] == "By itself"
    assert [row["After"] for row in rows if row["Field"].startswith("Password")][-1] == "(secret)"
    assert "sealed-anew" not in text
    numbers = [int(row["Number"]) for row in rows]
    assert numbers == sorted(numbers)


def test_a_rule_in_the_file_is_for_those_who_may_see_people(world: World, logged_in: Callable[..., Client]) -> None:
    """Somebody may have written an address into it, or a value of what the records are read from: the page knows which
    field it is, the file takes the right to all of them."""
    named = {"rules": [{"field": "last_name", "operator": "=", "value": "Quince"}]}
    MarketingList.objects.filter(pk=world.unconnected.pk).update(rule=named)
    people = ["dotbridge_mirror.view_contact", "crm.view_contact", "crm.view_lead", "crm.view_customer"]
    everything = [*people, *(permission_on(model, "view") for model in models_of_people())]
    for rights, is_shown, is_in_file in (([], False, False), (people, True, False), (everything, True, True)):
        client = logged_in("dotbridge_audit.view_auditentry", *rights)
        told = b"".join(client.get(url("activity-audit-file"))).decode()
        assert ("Quince" in told) is is_in_file
        assert ("Quince" in texts(client.get(url("activity-audit")))) is is_shown


def test_the_audit_has_a_right_of_its_own(world: World, logged_in: Callable[..., Client]) -> None:
    assert logged_in("dotbridge_sync.view_syncrun").get(url("activity-audit")).status_code == 403
    assert logged_in("dotbridge_sync.view_syncrun").get(url("activity-audit-file")).status_code == 403
    viewer = logged_in("dotbridge_audit.view_auditentry")
    assert viewer.get(url("activity-audit")).status_code == 200
    assert viewer.post(url("activity-audit"), {}).status_code in {200, 405}
    assert AuditEntry.objects.exists()


def test_the_table_pages_name_who_acted_as_well(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:auth_group_add")
    assert back_office.post(address, {"name": "Clerks"}).status_code == 302
    assert AuditEntry.objects.filter(model="auth.group", record="Clerks").get().actor == "mona"


def test_reading_a_page_writes_and_says_nothing(
    back_office: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    before = AuditEntry.objects.count()
    with django_assert_max_num_queries(30):
        back_office.get(url("activity-audit"))
    assert AuditEntry.objects.count() == before


def test_many_rights_given_at_once_are_one_line(back_office: Client, world: World) -> None:
    group = Group.objects.create(name="Bosses")
    group.permissions.set(Permission.objects.all()[:30])
    page = texts(back_office.get(f"{url('activity-audit')}?q="))
    assert page.count("Right given to “Bosses”") <= 2, "at most one for each second"
    assert "and 25 more" in page
