"""Two people who change one thing at once: the later one is told and shown both, and nothing changes until they insist.

The list and its rule are tested with the lists; here is whatever else two people can have open at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse

from dotbridge.campaigns.services import create_marketing_campaign
from dotbridge.encryption import seal, unseal
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import DataField
from dotbridge.preferences.models import SiteSetting
from dotbridge.scheduled_files.models import ScheduledFile
from dotbridge.scheduled_files.services import save_scheduled_file
from dotbridge.studio.models import SignOn
from dotdigital_sandbox import Sandbox
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(db: None) -> Client:
    """Somebody else, who is quicker."""
    client = Client()
    client.force_login(User.objects.create_superuser("nora", password="x"))
    return client


def open_form(client: Client, address: str, name: str = "seen") -> str:
    """What the form says that its reader saw."""
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.context[name])


def told(answer: Any, name: str = "clash", *, by: str = "nora saved it") -> list[tuple[str, str, str]]:
    """What the later one reads, and who was quicker."""
    assert answer.status_code == 409
    assert by in texts(answer)
    return [(str(line["label"]), line["theirs"], line["mine"]) for line in answer.context[name]]


def row_of(world: World) -> str:
    return reverse("dotbridge:mapping-row", args=[world.mapping.pk, world.mapping.rows.get().pk])


def line(field: DataField, first: str, **more: str) -> dict[str, str]:
    return {"data_field": str(field.pk), "first": first, "empty_values": "keep", "confirmed": "yes", **more}


def test_a_marketing_campaign(back_office: Client, other: Client, world: World) -> None:
    campaign = world.marketing_campaign
    address = reverse("dotbridge:marketing-campaign", args=[campaign.pk])
    kept = {"name": "Spring", "code": campaign.code, "report_period": "day", "description": "", "owner": ""}
    seen = open_form(back_office, address)
    assert other.post(address, {**kept, "budget": "500", "seen": open_form(other, address)}).status_code == 302
    mine = {**kept, "name": "Summer", "seen": seen}
    answer = back_office.post(address, mine)
    assert ("Budget", "500.00", "empty") in told(answer)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.budget) == ("Spring", 500)
    insisting = {**mine, "seen": answer.context["seen"]}
    assert back_office.post(address, insisting).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.budget) == ("Summer", None)
    assert back_office.post(address, insisting).status_code == 302, "the second click of two changes nothing"


def test_a_line_of_a_mapping(back_office: Client, other: Client, world: World) -> None:
    address = row_of(world)
    seen = open_form(back_office, address)
    quick = line(world.field, "last_name", empty_values="clear", seen=open_form(other, address))
    assert other.post(address, quick).status_code == 302
    mine = line(world.field, "job_title", seen=seen)
    # Already when it is only counted.
    assert back_office.post(address, {**mine, "confirmed": ""}).status_code == 409
    answer = back_office.post(address, mine)
    assert told(answer) == [
        ("Our field", "Last name", "Job title"),
        ("When ours is empty", "Clear it in Dotdigital", "Keep Dotdigital's value"),
    ]
    assert world.mapping.rows.get().entity_fields == ["last_name"]
    again = {**mine, "seen": answer.context["seen"]}
    assert back_office.post(address, again).status_code == 302
    assert world.mapping.rows.get().entity_fields == ["job_title"]


def test_a_line_of_a_mapping_that_is_gone(back_office: Client, other: Client, world: World) -> None:
    address = row_of(world)
    mine = line(world.field, "job_title", seen=open_form(back_office, address))
    other.post(address + "delete/", {"confirmed": "yes"})
    answer = back_office.post(address, mine)
    assert ("Our field", "not mapped any more", "Job title") in told(answer)
    assert not world.mapping.rows.exists()
    assert back_office.get(address).status_code == 404
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    assert world.mapping.rows.get().entity_fields == ["job_title"]


def test_a_data_field_that_two_people_map(back_office: Client, other: Client, world: World) -> None:
    address = reverse("dotbridge:mapping-row-add", args=[world.mapping.pk])
    free = DataField.objects.get(integration=world.integration, name="LASTNAME")
    mine = line(free, "job_title", seen=open_form(back_office, address))
    other.post(address, line(free, "last_name", seen=open_form(other, address)))
    answer = back_office.post(address, mine)
    assert told(answer) == [("Our field", "Last name", "Job title")]
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    assert world.mapping.rows.get(data_field=free).entity_fields == ["job_title"]
    # Another line that comes to be meanwhile is no clash.
    row = reverse("dotbridge:mapping-row", args=[world.mapping.pk, world.mapping.rows.get(data_field=free).pk])
    seen = open_form(back_office, row)
    set_mapping_row(mapping=world.mapping, data_field=world.field, entity_fields=["full_name"])
    assert back_office.post(row, line(free, "last_name", seen=seen)).status_code == 302


def test_a_line_that_was_changed_is_not_deleted_unseen(back_office: Client, other: Client, world: World) -> None:
    address = row_of(world) + "delete/"
    (hidden,) = back_office.get(address).context["hidden"]
    set_mapping_row(mapping=world.mapping, data_field=world.field, entity_fields=["last_name"])
    page = back_office.post(address, {"confirmed": "yes", "seen": hidden[1]})
    assert "Somebody else has changed this line meanwhile." in texts(page)
    assert "Filled from: Last name." in texts(page)
    assert world.mapping.rows.exists()
    assert back_office.post(address, {"confirmed": "yes", "seen": page.context["hidden"][0][1]}).status_code == 302
    assert not world.mapping.rows.exists()


def test_a_file_that_is_read_on_a_schedule(back_office: Client, other: Client) -> None:
    shop = save_scheduled_file(
        scheduled_file=ScheduledFile(name="Shop", entity="crm.contact", url="sftp://files.example.com/a", username="m"),
        secret="first",
    )
    ScheduledFile.objects.update(host_key="ssh-rsa first")
    address = reverse("dotbridge:scheduled-file-change", args=[shop.pk])
    kept = {"name": "Shop", "entity": "crm.contact", "url": shop.url, "username": "m", "every_minutes": "60"}
    kept |= {"holds": "changes", "most_leaving_percent": "10", "is_active": "on", "must_come_hours": "48"}
    seen = open_form(back_office, address)
    quick = {**kept, "encoding": "cp1252", "secret": "second", "seen": open_form(other, address)}
    assert other.post(address, quick).status_code == 302
    mine = {**kept, "every_minutes": "30", "secret": "third", "seen": seen}
    answer = back_office.post(address, mine)
    assert told(answer) == [
        ("Every so many minutes", "60", "30"),
        ("Encoding", "cp1252", "as found"),
        ("Password", "as they saved it", "type it again"),
    ]
    shop.refresh_from_db()
    assert (shop.every_minutes, shop.choices, unseal(shop.sealed_secret)) == (60, {"encoding": "cp1252"}, "second")
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    shop.refresh_from_db()
    assert (shop.every_minutes, shop.choices, unseal(shop.sealed_secret)) == (30, {}, "third")
    assert shop.host_key == "ssh-rsa first"
    assert back_office.post(address, {**mine, "forget_host_key": "on", "seen": ""}).status_code == 302
    shop.refresh_from_db()
    assert shop.host_key == ""


def test_the_settings_of_a_connection(back_office: Client, other: Client, world: World) -> None:
    address = reverse("dotbridge:list-connection", args=[world.marketing_list.pk])
    seen = open_form(back_office, address)
    other.post(address, {"always_put_back": "on", "seen": open_form(other, address)})
    answer = back_office.post(address, {"unsubscribes_book": "on", "seen": seen})
    assert [(theirs, mine) for _label, theirs, mine in told(answer)] == [("no", "yes"), ("yes", "no")]
    world.link.refresh_from_db()
    assert (world.link.unsubscribes_book, world.link.always_put_back) == (False, True)
    back_office.post(address, {"unsubscribes_book": "on", "seen": answer.context["seen"]})
    world.link.refresh_from_db()
    assert (world.link.unsubscribes_book, world.link.always_put_back) == (True, False)


def settings_of(client: Client, address: str, **changed: str) -> dict[str, str]:
    """The form of an account as it is shown, with some values changed."""
    form = client.get(address).context["settings_form"]
    shown = {name: form[name].value() for name in form.fields}
    filled = {name: str(value) for name, value in shown.items() if value not in (None, False, "")}
    seen = open_form(client, address, "settings_seen")
    return {"form": "settings", "seen": seen, **filled, **changed}


def test_the_settings_of_an_account(back_office: Client, other: Client, world: World) -> None:
    address = reverse("dotbridge:account", args=[world.integration.pk])
    mine = settings_of(back_office, address, name="Mine", data_fields_hours="2 days")
    other.post(address, settings_of(other, address, name="Theirs"))
    answer = back_office.post(address, mine)
    lines = told(answer, "settings_clash")
    assert ("Name", "Theirs", "Mine") in [(label.capitalize(), *sides) for label, *sides in lines]
    assert [sides[1] for _label, *sides in lines] == ["Mine", "2 days"]
    assert Integration.objects.get().name == "Theirs"
    assert back_office.post(address, {**mine, "seen": answer.context["settings_seen"]}).status_code == 302
    assert (Integration.objects.get().name, Integration.objects.get().data_fields_hours) == ("Mine", 48)


def test_an_account_on_its_table_page(back_office: Client, other: Client, world: World) -> None:
    """Every setting is one form there."""
    account = Integration.objects.get()
    address = reverse("dotbridge_tables:dotbridge_integrations_integration_change", args=[account.pk])

    def drawn(client: Client) -> Any:
        return client.get(address).context["adminform"].form

    form = drawn(back_office)
    filled = {name: "" if value is None else value for name, value in form.initial.items()}
    typed = {name: value for name, value in filled.items() if name in form.fields and value is not False}
    mine = {**typed, "breaker_rows": "77", "password": "", "seen": form.seen}
    theirs = {**typed, "breaker_percent": "33", "password": "", "seen": drawn(other).seen}
    assert other.post(address, theirs).status_code == 302
    answer = back_office.post(address, mine)
    assert answer.status_code == 200
    said = str(answer.context["errors"])
    assert "Somebody else changed this while you were writing" in said
    assert "they saved 33, you wrote 20" in said
    account.refresh_from_db()
    assert (account.breaker_rows, account.breaker_percent) == (1000, 33)
    insisting = {**mine, "seen": answer.context["adminform"].form.seen}
    assert back_office.post(address, insisting).status_code == 302
    account.refresh_from_db()
    assert (account.breaker_rows, account.breaker_percent) == (77, 20)
    assert back_office.post(address, insisting).status_code == 302, "the second click of two changes nothing"


@pytest.mark.django_db(transaction=True)
def test_credentials_that_somebody_changed_are_not_overwritten_unseen(
    back_office: Client, integration: Integration, sandbox: Sandbox
) -> None:
    other = Client()
    other.force_login(User.objects.create_superuser("nora", password="x"))
    address = reverse("dotbridge:account", args=[integration.pk])
    given = {"username": sandbox.user, "password": sandbox.password, "base_url": sandbox.url, "form": "credentials"}
    seen = open_form(back_office, address, "credentials_seen")
    theirs = {**given, "seen": open_form(other, address, "credentials_seen")}
    assert other.post(address, theirs).status_code == 302
    # The same password once more is no other one.
    assert back_office.post(address, {**given, "seen": seen}).status_code == 302
    Integration.objects.update(password_sealed=seal("another one"))
    sealed = Integration.objects.get().password_sealed
    answer = back_office.post(address, {**given, "seen": seen})
    lines = told(answer, "credentials_clash", by="Your changes are not saved yet.")
    assert lines == [("Password", "as they saved it", "type it again")]
    assert f'value="{sandbox.password}"' not in texts(answer)
    assert Integration.objects.get().password_sealed == sealed
    # Its settings are another form, which nobody has touched.
    assert back_office.post(address, settings_of(back_office, address, name="Store")).status_code == 302
    assert Integration.objects.get().password_sealed == sealed


def test_a_single_sign_on(back_office: Client, other: Client, world: World) -> None:
    address = reverse("dotbridge:account-sign-on", args=[world.integration.pk])
    seen = open_form(back_office, address)
    other.post(address, {"client_id": "theirs", "seen": open_form(other, address)})
    answer = back_office.post(address, {"client_id": "mine", "seen": seen})
    assert told(answer, by="Your changes are not saved yet.") == [("Client ID", "theirs", "mine")]
    assert SignOn.objects.get().client_id == "theirs"
    back_office.post(address, {"client_id": "mine", "seen": answer.context["seen"]})
    assert SignOn.objects.get().client_id == "mine"


def test_a_secret_of_a_single_sign_on_is_not_dropped_unseen(back_office: Client, other: Client, world: World) -> None:
    """Nothing but the secret differs, of which neither page may show anything."""
    address = reverse("dotbridge:account-sign-on", args=[world.integration.pk])
    kept = {"client_id": SignOn.objects.get().client_id}
    mine = {**kept, "secret": "my-own-secret", "seen": open_form(back_office, address)}
    quick = {**mine, "secret": "their-own-secret", "seen": open_form(other, address)}
    assert other.post(address, quick).status_code == 302
    answer = back_office.post(address, mine)
    by = "Your changes are not saved yet."
    assert told(answer, by=by) == [("Client secret", "as they saved it", "type it again")]
    assert unseal(SignOn.objects.get().secret_sealed) == "their-own-secret"
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    assert unseal(SignOn.objects.get().secret_sealed) == "my-own-secret"
    assert back_office.post(address, mine).status_code == 302, "the second click of two changes nothing"


def test_who_goes_back_from_a_question_is_told_what_changed_meanwhile(
    back_office: Client, other: Client, world: World
) -> None:
    address = reverse("dotbridge:list-settings", args=[world.unconnected.pk])
    kept = {"name": world.unconnected.name, "type": "dynamic", "owner": ""}
    mine = {**kept, "description": "mine", "seen": open_form(back_office, address)}
    asked = back_office.post(address, {**mine, "type": "manual"})
    assert "Make it a list of another type" in texts(asked)
    other.post(address, {**kept, "description": "theirs", "seen": open_form(other, address)})
    seen = open_form(back_office, asked.context["back_url"])
    answer = back_office.post(address, {**mine, "seen": seen})
    assert told(answer) == [("Description", "theirs", "mine")]
    assert MarketingList.objects.get(pk=world.unconnected.pk).description == "theirs"
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    assert MarketingList.objects.get(pk=world.unconnected.pk).description == "mine"


def test_who_was_brought_back_already_is_told_as_such(back_office: Client, other: Client, world: World) -> None:
    """Both have the page with the link before them; the later one is not told that there is no such page."""
    for what, person in (("removed", world.people[3]), ("opted-out", world.people[4])):
        address = reverse("dotbridge:list-bring-back", args=[world.marketing_list.pk, what, person.pk])
        assert back_office.get(address).status_code == 200
        assert other.post(address, {"confirmed": "yes"}).status_code == 302
        for answer in (
            back_office.post(address, {"confirmed": "yes"}, follow=True),
            back_office.get(address, follow=True),
        ):
            assert "This cannot be done with the person as they stand now." in texts(answer), what


def test_the_settings_of_the_site(back_office: Client, other: Client) -> None:
    address = reverse("dotbridge:site-settings")
    seen = open_form(back_office, address)
    used = {"reads_campaigns": "on", "reads_activities": "on"}
    assert other.post(address, {**used, "keep_runs_days": "30", "seen": open_form(other, address)}).status_code == 302
    mine = {"reads_activities": "on", "keep_runs_days": "40"}
    answer = back_office.post(address, {**mine, "seen": seen})
    sides = [(theirs, wanted) for _label, theirs, wanted in told(answer)]
    assert ("30", "40") in sides
    assert ("yes", "no") in sides
    assert dict(SiteSetting.objects.values_list("name", "value"))["keep_runs_days"] == "30"
    assert back_office.post(address, {**mine, "seen": answer.context["seen"]}).status_code == 302
    assert dict(SiteSetting.objects.values_list("name", "value"))["keep_runs_days"] == "40"


@pytest.mark.django_db(transaction=True)
def test_a_name_that_two_people_give_at_the_same_moment(back_office: Client) -> None:
    """The form has found the name free, and the database has not: the kind is all forms with a name of their own."""

    def be_quicker(instance: MarketingList, **_: object) -> None:
        pre_save.disconnect(be_quicker, sender=MarketingList)

        def create() -> None:
            create_list(name=instance.name, entity="crm.contact", description="the quicker one")
            connections.close_all()

        quicker = Thread(target=create)
        quicker.start()
        quicker.join()

    pre_save.connect(be_quicker, sender=MarketingList)
    answer = back_office.post(
        reverse("dotbridge:list-add"), {"name": "Readers", "type": "dynamic", "entity": "crm.contact", "rule": "{}"}
    )
    assert answer.status_code == 200
    assert "Another list has this name already." in texts(answer)
    assert MarketingList.objects.get().description == "the quicker one"


@contextmanager
def quicker(words: str, act: Callable[[], object]) -> Iterator[None]:
    """Somebody else is done with it right before the first statement with these words."""
    done: list[Thread] = []

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if words in sql and not done:
            done.append(Thread(target=lambda: (act(), connections.close_all())))
            done[0].start()
            done[0].join()
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield
    assert done, f"no statement says {words}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["list-settings", "list-rule", "list-columns"])
def test_a_list_that_somebody_deletes_meanwhile_is_not_here(back_office: Client, name: str) -> None:
    made = create_list(name="Readers", entity="crm.contact")
    sent = {"name": "Writers", "type": "dynamic", "rule": "{}", "column-field": "first_name", "column-label": "Called"}
    address = reverse(f"dotbridge:{name}", args=[made.pk])
    with quicker("FOR UPDATE", lambda: MarketingList.objects.filter(pk=made.pk).delete()):
        answer = back_office.post(address, {**sent, "column-sort": ""})
    assert answer.status_code == 404
    assert not MarketingList.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_name_that_somebody_takes_while_a_list_is_renamed(back_office: Client) -> None:
    made = create_list(name="Readers", entity="crm.contact")
    address = reverse("dotbridge:list-settings", args=[made.pk])
    sent = {"name": "Writers", "type": "dynamic", "description": "mine"}
    with quicker("FOR UPDATE", lambda: create_list(name="Writers", entity="crm.contact")):
        answer = back_office.post(address, sent)
    assert answer.status_code == 200
    assert str(answer.context["form"].errors["name"][0]).endswith("already exists.")
    assert answer.context["form"]["description"].value() == "mine"


def test_what_is_typed_and_refused_stands_in_its_form_alone(back_office: Client, world: World) -> None:
    """A page that shows a thing and its form: what is not saved is not shown as if it were."""
    campaign = create_marketing_campaign(name="Summer", code="summer")
    answer = back_office.post(
        reverse("dotbridge:marketing-campaign", args=[campaign.pk]),
        {
            "name": "Autumn",
            "code": "autumn",
            "report_period": "day",
            "start_date": "2026-05-02",
            "end_date": "2026-05-01",
        },
    )
    assert answer.status_code == 200
    assert 'id="tracking">?pk_campaign=summer<' in texts(answer)
    file = save_scheduled_file(
        scheduled_file=ScheduledFile(name="Shop", entity="crm.contact", url="sftp://files.example.com/a", username="m")
    )
    answer = back_office.post(reverse("dotbridge:scheduled-file-change", args=[file.pk]), {"name": "Market"})
    assert answer.status_code == 200
    assert [str(crumb.title) for crumb in answer.context["crumbs"]][-1] == "Shop"
