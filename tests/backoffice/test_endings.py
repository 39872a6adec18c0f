"""The connection of a list on the screens: a new book, another book, an end with a choice, and a refresh."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice import counting
from dotbridge.backoffice.pages import list_connection
from dotbridge.connections.models import AccountChange, CampaignSend, ChangeKind, Ending, ListConnection, SendState
from dotbridge.connections.services import DISCONNECT_TASK
from dotbridge.lists.counting import request_count
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.models import Upload, UploadState
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

PAGES = {
    "keep-connection": "list-keep",
    "retry-ending": "list-retry-ending",
    "connection-settings": "list-connection",
    "change": "list-connection",
    "standing": "list-bar",
}


def page_of(world: World, page: str = "change", *, connected: bool = True) -> str:
    marketing_list = world.marketing_list if connected else world.unconnected
    return reverse(f"dotbridge:{PAGES.get(page, f'list-{page}')}", args=[marketing_list.pk])


def test_a_book_is_asked_for_and_shown_on_the_lists_page(back_office: Client, world: World) -> None:
    assert page_of(world, "new-book", connected=False) in texts(
        back_office.get(page_of(world, "connect", connected=False))
    )
    address = page_of(world, "new-book", connected=False)
    typed = {"integration": world.integration.pk, "name": "Fresh", "visibility": "Public"}
    back_office.post(address, typed)
    page = texts(back_office.get(page_of(world, connected=False)))
    change = AccountChange.objects.get(kind=ChangeKind.CREATE_ADDRESS_BOOK)
    assert (change.name, change.marketing_list, change.details) == (
        "Fresh",
        world.unconnected,
        {"visibility": "Public"},
    )
    assert "Fresh is made in Dotdigital" in page
    assert "Waiting for the worker" in page
    assert "is being made already" in texts(back_office.post(address, {**typed, "name": "Second"}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 129}, "at most 128 characters"),
        ({"name": "Book 0 <script>alert(&#x27;x&#x27;)</script>"}, ""),
        ({"name": "all contacts"}, "Every account has"),
        ({"visibility": "Secret"}, "Select a valid choice"),
    ],
)
def test_a_book_that_cannot_be_made_is_said_at_the_form(
    back_office: Client, world: World, values: dict[str, str], said: str
) -> None:
    if not said:
        values, said = {"name": world.book.name}, "exists already in this account"
    typed = {"integration": str(world.integration.pk), "name": "Fresh", "visibility": "Private", **values}
    assert said in texts(back_office.post(page_of(world, "new-book", connected=False), typed))
    assert not AccountChange.objects.filter(kind=ChangeKind.CREATE_ADDRESS_BOOK).exists()


def test_disconnecting_shows_numbers_and_removes_by_the_worker(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world, "disconnect")))
    assert page_of(world, "ending-numbers") in page
    assert "They are taken out of the address book" in page
    figures = back_office.get(page_of(world, "ending-numbers"))
    assert "1 is taken out of the address book" in texts(figures)
    numbers = figures.context["numbers"]
    assert (numbers.in_book, numbers.ours, numbers.others) == (1, 1, 0)
    typed = {"confirmed": "yes", "contacts": "remove"}
    page = texts(back_office.post(page_of(world, "disconnect"), typed, follow=True))
    assert Ending.objects.get().connection == world.link
    assert "are being taken out of Book 0" in page
    assert "Is being disconnected from Book 0" in page
    assert "is ending" in texts(back_office.get(page_of(world)))
    assert ProcrastinateJob.objects.filter(args__kind="requests").count() == 1
    page = texts(back_office.post(page_of(world, "keep-connection"), follow=True))
    assert "The connection stays" in page
    assert not Ending.objects.exists()
    assert "not ending" in texts(back_office.post(page_of(world, "keep-connection"), follow=True))


def test_the_numbers_of_an_end_that_take_too_long_are_left_out(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked can be answered without them."""
    Contact.objects.bulk_create(
        Contact(
            integration=world.integration,
            remote_id=number,
            email=f"c{number}@example.com",
            email_key=f"c{number}@example.com",
            status="Subscribed",
            data_fields={},
            updated_at=timezone.now(),
        )
        for number in range(10_000, 15_000)
    )
    Membership.objects.bulk_create(
        Membership(address_book=world.book, contact=contact, listed_at=timezone.now())
        for contact in Contact.objects.filter(remote_id__gte=10_000)
    )
    monkeypatch.setattr(list_connection, "MOST_MILLISECONDS", 1)
    assert "could not be counted in time" in texts(back_office.get(page_of(world, "ending-numbers")))
    assert "They stay in the address book" in texts(back_office.get(page_of(world, "disconnect")))


def test_the_next_book_of_a_large_list_is_told_what_was_kept(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "QUICK_MILLISECONDS", -1)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    counting.count_and_keep(world.marketing_list)
    request_count(list_id=world.marketing_list.pk)
    piece = page_of(world, "ending-numbers") + f"?address_book={world.free_book.pk}"
    page = texts(back_office.get(piece))
    assert "Counted" in page
    assert 'hx-trigger="every 2s"' in page
    assert back_office.get(f"{piece}&waits=yes").status_code == 204
    assert back_office.get(page_of(world, "ending-numbers", connected=False)).status_code == 404


def test_what_was_given_up_is_said_and_tried_again(back_office: Client, world: World) -> None:
    Ending.objects.create(connection=world.link, state="failed", message="Dotdigital did not.")
    page = texts(back_office.get(page_of(world)))
    assert "Given up:" in page
    assert "tried again in a moment" in texts(back_office.post(page_of(world, "retry-ending"), follow=True))
    assert not Ending.objects.get().has_failed


def test_keeping_the_contacts_is_a_request_too(back_office: Client, world: World) -> None:
    Upload.objects.filter(pk=world.upload.pk).update(state=UploadState.SENT)
    assert "when the upload is finished" in texts(back_office.get(page_of(world, "ending-numbers")))
    typed = {"confirmed": "yes", "contacts": "keep"}
    page = texts(back_office.post(page_of(world, "disconnect"), typed, follow=True))
    assert "Its contacts stay there" in page
    assert "Its contacts stay in the address book" in texts(back_office.get(page_of(world)))
    assert not Ending.objects.get().takes_out
    assert ProcrastinateJob.objects.filter(task_name=DISCONNECT_TASK).count() == 1


def test_who_was_taken_out_in_dotdigital_is_put_back(back_office: Client, world: World) -> None:
    assert "Taken out in Dotdigital" not in texts(back_office.get(page_of(world, "standing")))
    item = world.link.items.exclude(upload=None)[0]
    world.link.items.filter(pk=item.pk).update(taken_out_at=timezone.now())
    assert "Taken out in Dotdigital" in texts(back_office.get(page_of(world, "standing")))
    shown = texts(back_office.get(page_of(world, "bar").removesuffix("bar/"), {"show": "taken_out"}))
    assert "Put all of them back" in shown
    assert page_of(world, "put-back") in shown
    assert "Put 1 person back into Book 0" in texts(back_office.get(page_of(world, "put-back")))
    item.refresh_from_db()
    assert item.taken_out_at is not None
    said = texts(back_office.post(page_of(world, "put-back"), {"confirmed": "yes"}, follow=True))
    assert "1 person is sent again with the next export." in said
    item.refresh_from_db()
    assert (item.taken_out_at, item.upload) == (None, None)
    assert "Nobody is taken out" in texts(back_office.get(page_of(world, "put-back"), follow=True))


def test_what_an_opt_out_and_a_removal_there_mean_is_set(back_office: Client, world: World) -> None:
    page = page_of(world, "connection-settings")
    back_office.post(page, {"unsubscribes_book": "on", "always_put_back": "on"}, follow=True)
    link = ListConnection.objects.get()
    assert (link.unsubscribes_book, link.always_put_back, link.create_entities) == (True, True, False)
    back_office.post(page, {"always_put_back": "on"}, follow=True)
    link = ListConnection.objects.get()
    assert (link.unsubscribes_book, link.always_put_back) == (False, True)


def test_a_list_goes_over_to_another_book(back_office: Client, world: World) -> None:
    address = page_of(world, "move")
    assert address in texts(back_office.get(page_of(world, "connection-settings")))
    page = texts(back_office.get(address, {"address_book": world.free_book.pk}))
    assert "instead of Book 0" in page
    piece = page_of(world, "ending-numbers") + f"?address_book={world.free_book.pk}"
    assert piece in page
    shown = re.sub(r"<[^>]+>", " ", texts(back_office.get(piece)))
    assert re.search(r"Sent to Book 1 .* afterwards\s+3\s", shown)
    assert re.search(r"In Book 1 .* now\s+7\s", shown)
    typed = {"address_book": world.free_book.pk, "confirmed": "yes", "contacts": "keep"}
    back_office.post(address, typed, follow=True)
    ending = Ending.objects.get()
    assert (ending.next_book, ending.takes_out) == (world.free_book, False)


def test_a_list_goes_over_to_another_book_when_its_contacts_are_removed(back_office: Client, world: World) -> None:
    typed = {"address_book": world.free_book.pk, "confirmed": "yes", "contacts": "remove"}
    back_office.post(page_of(world, "move"), typed)
    assert Ending.objects.get().next_book == world.free_book
    assert "for Book 1" in texts(back_office.get(page_of(world)))


def test_a_book_that_is_not_free_is_not_gone_over_to(back_office: Client, world: World) -> None:
    for book in (world.book.pk, "nonsense", ""):
        page = texts(back_office.post(page_of(world, "move"), {"address_book": book, "confirmed": "yes"}))
        assert "not free any more" in page or "Choose an address book" in page
    for book in (world.book.pk, "nonsense", "9" * 30):
        assert "Another address book" in texts(back_office.get(page_of(world, "move"), {"address_book": book}))
    assert ListConnection.objects.get().address_book == world.book


def test_all_values_are_compared_on_request(back_office: Client, world: World) -> None:
    ListConnection.objects.update(compared_as="as before")
    assert page_of(world, "refresh") in texts(back_office.get(page_of(world, "connection-settings")))
    page = texts(back_office.post(page_of(world, "refresh"), follow=True))
    assert "compares the values of everybody" in page
    assert ListConnection.objects.get().compared_as != "as before"
    assert back_office.get(page_of(world, "refresh")).status_code == 405


def test_lists_without_a_connection_say_so(back_office: Client, world: World) -> None:
    for page in ("move", "disconnect"):
        assert "not connected" in texts(back_office.get(page_of(world, page, connected=False), follow=True))
    for page in ("keep-connection", "retry-ending", "refresh"):
        posted = texts(back_office.post(page_of(world, page, connected=False), follow=True))
        assert "not connected" in posted or "Connect the list" in posted


def test_connections_are_for_those_who_may_change_them(logged_in: Callable[..., Client], world: World) -> None:
    viewer = logged_in(
        "dotbridge_lists.view_marketinglist",
        "dotbridge_lists.change_marketinglist",
        "dotbridge_connections.add_listconnection",
    )
    for page in ("disconnect", "move", "refresh", "keep-connection", "retry-ending"):
        assert viewer.post(page_of(world, page), {"confirmed": "yes"}).status_code == 403
        assert f'"{page_of(world, page)}"' not in texts(viewer.get(page_of(world)))
    assert viewer.get(page_of(world, "new-book", connected=False)).status_code == 403
    connect = texts(viewer.get(page_of(world, "connect", connected=False)))
    assert page_of(world, "new-book", connected=False) not in connect
    assert ListConnection.objects.get().address_book == world.book


def test_disconnecting_says_which_campaigns_are_on_their_way_to_the_book(back_office: Client, world: World) -> None:
    CampaignSend.objects.all().delete()
    common = {"integration": world.integration, "book_ids": [1], "connection_ids": [world.link.pk]}
    CampaignSend.objects.create(remote_id=901, name="Winter", state=SendState.ACCEPTED, **common)
    CampaignSend.objects.create(remote_id=902, name="Autumn", **common)
    CampaignSend.objects.create(remote_id=903, name="Summer", state=SendState.SENT, **common)
    page = texts(back_office.get(page_of(world, "disconnect")))
    assert "“Winter” is on its way: Dotdigital sends it to this address book all the same." in page
    assert "“Autumn” waits to be sent to this address book. It is not sent." in page
    assert "Summer" not in page
