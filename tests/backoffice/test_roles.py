"""The ready groups: made once, never over a host's own, and every cell of the table role x action asked over HTTP.

The kind: a right is what the server answers, not what a menu shows. A cell that says no has to be a 403, whatever the
page offers; a cell that says yes must not be one. The table in docs/roles.md is made from the same definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.backoffice.models import RoleGroup
from dotbridge.backoffice.role_services import make_role_groups
from dotbridge.backoffice.roles import ACTIONS, ROLES, Role, permissions_of
from dotbridge.connections.models import ChangeState, ContactRequest, ContactRequestKind, ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import DataField
from tests.backoffice.conftest import texts
from tests.backoffice.world import World
from tools.roles_table import roles_table

DOCS = Path(__file__).parents[2] / "docs" / "roles.md"


def house(name: str, *args: Any) -> str:
    return reverse(f"dotbridge:{name}", args=args)


def table(name: str, *args: Any) -> str:
    return reverse(f"dotbridge_tables:{name}", args=args)


NOT_WALKED = ("/static/", "/settings/tables/", "/admin/", "/studio/")
# What is asked for each action: method and address. Nothing here is confirmed, so a yes does no harm.
Asked = list[tuple[str, str]]
ASKED: dict[str, Callable[[World], Asked]] = {
    "see_lists": lambda w: [
        ("get", house("lists")),
        ("get", house("list", w.marketing_list.pk)),
        ("get", house("list-rule", w.marketing_list.pk)),
        ("get", house("list-plan-numbers", w.marketing_list.pk)),
    ],
    "see_people": lambda w: [
        ("get", house("person-record", "crm.contact", w.people[0].pk)),
        ("get", house("person-contact", w.contact.pk)),
        ("get", house("campaign-people", w.email_campaign.pk)),
        ("get", f"/rules/catalogue?entity=crm.contact&list={w.marketing_list.pk}"),
    ],
    "change_lists": lambda w: [("get", house("list-add")), ("post", house("list-add"))],
    "delete_lists": lambda w: [("post", house("list-delete", w.unconnected.pk))],
    "take_off": lambda w: [
        ("post?verb=remove", house("list-change-people", w.marketing_list.pk)),
        ("get", house("list-bring-back", w.marketing_list.pk, "removed", w.people[3].pk)),
    ],
    "opt_out": lambda w: [
        ("post?verb=unsubscribe", house("list-change-people", w.marketing_list.pk)),
        ("get", house("person-record-act", "crm.contact", w.people[0].pk, "opt-out")),
    ],
    "opt_in": lambda w: [("get", house("person-record-act", "crm.contact", w.people[0].pk, "take-back"))],
    "download_people": lambda w: [
        ("get", house("list-file", w.marketing_list.pk, "csv")),
        ("get", house("list-file", w.marketing_list.pk, "xlsx")),
        ("get", house("list-plan-file", w.marketing_list.pk)),
        ("get", house("activity-problems-file")),
    ],
    "forget_people": lambda w: [("get", house("person-record-act", "crm.contact", w.people[0].pk, "forget"))],
    "connect": lambda w: [
        ("get", house("list-connect", w.unconnected.pk)),
        ("post", house("list-connect-look", w.unconnected.pk)),
        ("post", house("list-new-book", w.unconnected.pk)),
    ],
    "change_connections": lambda w: [
        ("post", house("list-refresh", w.marketing_list.pk)),
        ("get", house("list-move", w.marketing_list.pk)),
        ("get", house("list-allow", w.marketing_list.pk)),
    ],
    "disconnect": lambda w: [("get", house("list-disconnect", w.marketing_list.pk))],
    "sync": lambda w: [("post", house("list-sync", w.marketing_list.pk))],
    "see_campaigns": lambda w: [
        ("get", house("campaigns")),
        ("get", house("campaign", w.email_campaign.pk)),
        ("get", house("marketing-campaign", w.marketing_campaign.pk)),
    ],
    "change_campaigns": lambda w: [("get", house("marketing-campaign-add"))],
    "make_drafts": lambda w: [("get", house("draft-add")), ("post", house("draft-templates"))],
    "use_studio": lambda w: [("get", house("studio"))],
    # There is no such campaign; who may not send does not even hear that.
    "send_campaigns": lambda w: [
        ("get", house("draft-send", w.integration.pk, 1)),
        ("post", house("draft-test", w.integration.pk, 1)),
    ],
    "delete_campaigns": lambda w: [
        ("get", house("marketing-campaign-delete", w.marketing_campaign.pk)),
        ("get", house("campaign-delete", w.email_campaign.pk)),
    ],
    "see_fields": lambda w: [("get", house("fields")), ("get", house("mapping", w.mapping.pk))],
    "change_mappings": lambda w: [
        ("get", house("mapping-row-add", w.mapping.pk)),
        ("get", table("dotbridge_mapping_mapping_add")),
    ],
    "change_data_fields": lambda w: [
        ("get", table("dotbridge_mirror_datafield_delete", w.free_field.pk)),
        ("post", house("activity-change", w.change.pk, "discard")),
    ],
    "see_activity": lambda w: [
        ("get", house("activity")),
        ("get", house("run", w.run.pk)),
        ("get", house("activity-problems")),
        ("get", house("activity-uploads")),
        ("get", house("activity-conflicts")),
        ("get", house("activity-newcomers")),
        ("get", house("activity-changes")),
    ],
    "retry_uploads": lambda w: [("get", house("upload-retry", w.refused.pk))],
    "see_accounts": lambda w: [("get", house("accounts")), ("get", house("account", w.integration.pk))],
    "change_accounts": lambda w: [
        ("get", house("account-add")),
        ("post", house("account-switch", w.integration.pk)),
        ("post", house("account", w.integration.pk)),
    ],
    "delete_accounts": lambda w: [("get", house("account-delete", w.integration.pk))],
    "see_settings": lambda w: [("get", house("site-settings"))],
    "change_settings": lambda w: [("post", house("site-settings"))],
    "see_audit": lambda w: [("get", house("activity-audit")), ("get", house("activity-audit-file"))],
    "see_users": lambda w: [
        ("get", table("auth_user_changelist")),
        ("get", table("auth_group_changelist")),
        ("get", table("axes_accessfailurelog_changelist")),
        ("get", table("axes_accesslog_changelist")),
    ],
    "change_users": lambda w: [("get", table("auth_user_add")), ("get", table("auth_group_add"))],
}


def somebody(role: Role) -> Client:
    make_role_groups()
    person = User.objects.create_user(role.key, password="x", is_staff=True)
    person.groups.add(Group.objects.get(dotbridge_role__role=role.key))
    client = Client(raise_request_exception=True)
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def asked(client: Client, method: str, address: str) -> int:
    """The status of the answer; whatever it did is taken back."""
    with transaction.atomic():
        if method == "get":
            answer: Any = client.get(address)
        else:
            fields = dict(part.split("=") for part in method.partition("?")[2].split("&") if part)
            answer = client.post(address, fields)
        if answer.streaming:
            b"".join(answer)
        transaction.set_rollback(True)
    return int(answer.status_code)


def test_every_action_is_asked_for() -> None:
    assert set(ASKED) == {action.key for action in ACTIONS}
    assert all(role.may <= set(ASKED) for role in ROLES)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.key)
def test_every_cell_of_the_table(world: World, role: Role) -> None:
    client = somebody(role)
    wrong = []
    for action in ACTIONS:
        for method, address in ASKED[action.key](world):
            status = asked(client, method, address)
            assert status < 500, (address, status)
            if (status != 403) != (action.key in role.may):
                wrong.append((action.key, method, address, status))
    assert not wrong


def test_no_cell_is_open_to_somebody_without_any_right(world: World, logged_in: Callable[..., Client]) -> None:
    client = logged_in()
    addresses = [each for action in ACTIONS for each in ASKED[action.key](world)]
    assert {asked(client, method, address) for method, address in addresses} == {403}


def test_the_groups_of_the_table_stand_in_the_docs() -> None:
    """`docs/roles.md` holds the table as it is defined; `tools/roles_table.py` writes it anew."""
    assert roles_table() in DOCS.read_text()


def test_every_permission_of_an_action_exists(db: None) -> None:
    make_role_groups()
    known = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    missing = {name for action in ACTIONS for name in permissions_of(action)} - known
    assert not missing


def test_after_a_migration_the_groups_are_there_once(db: None) -> None:
    RoleGroup.objects.all().delete()
    Group.objects.all().delete()
    for _again in range(2):
        call_command("migrate", verbosity=0, interactive=False)
    assert {*Group.objects.values_list("name", flat=True)} == {str(role.name) for role in ROLES}
    assert Group.objects.get(name="Auditor").permissions.filter(codename="view_marketinglist").exists()


def test_a_hosts_own_group_of_the_same_name_stays_as_it_is(db: None) -> None:
    RoleGroup.objects.all().delete()
    Group.objects.all().delete()
    hosts = Group.objects.create(name="Marketer")
    make_role_groups()
    assert not hosts.permissions.exists()
    assert RoleGroup.objects.get(role="marketer").group.name == "Marketer (Dotbridge)"


def test_what_somebody_changed_in_a_ready_group_stays_changed(db: None) -> None:
    make_role_groups()
    kept = RoleGroup.objects.select_related("group").get(role="manager")
    taken = Permission.objects.get(codename="export_people")
    kept.group.permissions.remove(taken)
    Group.objects.filter(pk=kept.group.pk).update(name="Head of marketing")
    Group.objects.get(dotbridge_role__role="auditor").delete()
    # A permission that a newer version brings is given all the same.
    newer = Permission.objects.get(codename="change_upload")
    kept.group.permissions.remove(newer)
    kept.granted = [name for name in kept.granted if name != "dotbridge_sync.change_upload"]
    kept.save()
    make_role_groups()
    kept.refresh_from_db()
    assert kept.group.name == "Head of marketing"
    assert not kept.group.permissions.filter(pk=taken.pk).exists()
    assert kept.group.permissions.filter(pk=newer.pk).exists()
    assert not Group.objects.filter(name="Auditor").exists()


def test_a_marketer_gets_no_right_over_the_accounts_of_colleagues(db: None) -> None:
    marketer = next(role for role in ROLES if role.key == "marketer")
    assert not {name for name in marketer.permissions if name.startswith("auth.")}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.key)
def test_no_link_of_a_page_leads_where_its_reader_may_not_go(world: World, role: Role) -> None:
    """Seen as a marketer whom Home sent to a refusal, by the button of what needed them most."""
    ListConnection.objects.update(stopped_at=timezone.now(), stopped_rows=3, stopped_of=4)
    client = somebody(role)
    to_read, came_from, refused = [house("home")], {house("home"): ""}, []
    # One page of a sort is enough. Tables and the host's own pages are left out, and so is what ends the walk.
    sorts = {house("home")}
    for address in to_read:
        answer = client.get(address)
        if answer.status_code == 403:
            refused.append(f"{came_from[address]} leads to {address}")
        if answer.streaming:
            b"".join(answer.streaming_content)
            continue
        if "text/html" not in answer.get("Content-Type", "") or answer.status_code != 200:
            continue
        for link in re.findall(r'href="(/[^"#]*)"', texts(answer)):
            sort = re.sub(r"\d+", "0", link.split("?")[0])
            if sort not in sorts and not link.startswith(NOT_WALKED):
                sorts.add(sort)
                came_from[link] = address
                to_read.append(link)
    assert refused == []
    assert len(to_read) > 10


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.key)
def test_a_newcomer_is_led_only_where_they_may_go(db: None, role: Role) -> None:
    """An office in which nothing is yet, and then with each step of the way done."""
    client = somebody(role)
    may_go: dict[str, list[str]] = {}
    for step, does in (
        ("account", lambda: None),
        ("fields", lambda: create_integration(name="Ours", username="api@example.com", password="secret-9")),
        ("list", lambda: Mapping.objects.create(integration=Integration.objects.get(), entity="crm.contact")),
        ("connect", lambda: create_list(name="Readers", entity="crm.contact")),
    ):
        does()
        page = texts(client.get(house("home")))
        links = re.findall(r'<a class="button[^"]*" href="([^"]+)"', page.partition('class="walk"')[2])
        may_go[step] = links
        assert [client.get(link, follow=True).status_code for link in links] == [200] * len(links), (step, links)
    assert all(may_go.values()) == (role.key == "administrator")


def test_no_button_of_home_says_what_its_reader_may_not_do(world: World) -> None:
    """Seen as a marketer whom Home bade to send a refused upload again, which they may not."""
    MarketingList.objects.filter(pk=world.marketing_list.pk).update(rule={"id": "no such"})
    DataField.objects.filter(pk=world.field.pk).update(gone_at=timezone.now())
    ContactRequest.objects.create(
        integration=world.integration, remote_id=1, kind=ContactRequestKind.UNSUBSCRIBE, state=ChangeState.FAILED
    )
    mending = {"See and try again", "Correct the rule", "Correct the fields"}
    said = {
        role.key: {str(need.button) for need in somebody(role).get(house("home")).context["needs"]} & mending
        for role in ROLES
    }
    assert said == {
        "marketer": {"Correct the rule"},
        "manager": mending,
        "administrator": mending,
        "auditor": set(),
    }
