"""The screens of a marketing list: rules, members, connections, and everything that can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice import list_reads
from dotbridge.backoffice.list_reads import member_page, member_totals
from dotbridge.connections.models import ListConnection, Resubscription
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source
from dotbridge.consent.services import opt_out_records
from dotbridge.crm.models import Contact as Person
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import Upload, UploadState
from tests.accounts import opted_out
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

ADD = "admin:dotbridge_lists_marketinglist_add"
RULE = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Bee 1"}]}


def page_of(marketing_list: MarketingList, page: str = "change") -> str:
    return reverse(f"admin:dotbridge_lists_marketinglist_{page}", args=[marketing_list.pk])


def undo_of(item: RemovedItem) -> str:
    return reverse("admin:dotbridge_lists_removeditem_undo", args=[item.pk])


def test_a_list_is_made_and_changed(back_office: Client, world: World) -> None:
    typed = {"name": "Bees", "description": "", "entity": "crm.contact", "rule": json.dumps(RULE)}
    back_office.post(reverse(ADD), typed)
    made = MarketingList.objects.get(name="Bees")
    assert made.rule == RULE
    assert "&quot;last_name&quot;" in texts(back_office.get(page_of(made)))
    back_office.post(page_of(made), {"name": "All", "description": "everybody", "rule": ""})
    made.refresh_from_db()
    assert (made.name, made.description, made.rule, made.entity) == ("All", "everybody", {}, "crm.contact")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{", "This is not JSON"),
        ("[1]", "A rule is an object in braces"),
        ('{"rules": [{"field": "nonsense", "operator": "="}]}', "There is no field “nonsense”"),
        ('{"rules": [{"field": "last_name", "operator": "<script>"}]}', "cannot be asked"),
        ('{"combinator": "xor", "rules": []}', "all (“and”) or any (“or”)"),
    ],
)
def test_a_rule_that_cannot_be_read_is_explained(back_office: Client, db: None, rule: str, said: str) -> None:
    page = texts(back_office.post(reverse(ADD), {"name": "Bees", "entity": "crm.contact", "rule": rule}))
    assert said in page
    assert '<script>"' not in page
    assert not MarketingList.objects.exists()


def test_an_entity_that_is_not_registered_is_refused(back_office: Client, db: None) -> None:
    page = texts(back_office.post(reverse(ADD), {"name": "Users", "entity": "auth.user", "rule": "{}"}))
    assert "Select a valid choice" in page


def test_a_stored_rule_that_cannot_be_read_any_more_breaks_no_page(back_office: Client, world: World) -> None:
    MarketingList.objects.update(rule={"rules": [{"field": "lost", "operator": "="}]})
    assert "Rule needs mending" in texts(back_office.get(reverse("admin:dotbridge_lists_marketinglist_changelist")))
    assert "Mend it below" in texts(back_office.get(page_of(world.marketing_list, "standing")))
    assert "cannot be read any more" in texts(back_office.get(page_of(world.marketing_list, "members")))
    MarketingList.objects.update(entity="gone.model")
    assert back_office.get(page_of(world.marketing_list)).status_code == 200
    assert "Mend it below" in texts(back_office.get(page_of(world.marketing_list, "standing")))


def test_the_standing_of_a_connected_list_adds_up(back_office: Client, world: World) -> None:
    response = back_office.get(page_of(world.marketing_list, "standing"))
    standing, members = response.context["standing"], response.context["members"]
    parts = standing.confirmed + standing.waiting + response.context["rejected_total"]
    others = members.duplicates + members.without_email + members.removed + members.unsubscribed
    assert parts + others == members.matching == 5
    assert (standing.confirmed, members.removed, members.unsubscribed) == (1, 1, 1)


def test_the_standing_of_a_free_list_adds_up(back_office: Client, world: World) -> None:
    free = create_list(name="Free", entity="crm.contact")
    page = texts(back_office.get(page_of(free, "standing")))
    assert "Not connected" in page
    assert "Can be mailed" in page


def test_totals_of_all_lists_are_counted_at_once(world: World, django_assert_num_queries: Any) -> None:
    other = create_list(name="One", entity="crm.contact", rule=RULE)
    broken = create_list(name="Broken", entity="crm.contact")
    broken.rule = {"rules": [{"field": "lost"}]}
    with django_assert_num_queries(1):
        totals = member_totals([world.marketing_list, other, broken])
    assert totals == {world.marketing_list.pk: 3, other.pk: 1}


def test_members_come_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = create_list(name="Everybody", entity="crm.contact")
    monkeypatch.setattr(list_reads, "PAGE", 2)
    seen: list[str] = []
    after = ""
    while True:
        page = member_page(everybody, after=after)
        seen += [row["record_id"] for row in page.rows]
        after = page.after
        if not after:
            break
    assert seen == [str(person.pk) for person in world.people]
    assert len(member_page(everybody, after="nonsense").rows) == 2
    assert [row["email"] for row in member_page(everybody, beginning="ANN.3").rows] == ["ann.3@example.com"]


@pytest.mark.parametrize("verb", ["remove", "unsubscribe"])
def test_members_are_taken_off_after_a_question(back_office: Client, world: World, verb: str) -> None:
    def taken_off() -> list[tuple[str, str]]:
        if verb == "remove":
            return list(RemovedItem.objects.values_list("record_id", "created_by__username"))
        return list(ConsentEvent.objects.filter(source=Source.PERSON).values_list("record_id", "actor"))

    address = page_of(world.marketing_list, "change-members")
    chosen = {"verb": verb, "record": [str(world.people[0].pk), "99999", "a\0b", "x" * 70]}
    before = taken_off()
    asking = texts(back_office.post(address, chosen))
    assert "1 member from the list?" in asking
    assert "ann.0@example.com" in asking
    assert "<script>alert(&#x27;" not in asking
    assert taken_off() == before
    done = texts(back_office.post(address, chosen | {"confirmed": "yes"}, follow=True))
    assert "1 member was" in done
    assert set(taken_off()) - set(before) == {(str(world.people[0].pk), "mona")}


@pytest.mark.parametrize(
    "posted", [{}, {"verb": "delete"}, {"verb": "remove"}, {"verb": "remove", "record": ["99999"]}]
)
def test_a_choice_that_makes_no_sense_changes_nothing(
    back_office: Client, world: World, posted: dict[str, str]
) -> None:
    page = texts(back_office.post(page_of(world.marketing_list, "change-members"), posted, follow=True))
    assert "Choose" in page
    assert RemovedItem.objects.count() == 1


@pytest.mark.parametrize("verb", ["remove", "unsubscribe"])
def test_taking_off_needs_its_permission(logged_in: Callable[..., Client], world: World, verb: str) -> None:
    client = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_lists.change_marketinglist")
    posted = {"verb": verb, "record": str(world.people[0].pk), "confirmed": "yes"}
    assert client.post(page_of(world.marketing_list, "change-members"), posted).status_code == 403
    assert RemovedItem.objects.count() == ConsentEvent.objects.count() == 1


def test_a_removed_record_is_put_back_after_a_question(back_office: Client, world: World) -> None:
    item = RemovedItem.objects.get()
    assert "Put Ann" in texts(back_office.get(undo_of(item)))
    assert RemovedItem.objects.exists()
    back_office.post(undo_of(item), {"confirmed": "yes"})
    assert not RemovedItem.objects.exists()


def opt_in(world: World, client: Client, *, confirmed: bool = False) -> str:
    """What the page says when somebody wants to subscribe the record again that opted out."""
    posted = {"record": str(world.people[4].pk)} | ({"confirmed": "yes"} if confirmed else {})
    return texts(client.post(page_of(world.marketing_list, "opt-in"), posted, follow=True))


def test_who_opted_out_is_shown_with_the_reason(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_list, "opted-out")))
    assert "ann.4@example.com" in page
    assert "Opted out from this list on" in page
    assert "noted by the CRM" in page
    assert "ann.0@example.com" not in page
    free = create_list(name="Free", entity="crm.contact")
    assert "Nobody has opted out" in texts(back_office.get(page_of(free, "opted-out")))


def test_who_opted_out_here_is_subscribed_again_after_a_question(back_office: Client, world: World) -> None:
    assert "must have asked for it themselves" in opt_in(world, back_office)
    assert opted_out(world.marketing_list) == [str(world.people[4].pk)]
    assert "subscribed again" in opt_in(world, back_office, confirmed=True)
    assert opted_out(world.marketing_list) == []
    history = texts(back_office.get(page_of(world.marketing_list, "history")))
    assert f"subscribed again. ({world.people[4].pk})" in history
    assert ConsentEvent.objects.latest("id").actor == "mona"


def test_of_whom_dotdigital_does_not_mail_it_has_to_be_asked(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    ConsentState.objects.update(scope=Scope.ACCOUNT, scope_id=world.integration.pk, source=Source.FEED)
    assert "Ask Dotdigital to subscribe" in opt_in(world, back_office)
    asked = opt_in(world, back_office, confirmed=True)
    assert "Dotdigital is asked as soon as the worker is free" in asked
    assert "Waiting" in asked
    assert opted_out(world.marketing_list)
    assert Resubscription.objects.get().record_id == str(world.people[4].pk)
    assert "asked for this already" in opt_in(world, back_office, confirmed=True)
    may_not = logged_in(
        "dotbridge_lists.view_marketinglist", "dotbridge_lists.opt_in_members", "dotbridge_consent.view_consentstate"
    )
    assert "cannot be subscribed again from here" in opt_in(world, may_not, confirmed=True)
    assert Resubscription.objects.count() == 1


def test_who_opted_out_of_everything_is_not_brought_back_by_a_list(back_office: Client, world: World) -> None:
    opt_out_records(entity="crm.contact", record_ids=[world.people[4].pk], source=Source.PERSON)
    assert "cannot be subscribed again from here" in opt_in(world, back_office, confirmed=True)
    assert opted_out(world.marketing_list)


def test_undoing_needs_its_permission(logged_in: Callable[..., Client], world: World) -> None:
    client = logged_in("dotbridge_lists.view_removeditem", "dotbridge_lists.view_marketinglist")
    item = RemovedItem.objects.get()
    assert client.post(undo_of(item), {"confirmed": "yes"}).status_code == 403
    assert undo_of(item) not in texts(client.get(reverse("admin:dotbridge_lists_removeditem_changelist")))
    assert client.get(page_of(world.marketing_list, "opted-out")).status_code == 403
    opt_in(world, client, confirmed=True)
    assert RemovedItem.objects.exists()
    assert opted_out(world.marketing_list)


def test_a_list_is_connected_to_a_free_book_and_run_at_once(back_office: Client, world: World) -> None:
    free = create_list(name="Free", entity="crm.contact")
    page = texts(back_office.get(page_of(free, "connect")))
    assert f'value="{world.free_book.pk}"' in page
    assert f'value="{world.book.pk}"' not in page
    assert "No free address book" in texts(back_office.get(page_of(free, "connect") + "?q=nothing"))
    done = texts(back_office.post(page_of(free, "connect"), {"address_book": world.free_book.pk}, follow=True))
    assert "Connected to Book" in done
    assert ListConnection.objects.get(marketing_list=free).address_book == world.free_book
    assert ProcrastinateJob.objects.count() == 1


def test_a_book_that_is_not_free_is_refused(back_office: Client, world: World) -> None:
    free = create_list(name="Free", entity="crm.contact")
    AddressBook.objects.filter(pk=world.free_book.pk).update(gone_at=world.run.started_at)
    for book in (world.book.pk, world.free_book.pk, "nonsense", ""):
        page = texts(back_office.post(page_of(free, "connect"), {"address_book": book}))
        assert "not free any more" in page or "Choose an address book" in page
    assert ListConnection.objects.count() == 1


def test_a_connected_list_is_not_connected_again(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_list, "connect"), follow=True))
    assert "connected already" in page


def test_disconnecting_asks_and_says_what_happens(back_office: Client, world: World) -> None:
    address = page_of(world.marketing_list, "disconnect")
    assert "They stay in the address book" in texts(back_office.get(address))
    assert ListConnection.objects.exists()
    assert "Disconnected from" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    assert not ListConnection.objects.exists()
    assert "not connected" in texts(back_office.get(address, follow=True))


def test_a_list_whose_upload_is_on_its_way_stays_connected(back_office: Client, world: World) -> None:
    Upload.objects.filter(pk=world.upload.pk).update(state=UploadState.SENT)
    page = texts(back_office.post(page_of(world.marketing_list, "disconnect"), {"confirmed": "yes"}, follow=True))
    assert "on its way" in page
    assert ListConnection.objects.exists()


@pytest.mark.parametrize("page", ["connect", "disconnect"])
def test_connections_need_their_permissions(logged_in: Callable[..., Client], world: World, page: str) -> None:
    free = create_list(name="Free", entity="crm.contact")
    client = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_lists.change_marketinglist")
    marketing_list = free if page == "connect" else world.marketing_list
    posted = {"address_book": world.free_book.pk, "confirmed": "yes"}
    assert client.post(page_of(marketing_list, page), posted).status_code == 403
    assert ListConnection.objects.count() == 1
    assert page_of(marketing_list, page) not in texts(client.get(page_of(marketing_list)))


def test_sync_now_of_a_list_asks_for_its_integration(back_office: Client, world: World) -> None:
    back_office.post(page_of(world.marketing_list, "sync"))
    assert ProcrastinateJob.objects.get().args["integration_id"] == world.integration.pk
    free = create_list(name="Free", entity="crm.contact")
    assert "Connect the list" in texts(back_office.post(page_of(free, "sync"), follow=True))


def test_a_connected_list_is_protected_from_deletion(back_office: Client, world: World) -> None:
    page = texts(back_office.post(page_of(world.marketing_list, "delete"), {"post": "yes"}))
    assert "protected" in page
    assert MarketingList.objects.exists()
    free = create_list(name="Free", entity="crm.contact")
    back_office.post(page_of(free, "delete"), {"post": "yes"})
    assert not MarketingList.objects.filter(pk=free.pk).exists()
    assert Person.objects.count() == 5


def test_items_of_one_list_keep_its_tabs(back_office: Client, world: World) -> None:
    address = reverse("admin:dotbridge_lists_removeditem_changelist")
    page = texts(back_office.get(f"{address}?marketing_list__id__exact={world.marketing_list.pk}"))
    assert page_of(world.marketing_list, "members") in page
    assert "db-tabs" not in texts(back_office.get(address))
    assert back_office.get(f"{address}?marketing_list__id__exact=nonsense", follow=True).status_code == 200


def test_members_say_how_their_address_stands(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_list, "members")))
    assert "Confirmed by Dotdigital" in page
    assert "Rejected: Mail to the address bounced for good." in page
    assert "Refused with its whole upload" in page
    free = create_list(name="Free", entity="crm.contact")
    assert "In Dotdigital" not in texts(back_office.get(page_of(free, "members")))
