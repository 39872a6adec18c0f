"""What the pages say: what needs somebody, how a mail went, why a person did not get it, what a change will do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.reads.campaigns import Did, counts_of_people, people_of
from dotbridge.backoffice.reads.home import home_lists
from dotbridge.campaigns.services import create_email_campaign
from dotbridge.connections.models import (
    AccountChange,
    CampaignSend,
    ChangeState,
    ListConnection,
    RunKind,
    SendState,
)
from dotbridge.connections.services import switch_account
from dotbridge.consent.models import ConsentState, Scope, Source, SubjectKind
from dotbridge.consent.services import opt_out_addresses
from dotbridge.crm.models import Contact as Person
from dotbridge.crm.models import ContactEmail
from dotbridge.encryption import unseal
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import MappingRow
from dotbridge.mirror.models import Activity, Contact, DataField
from dotbridge.one_reading import asked_once, known_by_key, one_reading, read_anew
from dotbridge.sync.models import ExportItem, PastAddress, Rejection, State, SyncRun, Upload, UploadState
from dotbridge.sync.rejections import note_rejections
from dotbridge.sync.services import disconnect_list
from dotdigital_sandbox import Sandbox
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue


def url(name: str, *args: object) -> str:
    return reverse(f"dotbridge:{name}", args=args)


def work_goes_on() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")


def test_a_newcomer_is_walked_through(back_office: Client) -> None:
    page = texts(back_office.get(url("home")))
    assert "Four steps to your first mail" in page
    assert url("account-add") in page
    create_list(name="Everybody", entity="crm.contact")
    assert "Done:" in texts(back_office.get(url("home")))


def test_what_needs_somebody_stands_first_with_its_cause_and_a_button(back_office: Client, world: World) -> None:
    AccountChange.objects.update(state=ChangeState.FAILED, message="The name is taken.")
    SyncRun.objects.update(state=State.FAILED, message="The password was refused.")
    DataField.objects.filter(pk=world.field.pk).update(gone_at=timezone.now())
    response = back_office.get(url("home"))
    page = texts(response)
    needs = {need.title: need for need in response.context["needs"]}
    assert {need.tone for need in needs.values()} == {"bad", "wait"}
    for said in (
        "No worker is running",
        "the last run failed",
        "The password was refused.",
        "an upload was refused",
        "The name is taken.",
        "it may have been sent or not",
        "a field is not sent any more",
    ):
        assert said in page
    assert f"{len(needs)} things need you" in page
    assert f'{len(needs)}<span class="hidden-visually"> need you' in page
    for need in needs.values():
        assert back_office.get(need.url).status_code == 200, need.title


def test_nothing_needs_anybody_where_all_is_well(back_office: Client, world: World) -> None:
    work_goes_on()
    Upload.objects.filter(state=UploadState.REFUSED).update(state=UploadState.FINISHED)
    AccountChange.objects.update(state=ChangeState.DONE)
    CampaignSend.objects.update(state=SendState.SENT)
    page = texts(back_office.get(url("home")))
    assert "Everything is in step" in page
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=3))
    assert "nothing was sent for a while" in texts(back_office.get(url("home")))


def test_an_account_that_is_switched_off_is_not_forgotten(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    """Seen: after an emergency Home said nothing of it, or that nothing had been sent yet."""

    def ways(reader: Client) -> list[str]:
        needs = reader.get(url("home")).context["needs"]
        return [each.url for each in needs if "is switched off" in each.title]

    assert ways(back_office) == []
    switch_account(integration=world.integration, to=False)
    assert ways(back_office) == [url("account", world.integration.pk)]
    assert ways(logged_in("dotbridge_lists.view_marketinglist")) == [""]
    assert "Sync now" not in texts(back_office.get(url("list", world.marketing_list.pk)))
    disconnect_list(link=world.link)
    assert ways(back_office) == []


def test_the_figures_of_home_are_the_sums_of_the_lists(back_office: Client, world: World) -> None:
    found = back_office.get(url("home-lists")).context["found"]
    (line,) = found.lines
    numbers = {str(figure.title): figure.number for figure in found.figures}
    assert numbers == {"In step": 1, "Waiting": 0, "Refused": 2, "Opted out": 1}
    assert sum(line[1].numbers.values()) == Person.objects.count()


def test_a_list_that_takes_too_long_holds_up_nobody(world: World) -> None:
    with pytest.raises(TookTooLong), statement_time_limit(50), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.1)")


def test_the_numbers_of_a_campaign_open_its_people(back_office: Client, world: World) -> None:
    remote = world.email_campaign.pair.campaign
    did = (("a", 2, 1, False, False), ("b", 1, 0, False, True), ("c", 0, 0, True, False), ("d", 0, 0, False, False))
    for number, (name, opens, clicks, is_bounced, is_off) in enumerate(did):
        Activity.objects.create(
            campaign=remote,
            remote_contact_id=700 + number,
            email=f"{name}@example.com",
            email_key=f"{name}@example.com",
            opens=opens,
            clicks=clicks,
            is_hard_bounced=is_bounced,
            is_unsubscribed=is_off,
        )
    counts = counts_of_people(remote)
    assert counts == {did: people_of(remote, did).count() for did in Did}
    assert (counts[Did.DELIVERED], counts[Did.OPENED], counts[Did.NOT_OPENED]) == (3, 2, 1)
    page = texts(back_office.get(url("campaign-people", world.email_campaign.pk) + "?did=bounced"))
    assert "c@example.com" in page
    assert "a@example.com" not in page


def test_who_opted_out_by_a_campaign_is_still_found_by_it(back_office: Client, world: World) -> None:
    """Their row of the export is gone by then; that they were written to at this address is not."""
    remote, person = world.email_campaign.pair.campaign, world.people[0]
    Activity.objects.create(
        campaign=remote, remote_contact_id=700, email="Left@example.com", email_key="left@example.com"
    )
    PastAddress.objects.create(
        integration=remote.integration, email_key="left@example.com", entity="crm.contact", record_id=str(person.pk)
    )
    page = texts(back_office.get(url("campaign-people", world.email_campaign.pk)))
    assert f'href="{url("person-record", "crm.contact", person.pk)}">Left@example.com' in page


def test_a_person_page_says_whether_they_can_be_mailed_and_why_not(back_office: Client, world: World) -> None:
    def verdict(place: int) -> str:
        return texts(back_office.get(url("person-record", "crm.contact", world.people[place].pk)))

    assert "Can be mailed" in verdict(0)
    off = verdict(4)
    assert "Opted out from this list on" in off
    assert "Only if the person asks for it" in off
    Contact.objects.create(
        integration=world.integration,
        remote_id=901,
        email="ann.1@example.com",
        email_key="ann.1@example.com",
        status="HardBounced",
        suppressed_at=timezone.now(),
        updated_at=timezone.now(),
    )
    bounced = verdict(1)
    assert "Cannot be mailed" in bounced
    assert "Bounced in First account" in bounced
    assert "Correct it in the record" in bounced
    world.people[2].emails.all().delete()
    assert "The record has no address." in verdict(2)
    assert back_office.get(url("person-record", "crm.contact", 99_999)).status_code == 404
    assert back_office.get(url("person-record", "no.such", 1)).status_code == 404


def test_who_may_be_mailed_in_some_way_is_not_called_not_mailable(back_office: Client, world: World) -> None:
    """Seen: two opt-outs of one list, of it and of its book, outweighed the two lists that somebody stands on; and
    one account of two did not mail them."""

    def said(place: int) -> str:
        return texts(back_office.get(url("person-record", "crm.contact", world.people[place].pk)))

    address = "ann.4@example.com"
    of_book = ConsentState.objects.filter(kind=SubjectKind.ADDRESS, subject=address).get()
    of_book.pk, of_book.scope, of_book.scope_id = None, Scope.BOOK, world.book.pk
    of_book.save()
    assert "Can be mailed, but not through every list" in said(4)
    world.unconnected.delete()
    assert "Cannot be mailed" in said(4)
    assert "every list" not in said(4)
    other = create_integration(name="Second account", username="other@example.com", password="x")
    for account, status in ((world.integration, "Unsubscribed"), (other, "Subscribed")):
        known = {"email": "ann.0@example.com", "email_key": "ann.0@example.com", "updated_at": timezone.now()}
        Contact.objects.filter(integration=account, email_key=known["email_key"]).delete()
        Contact.objects.create(integration=account, remote_id=950, status=status, **known)
    assert "Can be mailed, but not by every account" in said(0)
    Contact.objects.filter(integration=other).update(status="HardBounced")
    assert "Cannot be mailed" in said(0)


def test_who_may_not_see_what_happened_is_not_told_that_nothing_did(
    logged_in: Callable[..., Client], world: World
) -> None:
    page = texts(logged_in("crm.view_contact").get(url("person-record", "crm.contact", world.people[0].pk)))
    assert "Nothing happened" not in page
    assert "What happened to people is not shown to you." in page


def test_a_problem_that_is_over_is_said_to_be(back_office: Client, world: World) -> None:
    cause = {"reason": world.rejection.reason}
    Rejection.objects.filter(reason=world.rejection.reason).update(ended_at=timezone.now())
    assert "This is over" in texts(back_office.get(url("activity-problem"), cause))
    assert back_office.get(url("activity-problem"), {"reason": "no_such_reason"}).status_code == 404


@pytest.mark.parametrize("name", ["campaigns", "drafts", "marketing-campaigns"])
def test_a_search_that_finds_no_campaign_does_not_say_that_there_is_none(
    back_office: Client, world: World, name: str
) -> None:
    page = texts(back_office.get(url(name), {"q": "nothing like it"}))
    assert "No campaign has that name" in page
    assert "yet" not in page


def test_more_campaigns_than_fit_side_by_side_are_named_as_left_out(back_office: Client, world: World) -> None:
    made = [create_email_campaign(name=f"Mail {number}", marketing_list=None) for number in range(8)]
    page = texts(back_office.get(url("campaigns-compare"), {"campaign": [each.pk for each in made]}))
    assert "6 campaigns fit side by side; 2 of those you chose are left out." in page
    assert "This is one campaign alone." in texts(
        back_office.get(url("campaigns-compare"), {"campaign": [made[0].pk, made[0].pk]})
    )


def test_what_stops_everything_is_found(back_office: Client, logged_in: Callable[..., Client], world: World) -> None:
    assert "Stop everything" in texts(back_office.get(url("search"), {"q": "stop"}))
    assert "Stop everything" not in texts(logged_in().get(url("search"), {"q": "stop"}))


@pytest.mark.parametrize("page", ["list-connection", "marketing-campaign"])
def test_what_nobody_may_change_is_refused_and_not_passed_over(
    logged_in: Callable[..., Client], world: World, page: str
) -> None:
    key = {"list-connection": world.marketing_list.pk, "marketing-campaign": world.marketing_campaign.pk}[page]
    viewer = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_campaigns.view_marketingcampaign")
    assert viewer.get(url(page, key)).status_code == 200
    assert viewer.post(url(page, key), {"name": "Mine"}).status_code == 403


def test_a_person_is_seen_by_who_may_see_the_record(logged_in: Callable[..., Client], world: World) -> None:
    address = url("person-record", "crm.contact", world.people[0].pk)
    assert logged_in("dotbridge_lists.view_marketinglist").get(address).status_code == 403
    assert logged_in("crm.view_contact").get(address).status_code == 200


def test_a_changed_field_says_how_many_it_sends_again_before_it_is_saved(back_office: Client, world: World) -> None:
    """Seen: saving a mapping sent 3,959 people again, and said "changed successfully"."""
    ExportItem.objects.filter(connection=world.link).exclude(email_key="ann.0@example.com").delete()
    back_office.get(url("list-plan-numbers", world.marketing_list.pk))
    row = world.mapping.rows.get()
    address = url("mapping-row", world.mapping.pk, row.pk)
    typed = {"data_field": row.data_field_id, "first": "last_name", "second": "", "third": "", "empty_values": "keep"}
    page = texts(back_office.post(address, typed))
    assert "Saving sends" in page
    assert MappingRow.objects.get(pk=row.pk).entity_fields == ["first_name"]
    saved = texts(back_office.post(address, typed | {"confirmed": "yes"}, follow=True))
    assert "Changed: FIRSTNAME." in saved
    assert world.mapping.rows.get().entity_fields == ["last_name"]
    wrong = typed | {"first": "birthday", "second": "last_name", "is_two_way": "on"}
    assert world.mapping.rows.count() == 1
    assert "Saving sends" not in texts(back_office.post(address, wrong))


def test_a_problem_that_stays_is_one_line(back_office: Client, world: World) -> None:
    step = world.rejection.step
    again = SyncRun.objects.create(
        integration=world.integration, kind="sync", trigger="schedule", started_at=timezone.now()
    )
    other = again.steps.create(name=step.name, started_at=timezone.now())
    note_rejections(
        other, [(subject, world.rejection.reason, "") for subject in (world.rejection.subject, "second@example.com")]
    )
    (group,) = (
        group
        for group in back_office.get(url("activity-problems")).context["groups"]
        if group.reason == world.rejection.reason
    )
    assert (group.number, group.times) == (2, 2)
    lines = back_office.get(url("activity-problem"), {"reason": world.rejection.reason}).context["lines"]
    assert {line["subject"]: line["times"] for line in lines} == {world.rejection.subject: 2, "second@example.com": 1}
    rows = b"".join(back_office.get(url("activity-problems-file"), {"reason": world.rejection.reason})).decode()
    assert rows.count("\r\n") == 3


def test_home_counts_an_opt_out_on_the_day_when_it_happened(back_office: Client, world: World) -> None:
    """Of a year that is read today, all would else stand on one day."""
    long_ago, lately = timezone.now() - timedelta(days=300), timezone.now() - timedelta(days=3)

    def line() -> list[int]:
        (figure,) = (each for each in home_lists().figures if each.title == "Opted out")
        return list(figure.days)

    for email in ("early@example.com", "late@example.com"):
        ContactEmail.objects.create(contact=Person.objects.create(last_name="Bee"), email=email, is_primary=True)
    before = line()
    opt_out_addresses(addresses=["early@example.com"], source=Source.CRM, happened_at=long_ago)
    opt_out_addresses(addresses=["late@example.com"], source=Source.CRM, happened_at=lately)
    # Somebody whom the account has and no record.
    opt_out_addresses(addresses=["elsewhere@example.com"], source=Source.CRM, happened_at=lately)
    assert [new - old for new, old in zip(line(), before, strict=True)] == [0] * 26 + [1] + [0] * 3


def test_an_account_is_tried_before_it_is_saved(back_office: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (sandbox.url,)}
    typed = {"name": "Shop", "username": sandbox.user, "password": "wrong", "base_url": sandbox.url}
    refused = texts(back_office.post(url("account-add"), typed))
    assert "It does not work, so nothing was saved." in refused
    assert 'value="Shop"' in refused
    assert "wrong" not in refused
    assert not Integration.objects.exists()
    typed["password"] = sandbox.password
    back_office.post(url("account-add"), typed)
    account = Integration.objects.get()
    assert "connected with this API user already" in texts(
        back_office.post(url("account-add"), typed | {"name": "Shop 2"})
    )
    changed = {"form": "credentials", "username": sandbox.user, "password": "wrong", "base_url": sandbox.url}
    assert "nothing was saved" in texts(back_office.post(url("account", account.pk), changed))
    assert unseal(Integration.objects.get().password_sealed) == sandbox.password
    kept = texts(back_office.post(url("account", account.pk), changed | {"password": ""}, follow=True))
    assert "Credentials changed." in kept
    assert sandbox.password not in kept
    for _time in range(2):
        said = back_office.post(url("account-switch", account.pk), {"to": "off"}, follow=True)
        assert not Integration.objects.get().is_active, "whoever presses the same button too does not undo it"
    assert "switched off already" in texts(said)
    assert "Switched off" in texts(back_office.get(url("account", account.pk)))


def test_an_account_is_read_as_soon_as_the_way_to_it_is_new(
    logged_in: Callable[..., Client], sandbox: Sandbox, settings: Any
) -> None:
    """Also for somebody who may not ask for runs. The kind: saved, and nothing moves until the schedule comes by."""
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (sandbox.url,)}
    empty_queue()
    client = logged_in(*(f"dotbridge_integrations.{verb}_integration" for verb in ("view", "add", "change")))

    def asked() -> list[tuple[str, str]]:
        jobs = [(job.args["kind"], job.args["trigger"]) for job in ProcrastinateJob.objects.filter(status="todo")]
        empty_queue()
        return jobs

    typed = {"name": "Shop", "username": sandbox.user, "password": sandbox.password, "base_url": sandbox.url}
    answer = client.post(url("account-add"), typed)
    account = Integration.objects.get()
    assert asked() == [("import", "person")]
    assert answer["Location"] == f"{url('account', account.pk)}?after_run=0"
    changed = {"form": "credentials", "username": sandbox.user, "password": "", "base_url": sandbox.url}
    client.post(url("account", account.pk), changed)
    assert asked() == [("import", "person")]
    client.post(url("account", account.pk), changed | {"password": "wrong"})
    assert asked() == []
    client.post(url("account-switch", account.pk), {"to": "off"})
    assert asked() == []
    client.post(url("account", account.pk), changed)
    assert asked() == []
    client.post(url("account-switch", account.pk), {"to": "on"})
    assert asked() == [("import", "person")]


def test_an_account_is_changed_by_who_may(logged_in: Callable[..., Client], world: World) -> None:
    viewer = logged_in("dotbridge_integrations.view_integration")
    address = url("account", world.integration.pk)
    assert viewer.get(address).status_code == 200
    for page in ("account", "account-sync", "account-check", "account-switch", "account-delete"):
        posted = viewer.post(url(page, world.integration.pk), {"form": "settings", "confirmed": "yes"})
        assert posted.status_code == 403, page
    assert ListConnection.objects.exists()


def test_who_is_no_staff_is_refused_with_a_page_of_ours(client: Client, django_user_model: type) -> None:
    client.force_login(django_user_model.objects.create_user("eve", password="x"))
    response = client.get(url("home"))
    assert response.status_code == 403
    assert "You may not see this" in texts(response)
    assert response["Content-Security-Policy"].startswith("default-src 'self'")
    assert client.get("/nothing/").status_code == 404


def test_a_session_that_ended_leads_back_to_where_one_was(client: Client, db: None) -> None:
    assert client.get(url("lists"))["Location"] == f"{url('login')}?next={url('lists')}"
    piece = client.get(url("home-lists"), headers={"HX-Request": "true"})
    assert (piece.status_code, piece["HX-Trigger"]) == (204, "dotbridge-session-ended")


def test_the_admin_of_the_example_crm_has_no_home_and_no_users_of_its_own(back_office: Client, world: World) -> None:
    assert back_office.get("/admin/", follow=True).redirect_chain == [(url("home"), 302)]
    assert back_office.get("/admin/auth/user/").status_code == 404


def test_a_page_asks_for_what_stays_the_same_once_and_a_change_asks_anew() -> None:
    asked: list[int] = []

    @asked_once
    def answer(number: int) -> int:
        asked.append(number)
        return number + len(asked)

    assert (answer(1), answer(1)) == (2, 3)
    with one_reading():
        assert (answer(1), answer(1), answer(2)) == (4, 4, 6)
        with read_anew():
            assert (answer(1), answer(1)) == (6, 7)
            assert known_by_key("lists") == {}
        assert answer(1) == 4
        known_by_key("lists")[1] = "one"
        assert known_by_key("lists") == {1: "one"}
    with one_reading():
        assert known_by_key("lists") == {}


def test_one_account_that_fails_both_ways_is_one_thing(back_office: Client, world: World) -> None:
    for kind in (RunKind.IMPORT, RunKind.EXPORT):
        SyncRun.objects.create(
            integration=world.integration,
            kind=kind,
            trigger="schedule",
            state=State.FAILED,
            message="Not let in.",
            started_at=timezone.now(),
            finished_at=timezone.now(),
        )
    titles = [need.title for need in back_office.get(url("home")).context["needs"]]
    assert len([title for title in titles if "the last run failed" in title]) == 1
    page = texts(back_office.get(url("activity")))
    assert f"{len(titles) - 3} more things need you" in page


def test_pages_are_sent_compressed(back_office: Client, world: World) -> None:
    page = url("list", world.marketing_list.pk)
    plain, packed = back_office.get(page), back_office.get(page, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 4
    assert "</html>" in gzip.decompress(packed.content).decode()
