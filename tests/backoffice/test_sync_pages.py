"""Mappings, contacts, runs, rejections, uploads and the overview: what they show and what they let people do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.labels import ago, counts_in_words, duration
from dotbridge.backoffice.pages import activity
from dotbridge.connections.models import CampaignSend, RunKind
from dotbridge.connections.services import request_address_book, request_run
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import ExportItem, State, Step, SyncRun, Upload, UploadState
from dotbridge.sync.outbound.states import REFUSED_STATUSES
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue


def rows_of(world: World, *rows: dict[str, Any], initial: int = 1) -> dict[str, Any]:
    """What the form of a mapping posts."""
    posted: dict[str, Any] = {
        "sync_priority": "20",
        "rows-TOTAL_FORMS": str(len(rows)),
        "rows-INITIAL_FORMS": str(initial),
    }
    for place, row in enumerate(rows):
        fields = row.pop("fields", [])
        values = {"empty_values": "keep", "mapping": world.mapping.pk, **row}
        values |= {f"entity_fields_{index}": path for index, path in enumerate(fields)}
        posted |= {f"rows-{place}-{name}": value for name, value in values.items()}
    return posted


def field_of(world: World, name: str) -> int:
    return DataField.objects.get(integration=world.integration, name=name).pk


def mapping_page(world: World) -> str:
    return reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[world.mapping.pk])


def test_a_mapping_is_made_in_two_steps(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge_tables:dotbridge_mapping_mapping_add")))
    assert "crm.lead" in page
    assert "rows-TOTAL_FORMS" not in page
    typed = {"integration": world.integration.pk, "entity": "crm.lead", "sync_priority": "3"}
    response = back_office.post(reverse("dotbridge_tables:dotbridge_mapping_mapping_add"), typed, follow=True)
    made = Mapping.objects.get(entity="crm.lead")
    assert response.redirect_chain[-1][0] == reverse(
        "dotbridge_tables:dotbridge_mapping_mapping_change", args=[made.pk]
    )
    assert "rows-TOTAL_FORMS" in texts(response)
    again = texts(back_office.post(reverse("dotbridge_tables:dotbridge_mapping_mapping_add"), typed))
    assert "exists already" in again


def test_rows_are_added_changed_swapped_and_deleted(back_office: Client, world: World) -> None:
    row = MappingRow.objects.get()
    first, last = field_of(world, "FIRSTNAME"), field_of(world, "LASTNAME")
    posted = rows_of(
        world,
        {"id": row.pk, "data_field": first, "fields": ["first_name"], "is_two_way": "on"},
        {"data_field": last, "fields": ["last_name", "", "first_name"], "empty_values": "clear"},
    )
    back_office.post(mapping_page(world), posted)
    stored = {each.data_field.name: each for each in MappingRow.objects.select_related("data_field")}
    assert stored["FIRSTNAME"].is_two_way
    assert stored["LASTNAME"].entity_fields == ["last_name", "first_name"]
    assert stored["LASTNAME"].empty_values == "clear"
    swapped = rows_of(
        world,
        {"id": stored["FIRSTNAME"].pk, "data_field": last, "fields": ["first_name"]},
        {"id": stored["LASTNAME"].pk, "data_field": first, "fields": ["last_name"]},
        initial=2,
    )
    back_office.post(mapping_page(world), swapped)
    assert dict(MappingRow.objects.values_list("data_field__name", "entity_fields")) == {
        "FIRSTNAME": ["last_name"],
        "LASTNAME": ["first_name"],
    }
    rows = list(MappingRow.objects.order_by("id"))
    deleted = rows_of(
        world,
        {"id": rows[0].pk, "data_field": rows[0].data_field_id, "fields": rows[0].entity_fields, "DELETE": "on"},
        {"id": rows[1].pk, "data_field": rows[1].data_field_id, "fields": rows[1].entity_fields},
        initial=2,
    )
    back_office.post(mapping_page(world), deleted)
    assert MappingRow.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"field": "SCORE", "fields": ["first_name"]}, "cannot fill a data field of type Numeric"),
        ({"field": "SCORE", "fields": ["lead_score", "id"]}, "only to a data field of type String"),
        ({"field": "LASTNAME", "fields": []}, "At least one entity field"),
        ({"field": "LASTNAME", "fields": ["<b>"]}, "&lt;b&gt; is not a field of this entity"),
        ({"field": "LASTNAME", "fields": ["last_name", "last_name"]}, "chosen twice"),
        ({"field": "LASTNAME", "fields": ["account__name"], "is_two_way": "on"}, "Only one direct field"),
        ({"field": "FIRSTNAME", "fields": ["last_name"]}, "The same data field can be mapped only one time"),
    ],
)
def test_a_row_that_could_not_be_exported_is_refused_at_its_field(
    back_office: Client, world: World, row: dict[str, Any], said: str
) -> None:
    stored = MappingRow.objects.get()
    row = dict(row)
    row["data_field"] = field_of(world, row.pop("field"))
    kept = {"id": stored.pk, "data_field": stored.data_field_id, "fields": stored.entity_fields}
    page = texts(back_office.post(mapping_page(world), rows_of(world, kept, row)))
    assert said in page
    assert MappingRow.objects.count() == 1


def test_a_data_field_of_another_account_is_not_offered(back_office: Client, world: World) -> None:
    other = Integration.objects.create(name="Other", username="o", password_sealed="x")
    foreign = DataField.objects.create(integration=other, name="FOREIGN", type="String")
    assert "FOREIGN" not in texts(back_office.get(mapping_page(world)))
    stored = MappingRow.objects.get()
    kept = {"id": stored.pk, "data_field": stored.data_field_id, "fields": stored.entity_fields}
    row = {"data_field": foreign.pk, "fields": ["last_name"]}
    assert "Select a valid choice" in texts(back_office.post(mapping_page(world), rows_of(world, kept, row)))


def test_a_field_that_is_lost_is_named(back_office: Client, world: World) -> None:
    MappingRow.objects.update(entity_fields=["shoe_size"])
    assert "not a field any more: shoe_size" in texts(back_office.get(mapping_page(world)))
    Mapping.objects.update(entity="gone.model")
    assert "not registered any more" in texts(back_office.get(mapping_page(world)))


def test_notes_are_all_that_changes_of_a_data_field(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_mirror_datafield_change", args=[world.field.pk])
    back_office.post(address, {"notes": "For greetings", "name": "OTHER", "type": "Date"})
    world.field.refresh_from_db()
    assert (world.field.notes, world.field.name, world.field.type) == ("For greetings", "FIRSTNAME", "String")


def test_contacts_are_found_by_the_beginning_of_their_address(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_mirror_contact_changelist")
    for term, number in (("ANN.0@ex", 1), ("ann.0@example.com", 1), ("nn.0", 0), ("%", 0), ("_", 0)):
        with CaptureQueriesContext(connection) as captured:
            response = back_office.get(address, {"q": term})
        assert len(response.context["cl"].result_list) == number, term
        assert not any("COUNT(" in query["sql"].upper() for query in captured)


def test_contacts_are_filtered(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_mirror_contact_changelist")
    for query, number in (
        ("?status=live", 1),
        ("?status=not-live", 0),
        ("?status=HardBounced", 0),
        (f"?book={world.book.pk}", 1),
        (f"?book={world.free_book.pk}", 0),
        ("?book=99999999", 0),
        ("?book=nonsense", 1),
    ):
        response = back_office.get(address + query)
        assert len(response.context["cl"].result_list) == number, query


@pytest.mark.parametrize("state", list(State))
def test_the_strip_has_a_word_for_each_state_of_a_run(back_office: Client, world: World, state: State) -> None:
    SyncRun.objects.filter(pk=world.run.pk).update(state=state, trigger="person", message="Because of this.")
    strip = back_office.get(reverse("dotbridge:live", args=[world.integration.pk]), {"after_run": "0"})
    assert strip.status_code == 200
    goes_on = state in {State.RUNNING, State.WAITING}
    assert ("every 2s" in texts(strip)) == goes_on == ("HX-Trigger" not in strip)


def test_a_page_whose_list_is_being_connected_follows_and_comes_again(back_office: Client, world: World) -> None:
    SyncRun.objects.filter(pk=world.run.pk).update(state=State.SUCCEEDED, trigger="person")
    request_address_book(
        integration=world.integration, name="New", visibility="Private", marketing_list=world.unconnected
    )
    found = texts(back_office.get(reverse("dotbridge:list", args=[world.unconnected.pk]) + "?after_run=0"))
    assert "Its address book is being made" in found
    assert f'id="live-{world.integration.pk}"' in found
    assert reverse("dotbridge:list-connect", args=[world.unconnected.pk]) not in found
    strip = reverse("dotbridge:live", args=[world.integration.pk]) + "?after_run=0"
    assert "HX-Refresh" not in back_office.get(strip)
    empty_queue()
    assert back_office.get(strip + "&reloads=yes")["HX-Refresh"] == "true"
    # A form on another tab would lose what was typed.
    assert "reloads=yes" not in texts(back_office.get(reverse("dotbridge:list-settings", args=[world.unconnected.pk])))


def test_a_run_tells_its_steps_in_words(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge_tables:dotbridge_sync_syncrun_change", args=[world.run.pk])))
    assert "1 confirmed by Dotdigital, 1 rejected, 2 odd thing" in page
    assert f"?run={world.run.pk}&amp;step=results" in page
    assert "hx-get" not in page.split('id="run-progress"')[1].split(">")[0]


def test_a_run_at_work_renews_itself(back_office: Client, world: World) -> None:
    SyncRun.objects.update(state=State.RUNNING, finished_at=None)
    progress = reverse("dotbridge_tables:dotbridge_sync_syncrun_progress", args=[world.run.pk])
    assert f'hx-get="{progress}"' in texts(
        back_office.get(reverse("dotbridge_tables:dotbridge_sync_syncrun_change", args=[world.run.pk]))
    )
    assert f'hx-get="{progress}"' in texts(back_office.get(progress))
    assert 'hx-trigger="every' in texts(back_office.get(reverse("dotbridge_tables:dotbridge_sync_syncrun_changelist")))
    SyncRun.objects.update(state=State.SUCCEEDED)
    assert "hx-trigger" not in texts(back_office.get(progress))


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("?reason=invalid_email", 1),
        ("?reason=other", 0),
        ("?step=results", 1),
        ("?step=uploads", 0),
        ("?run=RUN", 1),
        ("?run=99999999", 0),
        ("?run=RUN&step=results&reason=invalid_email", 1),
    ],
)
def test_rejections_are_filtered(back_office: Client, world: World, query: str, number: int) -> None:
    address = reverse("dotbridge_tables:dotbridge_sync_rejection_changelist") + query.replace("RUN", str(world.run.pk))
    assert len(back_office.get(address).context["cl"].result_list) == number


def test_an_upload_shows_the_report(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge_tables:dotbridge_sync_upload_change", args=[world.upload.pk])))
    assert "Invalid addresses" in page
    assert "neverHeardOf" in page
    assert reverse("dotbridge_tables:dotbridge_sync_upload_retry", args=[world.upload.pk]) not in page


def test_a_refused_upload_is_sent_again_after_a_question(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_sync_upload_retry", args=[world.refused.pk])
    ExportItem.objects.filter(upload=world.refused).update(attempts=5)
    assert "Send 1 row again?" in texts(back_office.get(address))
    assert Upload.objects.get(pk=world.refused.pk).retry_at is None
    assert "sent again with the next export" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    assert Upload.objects.get(pk=world.refused.pk).retry_at is not None
    assert set(ExportItem.objects.filter(upload=world.refused).values_list("attempts", flat=True)) == {0}


def test_other_uploads_are_not_sent_again(back_office: Client, logged_in: Callable[..., Client], world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_sync_upload_retry", args=[world.upload.pk])
    assert "Only the rows of a refused upload" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    refused = reverse("dotbridge_tables:dotbridge_sync_upload_retry", args=[world.refused.pk])
    assert logged_in("dotbridge_sync.view_upload").post(refused, {"confirmed": "yes"}).status_code == 403
    assert not Upload.objects.exclude(retry_at=None).exists()


def test_counts_and_times_in_words() -> None:
    assert counts_in_words({"uploaded": 1, "odd": 3, "read": 12345, "new": 0, "bad": "x"}) == (
        "12,345 read, 1 row sent, 3 odd"
    )
    now = timezone.now()
    assert duration(None, None) == ""
    assert [duration(now - timedelta(seconds=seconds), now) for seconds in (4, 185, 3_780)] == [
        "4 s",
        "3 min 5 s",
        "1 h 3 min",
    ]


def test_why_an_upload_was_refused_is_said_in_the_readers_language(back_office: Client, world: World) -> None:
    """The worker wrote it in its own."""
    why = str(REFUSED_STATUSES["RejectedByWatchdog"].text)
    now = timezone.now()
    upload = Upload.objects.create(
        connection=world.link, state=UploadState.REFUSED, message=why, row_count=1, created_at=now, finished_at=now
    )
    address = reverse("dotbridge:upload", args=[upload.pk])
    assert escape(why) in texts(back_office.get(address))
    in_german = texts(back_office.get(address, headers={"accept-language": "de"}))
    assert escape(why) not in in_german
    assert "Die Qualitätsprüfung von Dotdigital" in in_german


@pytest.mark.parametrize(("language", "said"), [("en", "2\xa0months ago"), ("de", "vor 2\xa0Monaten")])
def test_a_time_that_is_past_has_the_ending_of_its_language(language: str, said: str) -> None:
    with override(language):
        assert ago(timezone.now() - timedelta(days=62)) == said


@pytest.mark.parametrize(
    "question",
    [
        "mirror_contact_changelist?status",
        "sync_rejection_changelist?reason",
        "sync_syncrun_changelist?state__exact",
        "campaigns_marketingactivity_changelist?record",
        "mirror_contact_changelist?q",
    ],
)
def test_a_filter_that_no_value_can_match_breaks_no_table(back_office: Client, question: str) -> None:
    table, _question, name = question.partition("?")
    address = reverse(f"dotbridge_tables:dotbridge_{table}")
    assert back_office.get(address, {name: "crm.contact:\0"}).status_code == 404
    assert back_office.get(address).status_code == 200


def test_who_calls_back_a_run_is_told_of_the_campaign_that_goes_all_the_same(back_office: Client, world: World) -> None:
    def call_back() -> str:
        empty_queue()
        request_run(integration=world.integration, trigger="person")
        job = ProcrastinateJob.objects.get()
        strip = back_office.post(reverse("dotbridge:live-cancel", args=[world.integration.pk, job.pk]))
        job.refresh_from_db()
        assert job.status == "cancelled"
        return texts(strip)

    assert "waits to be sent" not in call_back()
    CampaignSend.objects.create(integration=world.integration, remote_id=987, name="Letter", book_ids=[1])
    assert "1 campaign still waits to be sent" in call_back()


def test_what_a_page_had_read_is_quiet_and_what_was_done_is_not(back_office: Client, world: World) -> None:
    """The kind: a list of what happened that is full of what did not. Seen as a line for each mail that was shown."""
    SyncRun.objects.all().delete()
    for counts in ({"read": 1}, {}, {"told": 1}):
        run = SyncRun.objects.create(
            integration=world.integration,
            kind=RunKind.REQUESTS,
            trigger="person",
            state=State.SUCCEEDED,
            started_at=timezone.now(),
            finished_at=timezone.now(),
        )
        Step.objects.create(
            run=run,
            name="looks",
            state=State.SUCCEEDED,
            counts=counts,
            started_at=timezone.now(),
            finished_at=timezone.now(),
        )
    page = texts(back_office.get(reverse("dotbridge:activity")))
    assert "2 quiet runs" in page
    assert "1 request done in Dotdigital" in page


def test_older_runs_are_reached_page_by_page(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "RUNS", 2)
    SyncRun.objects.all().delete()
    failed = [
        SyncRun.objects.create(
            integration=world.integration,
            kind=RunKind.EXPORT,
            trigger="schedule",
            state=State.FAILED,
            message=f"Failed number {number}",
            started_at=timezone.now(),
        )
        for number in range(3)
    ]
    newest = texts(back_office.get(reverse("dotbridge:activity")))
    assert "Failed number 2" in newest
    assert "Failed number 0" not in newest
    older = f"?before={failed[1].pk}"
    assert f'rel="next" href="{older}"' in newest
    last = texts(back_office.get(reverse("dotbridge:activity") + older))
    assert "Failed number 0" in last
    assert "Failed number 1" not in last
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last
