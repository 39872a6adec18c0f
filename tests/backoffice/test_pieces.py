"""Pages whose pieces come once they stand, for who has no JavaScript: the piece is in the page that is asked for so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse, set_script_prefix

from dotbridge.mirror.models import Membership
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

WAY = "Show the numbers"


def pages(world: World) -> dict[str, tuple[str, str]]:
    """A page that waits for a piece, and what only the piece says."""

    def page(name: str, *args: object, query: str = "") -> str:
        return reverse(f"dotbridge:{name}", args=args) + query

    connected, free = world.marketing_list.pk, world.unconnected.pk
    draft = (world.draft.integration_id, world.draft.remote_id)
    return {
        "home": (page("home"), "People on connected lists"),
        "lists": (page("lists"), 'class="legend"'),
        "list": (page("list", connected), "5 people match the rule"),
        "connecting": (page("list-connect-look", free, query=f"?book={world.free_book.pk}"), "What it takes:"),
        "next export": (page("list-plan", connected), "Where everybody stands"),
        "disconnecting": (page("list-disconnect", connected), "There without this list"),
        "sending": (page("draft-send", *draft, query=f"?lists={world.link.pk}&when=now"), "may be mailed"),
    }


def test_a_books_contacts_are_counted_once_the_page_stands(back_office: Client, world: World) -> None:
    assert Membership.objects.filter(address_book=world.link.address_book).update(status="Unsubscribed") == 1
    address = reverse("dotbridge:list-connection", args=[world.marketing_list.pk])
    said = "(0 of them are mailed, the others opted out or bounced)"
    waiting = texts(back_office.get(address))
    assert said not in waiting
    assert WAY in waiting
    assert said in texts(back_office.get(f"{address}?now=yes"))


@pytest.mark.parametrize("name", ["home", "lists", "list", "connecting", "next export", "disconnecting", "sending"])
def test_a_page_leads_to_itself_with_its_pieces_in_it(back_office: Client, world: World, name: str) -> None:
    address, said = pages(world)[name]
    waiting = texts(back_office.get(address))
    assert said not in waiting
    assert WAY in waiting
    mark = "&" if "?" in address else "?"
    whole = texts(back_office.get(f"{address}{mark}now=yes"))
    assert said in whole
    assert WAY not in whole


def test_what_a_script_asks_a_part_of_has_no_pieces_in_it(back_office: Client, world: World) -> None:
    address, said = pages(world)["list"]
    assert said not in texts(back_office.get(address, {"now": "yes"}, headers={"HX-Request": "true"}))


def test_a_piece_is_found_under_a_prefix_of_the_server(back_office: Client, world: World) -> None:
    set_script_prefix("/office/")
    try:
        answer = back_office.get(f"/lists/{world.marketing_list.pk}/?now=yes", SCRIPT_NAME="/office")
        assert "5 people match the rule" in texts(answer)
    finally:
        set_script_prefix("/")


def test_a_piece_shows_no_more_than_the_person_may_see(logged_in: Callable[..., Client], world: World) -> None:
    viewer = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_connections.view_listconnection")
    address = reverse("dotbridge:list-plan", args=[world.marketing_list.pk])
    whole = texts(viewer.get(address, {"now": "yes"}))
    assert "Where everybody stands" in whole
    assert "@example.com" not in whole
