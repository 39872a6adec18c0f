"""The pages of a list: rule, people, connection, and everything that can be undone.

The kind of fault held down here: two numbers with one word. Seen as 14 and 100 refused on two pages of one list, and as
a number that could not be opened; so each number is compared with the people it opens.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from openpyxl import load_workbook
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.counting import standing_of
from dotbridge.backoffice.reads import list_people
from dotbridge.backoffice.reads.list_people import people_page
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.connections.models import Ending, ListConnection, Resubscription
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source, SubjectKind, What
from dotbridge.consent.services import opt_out_records
from dotbridge.crm.models import Contact as Person
from dotbridge.crm.models import ContactEmail
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import ExportItem
from tests.accounts import opted_out
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

ADD = "dotbridge:list-add"
RULE = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Bee 1"}]}


def page_of(marketing_list: MarketingList, page: str = "list") -> str:
    return reverse(f"dotbridge:{page}", args=[marketing_list.pk])


def undo_of(item: RemovedItem) -> str:
    return reverse("dotbridge:list-bring-back", args=[item.marketing_list_id, "removed", item.record_id])


def test_a_list_is_made_and_its_rule_changed(back_office: Client, world: World) -> None:
    typed = {"name": "Bees", "entity": "crm.contact", "type": "dynamic", "rule": json.dumps(RULE)}
    back_office.post(reverse(ADD), typed)
    made = MarketingList.objects.get(name="Bees")
    assert made.rule == RULE
    page = back_office.get(page_of(made, "list-rule"))
    assert "&quot;last_name&quot;" in texts(page)
    back_office.post(page_of(made, "list-rule"), {"rule": "", "seen": page.context["seen"]})
    made.refresh_from_db()
    assert (made.name, made.rule, made.entity) == ("Bees", {}, "crm.contact")


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
    page = texts(
        back_office.post(reverse(ADD), {"name": "Bees", "type": "dynamic", "entity": "crm.contact", "rule": rule})
    )
    assert said in page
    assert '<script>"' not in page
    assert not MarketingList.objects.exists()


BAD_CHARACTERS = ["\\u0000", "\\ud800"]
BAD_NUMBERS = ["NaN", "1e400", "9" * 5000]


@pytest.mark.parametrize(
    "part",
    [
        *(f'"id": "{character}"' for character in BAD_CHARACTERS),
        *(f'"{character}": 1' for character in BAD_CHARACTERS),
        *(f'"id": [{{"x": {number}}}]' for number in BAD_NUMBERS),
        *(f'"value": "a{character}b"' for character in BAD_CHARACTERS),
        *(f'"value": {number}' for number in BAD_NUMBERS),
        *(f'"field": "a{character}b"' for character in BAD_CHARACTERS),
    ],
)
def test_a_rule_that_no_database_can_keep_is_refused_wherever_it_is_written(
    back_office: Client, world: World, part: str
) -> None:
    rule = f'{{"combinator": "and", "rules": [{{"field": "last_name", "operator": "contains", "value": "x", {part}}}]}}'
    tried = f"{reverse('rule_builder:preview')}?entity=crm.contact&list={world.unconnected.pk}"
    assert back_office.post(tried, rule, "application/json").status_code in {200, 400}
    before = world.unconnected.rule
    page = back_office.post(page_of(world.unconnected, "list-rule"), {"rule": rule})
    assert page.status_code == 200
    assert page.context["form"].errors["rule"]
    made = {"name": "New", "entity": "crm.contact", "type": "dynamic", "rule": rule}
    assert back_office.post(reverse("dotbridge:list-add"), made).status_code == 200
    world.unconnected.refresh_from_db()
    assert world.unconnected.rule == before
    assert not MarketingList.objects.filter(name="New").exists()


def test_a_search_for_what_no_name_can_hold_finds_nothing(back_office: Client, world: World) -> None:
    assert back_office.get(reverse("dotbridge:lists"), {"q": "a\0"}).status_code == 200
    assert back_office.get(page_of(world.marketing_list), {"q": "a\0"}).status_code == 200


def test_an_entity_that_is_not_registered_is_refused(back_office: Client, db: None) -> None:
    page = texts(back_office.post(reverse(ADD), {"name": "Users", "type": "dynamic", "entity": "auth.user"}))
    assert "Select a valid choice" in page


def test_a_stored_rule_that_cannot_be_read_any_more_breaks_no_page(back_office: Client, world: World) -> None:
    MarketingList.objects.update(rule={"rules": [{"field": "lost", "operator": "="}]})
    assert "the rule cannot be read" in texts(back_office.get(reverse("dotbridge:home")))
    assert "lost" in texts(back_office.get(page_of(world.marketing_list, "list-bar")))
    assert "lost" in texts(back_office.get(page_of(world.marketing_list)))
    MarketingList.objects.update(entity="gone.model")
    for page in ("list", "list-bar", "list-rule", "list-connection"):
        assert back_office.get(page_of(world.marketing_list, page)).status_code == 200


def test_every_number_opens_the_people_it_counts(world: World) -> None:
    """Two numbers with one word are a bug: what the bar says is what the table shows, for each state and in sum."""
    world.people[2].emails.update(email="not an address")
    Person.objects.create(first_name="No", last_name="Address")
    sharer = Person.objects.create(first_name="Ann's", last_name="Sister")
    ContactEmail.objects.create(contact=sharer, email="ANN.0@example.com", is_primary=True)
    for marketing_list in (world.marketing_list, create_list(name="Free", entity="crm.contact")):
        standing = standing_of(marketing_list)
        assert standing.total == Person.objects.count() == 7
        for state, number in standing.numbers.items():
            shown = people_page(marketing_list, show=state).people
            assert len(shown) == number, state
            assert {person.standing for person in shown} <= {state}
        assert standing.numbers[Standing.SHARED] == 1
        assert standing.numbers[Standing.BAD_ADDRESS] == standing.numbers[Standing.NO_ADDRESS] == 1


def test_people_come_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = create_list(name="Everybody", entity="crm.contact")
    monkeypatch.setattr(list_people, "PAGE", 2)
    seen: list[str] = []
    after = ""
    while True:
        page = people_page(everybody, after=after)
        seen += [person.record_id for person in page.people]
        after = page.after
        if not after:
            break
    assert seen == [str(person.pk) for person in world.people]
    assert len(people_page(everybody, after="nonsense").people) == 2
    assert [person.email for person in people_page(everybody, search="NN.3").people] == ["ann.3@example.com"]
    assert [person.email for person in people_page(everybody, search="bee 4").people] == ["ann.4@example.com"]


def test_the_people_are_carried_away_as_files(back_office: Client, world: World) -> None:
    def rows(form: str, query: str = "") -> list[tuple[str, ...]]:
        address = reverse("dotbridge:list-file", args=[world.marketing_list.pk, form]) + query
        content = b"".join(back_office.get(address))
        if form == "csv":
            return [tuple(row) for row in csv.reader(io.StringIO(content.decode()))]
        sheet = load_workbook(io.BytesIO(content)).active
        return [tuple(row) for row in sheet.values]

    Person.objects.filter(pk=world.people[0].pk).update(first_name="=1+1")
    everybody = rows("csv")
    assert [row[2] for row in everybody[1:]] == [f"ann.{index}@example.com" for index in range(5)]
    assert everybody[1][1].startswith("'=1+1")
    assert rows("xlsx") == everybody
    assert [row[2] for row in rows("csv", "?show=removed")[1:]] == ["ann.3@example.com"]
    assert [row[2] for row in rows("xlsx", "?show=&q=NN.3")[1:]] == ["ann.3@example.com"]
    found = texts(back_office.get(reverse("dotbridge:list", args=[world.marketing_list.pk]), {"q": "ann 3&"}))
    assert "people.csv?show=&amp;q=ann%203%26" in found


def test_people_are_for_those_who_may_see_their_records(logged_in: Callable[..., Client], world: World) -> None:
    """Rights are asked of what is shown, not only of what holds it: the list's own right opens no names."""
    viewer = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_lists.add_removeditem")
    page = texts(viewer.get(page_of(world.marketing_list)))
    assert "but not the records on it" in page
    assert "ann.0@example.com" not in page
    assert "ann.0@example.com" not in texts(viewer.get(page_of(world.marketing_list, "list-plan-numbers")))
    assert viewer.get(page_of(world.marketing_list, "list-plan-file")).status_code == 403
    assert viewer.get(reverse("dotbridge:list-file", args=[world.marketing_list.pk, "csv"])).status_code == 403
    posted = {"verb": "remove", "record": str(world.people[0].pk)}
    assert viewer.post(page_of(world.marketing_list, "list-change-people"), posted).status_code == 403
    may = logged_in("dotbridge_lists.view_marketinglist", "crm.view_contact")
    assert "ann.0@example.com" in texts(may.get(page_of(world.marketing_list)))


@pytest.mark.parametrize("verb", ["remove", "unsubscribe"])
def test_members_are_taken_off_after_a_question(back_office: Client, world: World, verb: str) -> None:
    def taken_off() -> list[tuple[str, str]]:
        if verb == "remove":
            return list(RemovedItem.objects.values_list("record_id", "created_by__username"))
        return list(ConsentEvent.objects.filter(source=Source.PERSON).values_list("record_id", "actor"))

    address = page_of(world.marketing_list, "list-change-people")
    chosen = {"verb": verb, "record": [str(world.people[0].pk), "99999", "a\0b", "x" * 70]}
    before = taken_off()
    asking = texts(back_office.post(address, chosen))
    assert "1 person" in asking
    assert "ann.0@example.com" in asking
    assert "<script>alert(&#x27;" not in asking
    assert taken_off() == before
    done = texts(back_office.post(address, chosen | {"confirmed": "yes"}, follow=True))
    assert "1 person was" in done
    assert set(taken_off()) - set(before) == {(str(world.people[0].pk), "mona")}


@pytest.mark.parametrize(
    "posted", [{}, {"verb": "delete"}, {"verb": "remove"}, {"verb": "remove", "record": ["99999"]}]
)
def test_a_choice_that_makes_no_sense_changes_nothing(
    back_office: Client, world: World, posted: dict[str, str]
) -> None:
    page = texts(back_office.post(page_of(world.marketing_list, "list-change-people"), posted, follow=True))
    assert "Choose" in page
    assert RemovedItem.objects.count() == 1


@pytest.mark.parametrize("verb", ["remove", "unsubscribe"])
def test_taking_off_needs_its_permission(logged_in: Callable[..., Client], world: World, verb: str) -> None:
    client = logged_in("dotbridge_lists.view_marketinglist", "crm.view_contact")
    posted = {"verb": verb, "record": str(world.people[0].pk), "confirmed": "yes"}
    assert client.post(page_of(world.marketing_list, "list-change-people"), posted).status_code == 403
    assert RemovedItem.objects.count() == ConsentEvent.objects.count() == 1


def test_a_removed_record_is_put_back_after_a_question(back_office: Client, world: World) -> None:
    item = RemovedItem.objects.get()
    assert "Put Ann" in texts(back_office.get(undo_of(item)))
    assert RemovedItem.objects.exists()
    back_office.post(undo_of(item), {"confirmed": "yes"})
    assert not RemovedItem.objects.exists()


def opt_in(world: World, client: Client, *, confirmed: bool = False) -> str:
    """What the page says when somebody wants to subscribe the record again that opted out."""
    address = reverse("dotbridge:list-bring-back", args=[world.marketing_list.pk, "opted-out", world.people[4].pk])
    return texts(client.post(address, {"confirmed": "yes"} if confirmed else {}, follow=True))


def test_who_opted_out_is_shown_with_the_reason(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_list) + "?show=opted_out"))
    assert "ann.4@example.com" in page
    assert "Opted out from this list on" in page
    assert "noted by the CRM" in page
    assert "ann.0@example.com" not in page
    free = create_list(name="Free", entity="crm.contact")
    assert "Nobody here" in texts(back_office.get(page_of(free) + "?show=opted_out"))
    assert back_office.get(page_of(free) + "?show=nonsense").status_code == 404


def test_who_opted_out_here_is_subscribed_again_after_a_question(back_office: Client, world: World) -> None:
    assert "must have asked for it themselves" in opt_in(world, back_office)
    assert opted_out(world.marketing_list) == [str(world.people[4].pk)]
    assert "subscribed again" in opt_in(world, back_office, confirmed=True)
    assert opted_out(world.marketing_list) == []
    history = texts(back_office.get(page_of(world.marketing_list, "list-history")))
    assert f"subscribed again. ({world.people[4].pk})" in history
    assert ConsentEvent.objects.latest("id").actor == "mona"


def test_who_stays_opted_out_is_not_said_to_be_subscribed_again(back_office: Client, world: World) -> None:
    """Another record on the list has their address and opted out of it as well."""
    address = ContactEmail.objects.get(contact=world.people[4], is_primary=True).email
    ConsentState.objects.create(
        scope=Scope.LIST, scope_id=world.marketing_list.pk, kind=SubjectKind.SHARED, subject=address,
        is_blocked=True, what=What.OPTED_OUT, source=Source.CRM, since=timezone.now(), event_id=0,
    )  # fmt: skip
    assert "The opt-out stays" in opt_in(world, back_office, confirmed=True)
    assert "subscribed again" not in texts(back_office.get(page_of(world.marketing_list, "list-history")))


def test_of_whom_dotdigital_does_not_mail_it_has_to_be_asked(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    ConsentState.objects.update(scope=Scope.ACCOUNT, scope_id=world.integration.pk, source=Source.FEED)
    assert "Ask Dotdigital to subscribe" in opt_in(world, back_office)
    assert "Dotdigital is asked in a moment" in opt_in(world, back_office, confirmed=True)
    assert opted_out(world.marketing_list)
    assert Resubscription.objects.get().record_id == str(world.people[4].pk)
    assert "asked for this already" in opt_in(world, back_office, confirmed=True)
    may_not = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_lists.opt_in_members", "crm.view_contact")
    assert "cannot be subscribed again from the list" in opt_in(world, may_not, confirmed=True)
    assert Resubscription.objects.count() == 1


def test_who_opted_out_of_everything_is_not_brought_back_by_a_list(back_office: Client, world: World) -> None:
    opt_out_records(entity="crm.contact", record_ids=[world.people[4].pk], source=Source.PERSON)
    assert "cannot be subscribed again from the list" in opt_in(world, back_office, confirmed=True)
    assert opted_out(world.marketing_list)


def test_undoing_needs_its_permission(logged_in: Callable[..., Client], world: World) -> None:
    client = logged_in("dotbridge_lists.view_marketinglist", "crm.view_contact")
    item = RemovedItem.objects.get()
    assert client.post(undo_of(item), {"confirmed": "yes"}).status_code == 403
    assert undo_of(item) not in texts(client.get(page_of(world.marketing_list)))
    opt_in(world, client, confirmed=True)
    assert RemovedItem.objects.exists()
    assert opted_out(world.marketing_list)


def test_a_list_is_connected_in_three_steps(back_office: Client, world: World) -> None:
    free = create_list(name="Free", entity="crm.contact")
    page = texts(back_office.get(page_of(free, "list-connect")))
    assert f'value="{world.free_book.pk}" required>' in page
    assert f"In use by the list {escape(str(world.marketing_list))}" in page
    assert "No address book has that name" in texts(back_office.get(page_of(free, "list-connect") + "?q=nothing"))
    chosen = back_office.get(page_of(free, "list-connect"), {"address_book": world.free_book.pk})
    assert chosen["Location"] == f"{page_of(free, 'list-connect-look')}?book={world.free_book.pk}"
    assert page_of(free, "list-connect-numbers") in texts(back_office.get(chosen["Location"]))
    numbers = back_office.get(page_of(free, "list-connect-numbers"), {"book": world.free_book.pk})
    assert sum(kind["number"] for kind in numbers.context["kinds"]) == 5
    assert ListConnection.objects.count() == 1
    assert not ExportItem.objects.filter(connection__marketing_list=free).exists()
    posted = {"address_book": world.free_book.pk}
    done = texts(back_office.post(page_of(free, "list-connect-look"), posted, follow=True))
    assert "Connected to Book" in done
    assert ListConnection.objects.get(marketing_list=free).address_book == world.free_book
    assert ProcrastinateJob.objects.count() == 1


def test_before_connecting_it_is_said_who_would_not_be_sent_and_why(back_office: Client, world: World) -> None:
    """Seen: "nobody is sent" for a list of three people who could be mailed, as it had said a moment before."""
    numbers = reverse("dotbridge:list-connect-numbers", args=[world.unconnected.pk])
    world.people[0].emails.all().delete()
    ConsentState.objects.filter(scope=Scope.LIST).update(scope=Scope.ACCOUNT, scope_id=world.integration.pk)
    page = re.sub(r"<[^>]*>|\s+", " ", texts(back_office.get(numbers, {"book": world.free_book.pk})))
    left_out = " ".join(page.partition("Of the list these are not sent:")[2].split())
    assert left_out.startswith("Opted out 1 No address 1")


def test_a_book_that_is_not_free_is_refused(back_office: Client, world: World) -> None:
    free = create_list(name="Free", entity="crm.contact")
    AddressBook.objects.filter(pk=world.free_book.pk).update(gone_at=world.run.started_at)
    for book in (world.book.pk, world.free_book.pk, "nonsense", ""):
        page = texts(back_office.post(page_of(free, "list-connect-look"), {"address_book": book}, follow=True))
        assert "not free any more" in page or "Choose an address book" in page
        assert "This address book cannot be chosen any more." in texts(
            back_office.get(page_of(free, "list-connect-numbers"), {"book": book})
        )
    assert ListConnection.objects.count() == 1


def test_a_connected_list_is_not_connected_again(back_office: Client, world: World) -> None:
    response = back_office.get(page_of(world.marketing_list, "list-connect"))
    assert response["Location"] == page_of(world.marketing_list)


def test_disconnecting_asks_and_says_what_happens(back_office: Client, world: World) -> None:
    address = page_of(world.marketing_list, "list-disconnect")
    assert "They stay in the address book" in texts(back_office.get(address))
    assert ListConnection.objects.exists()
    assert "Its contacts stay there" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    assert Ending.objects.get().connection == world.link
    ListConnection.objects.all().delete()
    assert "not connected" in texts(back_office.get(address, follow=True))


@pytest.mark.parametrize("page", ["list-connect-look", "list-disconnect"])
def test_connections_need_their_permissions(logged_in: Callable[..., Client], world: World, page: str) -> None:
    free = create_list(name="Free", entity="crm.contact")
    client = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_lists.change_marketinglist")
    marketing_list = free if page == "list-connect-look" else world.marketing_list
    posted = {"address_book": world.free_book.pk, "confirmed": "yes"}
    assert client.post(page_of(marketing_list, page), posted).status_code == 403
    assert ListConnection.objects.count() == 1
    shown = page.removesuffix("-look")
    assert page_of(marketing_list, shown) not in texts(client.get(page_of(marketing_list)))


def test_sync_now_of_a_list_asks_for_its_integration(back_office: Client, world: World) -> None:
    back_office.post(page_of(world.marketing_list, "list-sync"))
    assert ProcrastinateJob.objects.get().args["integration_id"] == world.integration.pk
    free = create_list(name="Free", entity="crm.contact")
    assert "Connect the list" in texts(back_office.post(page_of(free, "list-sync"), follow=True))


def test_a_connected_list_is_protected_from_deletion(back_office: Client, world: World) -> None:
    posted = {"confirmed": "yes"}
    page = texts(back_office.post(page_of(world.marketing_list, "list-delete"), posted, follow=True))
    assert "Disconnect the list before you delete it" in page
    free = create_list(name="Free", entity="crm.contact")
    assert "Delete Free?" in texts(back_office.get(page_of(free, "list-delete")))
    back_office.post(page_of(free, "list-delete"), posted)
    assert not MarketingList.objects.filter(pk=free.pk).exists()
    assert Person.objects.count() == 5


def test_people_say_how_their_address_stands(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_list)))
    assert "Dotdigital has confirmed them as they are." in page
    assert "Mail to the address bounced for good." in page
    assert "Dotdigital refused the whole file they were in." in page
    assert f'href="{reverse("dotbridge:upload", args=[world.refused.pk])}">See the upload' in page
