"""People's data takes the right to view the records wherever it is shown, and a field the right to its sources.

The kind: a right that is asked of the container (a list, a run, a mapping), and not of what it shows. Seen with the
right to view lists alone, which opened members and dry run; its other places: names of records in the tables of
results and of what was taken off, values of conflicts, addresses in problems, fields offered to a mapping, a rule that
is saved without the builder, and the recipients of a campaign.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from dotbridge.backoffice.reads.list_columns import columns_for
from dotbridge.backoffice.roles import models_of_people, permission_on
from dotbridge.backoffice.screens.base import Screen
from dotbridge.backoffice.site import table_site
from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState
from dotbridge.crm.models import Account
from dotbridge.lists.columns import columns_of
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.services import update_list
from dotbridge.mapping.models import MappingRow
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import Rejection, ValueConflict
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

LISTS = "dotbridge_lists.view_marketinglist"
PEOPLE = "crm.view_contact"
CONTACTS = "dotbridge_mirror.view_contact"
SECRET = "Quince Holding"


def url(name: str, *args: Any) -> str:
    return reverse(f"dotbridge:{name}", args=args)


@pytest.fixture
def account(world: World) -> Account:
    """An account that everybody of the world works for, mapped to a data field: its name is the secret."""
    made = Account.objects.create(name=SECRET)
    for person in world.people:
        person.account = made
        person.save()
    MappingRow.objects.create(
        mapping=world.mapping, entity_fields=["account__name"], data_field=DataField.objects.get(name="LASTNAME")
    )
    return made


def names_of_people(world: World) -> list[str]:
    return [*(f"ann.{index}@example.com" for index in range(5)), *(person.last_name for person in world.people)]


ALL_OF_THE_SYNC = [
    f"dotbridge_sync.view_{model}"
    for model in ("syncrun", "rejection", "upload", "valueconflict", "newcomer", "removal")
]
OF_CAMPAIGNS = [
    f"dotbridge_campaigns.view_{model}"
    for model in ("emailcampaign", "emailcampaignstatistics", "marketingactivity", "marketingcampaign")
]
SHOWN = [
    ("list", "marketing_list"),
    ("list-rule", "marketing_list"),
    ("list-history", "marketing_list"),
    ("list-plan-numbers", "marketing_list"),
    ("list-connection", "marketing_list"),
    ("mapping", "mapping"),
    ("upload", "upload"),
    ("upload", "refused"),
    ("run", "run"),
    ("campaign", "email_campaign"),
    ("marketing-campaign", "marketing_campaign"),
    ("activity-conflicts", ""),
    ("activity-newcomers", ""),
    ("activity-changes", ""),
    ("activity-problems", ""),
    ("activity", ""),
    ("home", ""),
]


def test_no_page_shows_a_person_to_somebody_who_may_see_none(world: World, logged_in: Callable[..., Client]) -> None:
    """Every right but those on people's records and on Dotdigital's contacts."""
    Rejection.objects.update(subject="ann.0@example.com")
    viewer = logged_in(
        LISTS,
        "dotbridge_lists.view_removeditem",
        "dotbridge_lists.export_people",
        "dotbridge_lists.add_removeditem",
        "dotbridge_mapping.view_mapping",
        "dotbridge_integrations.view_integration",
        "dotbridge_connections.view_accountchange",
        *ALL_OF_THE_SYNC,
        *OF_CAMPAIGNS,
    )
    for name, thing in SHOWN:
        page = viewer.get(url(name, *([getattr(world, thing).pk] if thing else [])))
        assert page.status_code == 200, name
        for told in names_of_people(world):
            assert told not in texts(page), (name, told)
    reason = f"{url('activity-problem')}?reason={world.rejection.reason}"
    assert "ann.0" not in texts(viewer.get(reason))
    assert "an address that you may not see" in texts(viewer.get(reason))
    guess = texts(viewer.get(f"{reason}&q=nobody-has-this"))
    assert "an address that you may not see" in guess, "no address is found out by looking for parts of it"
    for table in ("sync_rejection", "sync_valueconflict", "sync_newcomer"):
        assert viewer.get(reverse(f"dotbridge_tables:dotbridge_{table}_changelist")).status_code == 403
    for table in ("lists_removeditem", "campaigns_emailcampaignstatistics", "campaigns_marketingactivity"):
        page = viewer.get(reverse(f"dotbridge_tables:dotbridge_{table}_changelist"))
        assert page.status_code == 200
        assert not [told for told in names_of_people(world) if told in texts(page)], table


def test_what_holds_nothing_but_people_is_refused(world: World, logged_in: Callable[..., Client]) -> None:
    viewer = logged_in(LISTS, "dotbridge_lists.export_people", "dotbridge_mapping.view_mapping", *OF_CAMPAIGNS)
    record = f"entity=crm.contact&record={world.people[0].pk}"
    preview = reverse("dotbridge_tables:dotbridge_mapping_mapping_preview", args=[world.mapping.pk])
    for address in (
        url("list-file", world.marketing_list.pk, "csv"),
        url("list-file", world.marketing_list.pk, "xlsx"),
        url("list-plan-file", world.marketing_list.pk),
        url("campaign-people", world.email_campaign.pk),
        url("person-record", "crm.contact", world.people[0].pk),
        url("person-contact", world.contact.pk),
        preview,
        f"{reverse('dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record')}?{record}",
        f"{reverse('dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record-piece')}?{record}",
        f"{reverse('rule_builder:catalogue')}?entity=crm.contact",
        f"{reverse('rule_builder:values')}?entity=crm.contact&field=last_name&text=B",
    ):
        assert viewer.get(address).status_code == 403, address
    assert (
        viewer.post(f"{reverse('rule_builder:preview')}?entity=crm.contact", "{}", "application/json").status_code
        == 403
    )


def test_files_take_a_right_of_their_own(world: World, logged_in: Callable[..., Client]) -> None:
    may_see = logged_in(LISTS, PEOPLE, CONTACTS, "dotbridge_sync.view_rejection")
    page = texts(may_see.get(url("list", world.marketing_list.pk)))
    assert "ann.0@example.com" in page
    files = [
        url("list-file", world.marketing_list.pk, "csv"),
        url("list-plan-file", world.marketing_list.pk),
        url("activity-problems-file"),
    ]
    assert not [address for address in files if may_see.get(address).status_code != 403]
    assert files[0] not in page
    may_download = logged_in(LISTS, PEOPLE, CONTACTS, "dotbridge_sync.view_rejection", "dotbridge_lists.export_people")
    assert files[0] in texts(may_download.get(url("list", world.marketing_list.pk)))
    for address in files:
        answer = may_download.get(address)
        assert answer.status_code == 200
        b"".join(answer.streaming_content)


def test_values_of_fields_that_may_not_be_seen_are_left_out(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    """The account's name, mapped to LASTNAME: on the pages of person and mapping, in previews and dry runs."""
    rights = [LISTS, PEOPLE, CONTACTS, "dotbridge_mapping.view_mapping", "dotbridge_lists.export_people"]
    world.contact.data_fields = {"FIRSTNAME": "Ann", "LASTNAME": f"{SECRET} of old"}
    world.contact.save()
    pages = [
        url("person-record", "crm.contact", world.people[0].pk),
        url("mapping", world.mapping.pk),
        reverse("dotbridge_tables:dotbridge_mapping_mapping_preview", args=[world.mapping.pk]),
        url("list-plan-numbers", world.marketing_list.pk),
        url("list-plan-file", world.marketing_list.pk),
    ]
    without, with_it = logged_in(*rights), logged_in(*rights, "crm.view_account")
    for address in pages:
        for client, is_shown in ((without, False), (with_it, True)):
            answer: Any = client.get(address)
            said = b"".join(answer).decode()
            assert answer.status_code == 200
            assert (SECRET in said) is is_shown, (address, is_shown)


def test_fields_that_may_not_be_seen_are_not_offered(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    rights = [LISTS, PEOPLE, "dotbridge_lists.change_marketinglist", "dotbridge_mapping.view_mapping"]
    rights += [f"dotbridge_mapping.{verb}_{model}" for verb in ("add", "change") for model in ("mapping", "mappingrow")]
    without, with_it = logged_in(*rights), logged_in(*rights, "crm.view_account")
    stored = world.mapping.rows.get(entity_fields=["account__name"])
    for address, is_there in (
        (f"{reverse('rule_builder:catalogue')}?entity=crm.contact", False),
        (url("mapping-row-add", world.mapping.pk), False),
        # A line that names it already can be saved without losing it.
        (url("mapping-row", world.mapping.pk, stored.pk), True),
        (reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[world.mapping.pk]), True),
    ):
        assert ("account__name" in texts(without.get(address))) is is_there, address
        assert "account__city" not in texts(without.get(address)), address
        assert "account__name" in texts(with_it.get(address)), address


def test_nobody_saves_a_rule_about_what_they_may_not_see(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    """Who is on the list would answer the question that the builder refuses."""
    client = logged_in(LISTS, PEOPLE, "dotbridge_lists.change_marketinglist", "dotbridge_lists.add_marketinglist")
    asking = '{"rules": [{"field": "account__name", "operator": "beginsWith", "value": "Q"}]}'
    address = url("list-rule", world.unconnected.pk)
    refused = client.post(address, {"name": "Guess", "rule": asking})
    assert refused.status_code == 200
    assert "You may not see" in texts(refused)
    made = client.post(url("list-add"), {"name": "Guess", "entity": "crm.contact", "rule": asking})
    assert made.status_code == 200
    world.unconnected.refresh_from_db()
    assert world.unconnected.rule == {}


def test_no_page_says_what_a_rule_asks_to_somebody_who_may_not_see_the_field(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    rule = {"combinator": "and", "rules": [{"field": "account__name", "operator": "=", "value": SECRET}]}
    update_list(marketing_list=world.marketing_list, rule=rule)
    tables = "dotbridge_tables:dotbridge_lists_marketinglist"
    addresses = [
        url("lists"),
        *(url(name, world.marketing_list.pk) for name in ("list", "list-rule", "list-history", "list-connection")),
        reverse(f"{tables}_changelist"),
        reverse(f"{tables}_change", args=[world.marketing_list.pk]),
        reverse(f"{tables}_history", args=[world.marketing_list.pk]),
        url("home"),
        url("activity-audit"),
    ]
    rights = (LISTS, "dotbridge_audit.view_auditentry", "dotbridge_lists.change_marketinglist")
    for viewer, is_shown in (
        (logged_in(*rights), False),
        (logged_in(*rights, PEOPLE), False),
        (logged_in(*rights, PEOPLE, "crm.view_account"), True),
    ):
        said = {address: texts(viewer.get(address, follow=True)) for address in addresses}
        assert not [address for address, text in said.items() if SECRET in text and not is_shown]
        assert (SECRET in said[url("lists")]) is is_shown
        posted = viewer.post(url("list-rule", world.marketing_list.pk), {"rule": ""}).status_code
        assert posted == (302 if is_shown else 403), "nobody throws away what they may not see"


def test_what_a_page_leaves_out_is_not_found_out_by_filtering_for_it(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    """Django's tables can be filtered by any column, by whoever types its name into the address."""
    update_list(
        marketing_list=world.marketing_list,
        rule={"combinator": "and", "rules": [{"field": "account__name", "operator": "=", "value": SECRET}]},
    )
    client = logged_in(LISTS, "dotbridge_integrations.view_integration")
    for table, asked in (
        ("dotbridge_lists_marketinglist", f"rule__icontains={SECRET[:3]}"),
        ("dotbridge_integrations_integration", "password_sealed__startswith=g"),
    ):
        address = reverse(f"dotbridge_tables:{table}_changelist")
        assert client.get(address).status_code == 200
        assert client.get(f"{address}?{asked}").status_code == 400


def test_a_rule_that_cannot_be_read_is_told_without_what_it_compares_with(
    world: World, logged_in: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    rule = {"combinator": "and", "rules": [{"field": "status", "operator": "=", "value": SECRET}]}
    MarketingList.objects.filter(pk=world.marketing_list.pk).update(entity="crm.lead", rule=rule)
    client = logged_in(LISTS)
    shown = [url("home"), url("lists"), *(url(name, world.marketing_list.pk) for name in ("list", "list-plan-numbers"))]
    said = {address: texts(client.get(address, follow=True)) for address in shown}
    assert "what was chosen is none of New" in said[url("home")]
    assert [address for address, text in said.items() if SECRET in text] == []
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", list(ChangeKind))
def test_what_was_asked_of_an_account_is_shown_and_tried_again_whatever_it_is(
    world: World, back_office: Client, logged_in: Callable[..., Client], kind: ChangeKind
) -> None:
    change = AccountChange.objects.create(
        integration=world.integration, kind=kind, name="Fresh", state=ChangeState.FAILED, message="No."
    )
    table = "dotbridge_tables:dotbridge_connections_accountchange"
    page = reverse(f"{table}_change", args=[change.pk])
    assert "Try again" in texts(back_office.get(page))
    reader = logged_in("dotbridge_connections.view_accountchange")
    assert "Try again" not in texts(reader.get(page))
    assert reader.post(reverse(f"{table}_retry", args=[change.pk])).status_code == 403
    assert back_office.post(reverse(f"{table}_discard", args=[change.pk])).status_code == 302
    assert not AccountChange.objects.filter(pk=change.pk, state=ChangeState.FAILED).exists()


def test_nobody_makes_a_list_of_records_that_they_may_not_see(world: World, logged_in: Callable[..., Client]) -> None:
    client = logged_in(LISTS, "dotbridge_lists.add_marketinglist", PEOPLE)
    page = client.get(url("list-add"))
    assert "crm.contact" in texts(page)
    assert "crm.lead" not in texts(page)
    assert client.post(url("list-add"), {"name": "Leads", "entity": "crm.lead", "rule": ""}).status_code == 200


def test_columns_leave_out_what_may_not_be_seen(world: World, account: Account) -> None:
    world.unconnected.columns = [{"field": "first_name"}, {"field": "account__name"}]
    person = User.objects.create_user("someone", password="x")
    assert [each.field.path for each in columns_of(world.unconnected)] == ["first_name", "account__name"]
    assert columns_for(world.unconnected, person) == []


def test_both_values_of_a_conflict_take_both_rights(world: World, logged_in: Callable[..., Client]) -> None:
    ValueConflict.objects.update(record_value="Told here", dotdigital_value="Told there")
    base = ["dotbridge_sync.view_valueconflict"]
    for rights, is_shown in (([], False), ([PEOPLE], False), ([CONTACTS], False), ([PEOPLE, CONTACTS], True)):
        page = texts(logged_in(*base, *rights).get(url("activity-conflicts")))
        assert ("Told here" in page, "Told there" in page) == (is_shown, is_shown), rights


def test_a_problem_names_no_value_to_somebody_who_may_not_see_its_field(
    world: World, account: Account, logged_in: Callable[..., Client]
) -> None:
    """Dotdigital may have refused a row for a value, and any field can be mapped."""
    Rejection.objects.update(subject="ann.0@example.com", detail=f"LASTNAME ({SECRET})", ended_at=None)
    rights = ("dotbridge_sync.view_rejection", "dotbridge_lists.export_people", PEOPLE, CONTACTS)
    everything = tuple(permission_on(model, "view") for model in models_of_people())
    addresses = (f"{url('activity-problem')}?reason={world.rejection.reason}", url("activity-problems-file"))
    for viewer, is_shown in ((logged_in(*rights), False), (logged_in(*rights, *everything), True)):
        for address in addresses:
            answer = viewer.get(address)
            said = b"".join(answer).decode()
            assert "ann.0@example.com" in said
            assert (SECRET in said) is is_shown, address


def test_nobody_is_put_back_by_somebody_who_may_not_see_them(world: World, logged_in: Callable[..., Client]) -> None:
    item = RemovedItem.objects.first()
    assert item is not None
    undo = reverse("dotbridge_tables:dotbridge_lists_removeditem_undo", args=[item.pk])
    rights = ("dotbridge_lists.view_removeditem", "dotbridge_lists.delete_removeditem")
    assert logged_in(*rights).post(undo, {"confirmed": "yes"}).status_code == 403
    assert RemovedItem.objects.filter(pk=item.pk).exists()
    assert logged_in(*rights, PEOPLE).post(undo, {"confirmed": "yes"}).status_code == 302


def test_a_page_of_a_record_is_for_those_who_may_see_the_record(world: World, logged_in: Callable[..., Client]) -> None:
    """Whoever may not see a record opens no further page of it either, whatever else they may do."""
    everything = {".".join(each) for each in Permission.objects.values_list("content_type__app_label", "codename")}
    refused = []
    for model, screen in table_site._registry.items():
        record = model._default_manager.first()
        pages = screen.pages() if isinstance(screen, Screen) and record is not None else {}
        if not pages:
            continue
        app, name = model._meta.app_label, model._meta.model_name
        client = logged_in(*(everything - {f"{app}.view_{name}", f"{app}.change_{name}"}))
        for page in pages:
            assert client.get(screen.page_url(record, page)).status_code == 403, (name, page)
            refused.append(page)
    assert len(refused) > 5
