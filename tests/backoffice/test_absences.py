"""What Dotdigital does not list any more is asked about on Home, and the answer reaches the next reading.

The kind: something waits for a person and nobody could say it. Seen with address books; the second place are data
fields, which an ordinary import does not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.reads.absences import missing_words
from dotbridge.backoffice.reads.needs import Need
from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.sync.models import Absence, Listing
from dotbridge.sync.selectors import missing_of_listings
from tests.accounts import RemoteAccount, connect, sync
from tests.backoffice.conftest import texts
from tests.backoffice.world import HOSTILE, World, empty_queue

YES = {"confirmed": "yes"}


def address(integration: Integration, listing: Listing) -> str:
    return reverse("dotbridge:account-missing", args=[integration.pk, listing.value])


def asked(client: Client) -> list[Need]:
    needs: list[Need] = client.get(reverse("dotbridge:home")).context["needs"]
    return [need for need in needs if "not listed any more" in need.title]


def vanish(integration: Integration, listing: Listing, keys: Any) -> None:
    """As the reading notes it that misses them."""
    Absence.objects.bulk_create(
        Absence(integration=integration, listing=listing, object_id=key, first_missed_at=timezone.now()) for key in keys
    )


def test_missing_books_are_asked_about_and_believed_when_a_person_says_so(
    back_office: Client, integration: Integration, remote: RemoteAccount
) -> None:
    numbers = [remote.create_book(f"Book {number}") for number in range(10, 20)]
    link = connect(integration, book="Book 10")
    for number in numbers[:6]:
        remote.ask("DELETE", f"/v2/address-books/{number}")
    sync(integration, kind=RunKind.IMPORT)
    (need,) = asked(back_office)
    assert need.title == "Test account: 6 of 10 address books were not listed any more. Is that right?"
    (missing,) = missing_of_listings(most_names=1)
    with override("de"):
        assert missing_words(missing) == "Adressbücher (6 von 10)"
    with override("fr"):
        assert missing_words(missing) == "6 sur 10 carnets d\u2019adresses"
    assert need.text.startswith("Book 10, Book 11, Book 12 and 3 more.")
    page = texts(back_office.get(need.url))
    assert f"lists connected to them: {link.marketing_list}." in page
    assert "If you go back, nothing changes: the next readings decide." in page
    assert not AddressBook.objects.exclude(gone_at=None).exists()

    empty_queue()
    done = back_office.post(need.url, YES, follow=True)
    assert "6 of the address books are believed gone" in texts(done)
    assert [job.args["kind"] for job in ProcrastinateJob.objects.filter(status="todo")] == [RunKind.IMPORT]
    assert LogEntry.objects.get().object_id == str(integration.pk)
    assert asked(back_office) == []
    assert "Nothing waits for your answer" in texts(back_office.post(need.url, YES, follow=True))
    sync(integration, kind=RunKind.IMPORT)
    assert set(AddressBook.objects.exclude(gone_at=None).values_list("remote_id", flat=True)) == set(numbers[:6])


def test_an_answer_to_a_question_about_fewer_believes_nothing_gone(back_office: Client, world: World) -> None:
    vanish(world.integration, Listing.ADDRESS_BOOKS, [world.book.pk])
    url = address(world.integration, Listing.ADDRESS_BOOKS)
    told = dict(back_office.get(url).context["hidden"])
    more = AddressBook.objects.create(integration=world.integration, remote_id=10**6, name="Another")
    vanish(world.integration, Listing.ADDRESS_BOOKS, [more.pk])
    page = texts(back_office.post(url, {**YES, **told}))
    assert "more of them by now" in page
    assert not Absence.objects.exclude(believed_at=None).exists()


def test_confirmed_data_fields_are_read_at_once(
    back_office: Client, integration: Integration, remote: RemoteAccount
) -> None:
    for number in range(6):
        remote.create_field(f"OLD{number}", "String")
    sync(integration, kind=RunKind.IMPORT)
    for number in range(6):
        remote.ask("DELETE", f"/v2/data-fields/OLD{number}")
    sync(integration, kind=RunKind.DATA_FIELDS)
    (need,) = asked(back_office)
    assert "data fields" in need.title
    empty_queue()
    back_office.post(need.url, YES)
    (job,) = ProcrastinateJob.objects.filter(status="todo")
    sync(integration, kind=RunKind(job.args["kind"]))
    assert DataField.objects.exclude(gone_at=None).count() == 6


def test_each_account_and_listing_is_asked_about_once_in_few_statements(
    back_office: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    books = AddressBook.objects.filter(integration=world.integration)
    vanish(world.integration, Listing.ADDRESS_BOOKS, books.values_list("pk", flat=True))
    vanish(world.integration, Listing.DATA_FIELDS, [world.field.pk])
    vanish(world.integration, Listing.CAMPAIGNS, [10**9])
    needs = asked(back_office)
    assert len(needs) == 2
    page = texts(back_office.get(reverse("dotbridge:home")))
    assert HOSTILE not in page
    for need in needs:
        assert HOSTILE not in texts(back_office.get(need.url))
    assert "FIRSTNAME" in texts(back_office.get(address(world.integration, Listing.DATA_FIELDS)))
    with django_assert_max_num_queries(30):
        back_office.get(reverse("dotbridge:home"))
    Integration.objects.update(is_active=False)
    assert asked(back_office) == []


def test_it_is_answered_by_who_may_change_the_account(logged_in: Callable[..., Client], world: World) -> None:
    vanish(world.integration, Listing.ADDRESS_BOOKS, [world.book.pk])
    url = address(world.integration, Listing.ADDRESS_BOOKS)
    viewer = logged_in("dotbridge_integrations.view_integration")
    (need,) = asked(viewer)
    assert need.url == ""
    assert viewer.get(url).status_code == 403
    assert viewer.post(url, YES).status_code == 403
    assert asked(logged_in("dotbridge_lists.view_marketinglist")) == []
    assert not Absence.objects.exclude(believed_at=None).exists()
    may = logged_in("dotbridge_integrations.view_integration", "dotbridge_integrations.change_integration")
    assert may.get(reverse("dotbridge:account-missing", args=[world.integration.pk, "nothing"])).status_code == 404
    assert may.post(url, YES).status_code == 302
    assert Absence.objects.exclude(believed_at=None).exists()
