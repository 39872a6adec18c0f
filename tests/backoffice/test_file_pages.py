"""The pages of files: given, looked at and chosen, loaded, carried away, undone; and who may do none of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.reads.files import label_of
from dotbridge.crm.models import Contact, Lead
from dotbridge.files.models import FileLoad, FilePiece, LoadState
from dotbridge.files.waiting import LOAD_TASK, request_load, run_load
from tests.backoffice.conftest import texts
from tests.files.conftest import chosen

pytestmark = pytest.mark.django_db(transaction=True)
FILE = "E-mail;Vorname;Geburtstag;Schuh;Opt out\nj@example.com;Jürgen;17/05/1990;38;yes\nkeine;Käthe;;;\n"


def give(client: Client, content: str | bytes = FILE, *, entity: str = "crm.contact", name: str = "people.csv") -> Any:
    raw = content.encode() if isinstance(content, str) else content
    data = {"file": SimpleUploadedFile(name, raw), "entity": entity}
    return client.post(reverse("dotbridge:file-add"), data, follow=True)


def the_load() -> FileLoad:
    return FileLoad.objects.get()


def address(name: str) -> str:
    return reverse(f"dotbridge:{name}", args=[the_load().pk])


def test_a_file_is_looked_at_then_loaded_by_the_worker(back_office: Client) -> None:
    page = give(back_office)
    shown = texts(page)
    assert page.redirect_chain == [(address("file"), 302)]
    assert not Contact.objects.exists()
    for words in ("Of its 2 rows a load would make:", "as found: utf-8", "day first", "Jürgen", "Found: ;"):
        assert words in shown
    assert "An email address must have an @-sign" in shown
    assert "Says who may not be written to" in shown
    begun = back_office.post(address("file-start"), chosen(page), headers={"HX-Request": "true"})
    assert 'hx-trigger="every 5s"' in texts(begun), "no worker is there to come soon"
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert 'hx-trigger="every 1s"' in texts(back_office.get(address("file-state")))
    assert ProcrastinateJob.objects.filter(task_name=LOAD_TASK).count() == 1
    run_load(load_id=the_load().pk)
    done = texts(back_office.get(address("file-state")))
    assert "hx-trigger" not in done
    assert "Loaded" in done
    assert "Problems as CSV" in done
    assert Contact.objects.get().first_name == "Jürgen"
    assert the_load().who == "mona"


def test_a_state_of_anything_is_asked_about_before_a_file_is_loaded(back_office: Client) -> None:
    page = give(back_office, "E-mail,Status\na@example.com,active\nb@example.com,inactive\nTotal,2\n")
    assert page.context["can_load"] is False
    assert "“inactive” may say who is not to be written to, or something else. Choose one." in texts(page)
    assert "Skipped: not a contact" in texts(page)
    assert chosen(page)["goes-1"] == ""
    for answer, opted_out in (("unused", 0), ("mailing-state", 1)):
        renewed = back_office.post(address("file-look"), chosen(page, **{"goes-1": answer}))
        assert (renewed.context["can_load"], renewed.context["report"]["opted_out"]) == (True, opted_out)
        assert chosen(renewed)["goes-1"] == answer


def test_a_second_click_starts_nothing(back_office: Client) -> None:
    page = give(back_office)
    for _click in range(2):
        back_office.post(address("file-start"), chosen(page))
    assert ProcrastinateJob.objects.filter(task_name=LOAD_TASK).count() == 1


def test_a_column_is_sent_elsewhere_and_the_look_is_renewed(back_office: Client) -> None:
    page = give(back_office)
    renewed = back_office.post(address("file-look"), chosen(page, **{"goes-3": "lead_score", "goes-4": "unused"}))
    assert [column.field for column in column_reports(renewed)] == ["email", "first_name", "birthday", "lead_score", ""]
    assert "Says who may not be written to" not in texts(renewed)
    back_office.post(address("file-start"), chosen(renewed))
    run_load(load_id=the_load().pk)
    assert Contact.objects.get().lead_score == 38
    FileLoad.objects.all().delete()
    again = give(back_office)
    fields = [column.field for column in column_reports(again)]
    assert fields == ["email", "first_name", "birthday", "lead_score", ""], "remembered for the next such file"


def column_reports(page: Any) -> list[Any]:
    return [type("Column", (), each) for each in page.context["report"]["columns"]]


def test_a_consent_column_is_chosen_and_taken_back(back_office: Client) -> None:
    page = give(back_office, "E-mail;Post\na@example.com;nein\nb@example.com;ja\n")
    answer = back_office.post(address("file-look"), chosen(page, **{"goes-1": "opted-in"}))
    assert dict(answer.context["figures"])["Opted out"] == "1"
    assert chosen(answer)["goes-1"] == "opted-in"
    back = back_office.post(address("file-look"), chosen(answer, **{"goes-1": "unused"}))
    assert "Opted out" not in dict(back.context["figures"])


def test_the_delimiter_is_chosen_and_what_was_chosen_for_other_columns_is_forgotten(back_office: Client) -> None:
    page = give(back_office, "E-mail|Name;Ort\na@example.com|Ada;Ulm\n")
    assert page.context["report"]["delimiter"] == ";"
    sent = chosen(page, delimiter="|")
    renewed = back_office.post(address("file-look"), sent)
    assert [column.name for column in renewed.context["columns"]] == ["E-mail", "Name;Ort"]
    assert the_load().choices["columns"] == {}


def test_an_encoding_that_is_not_sure_is_chosen_by_its_sample(back_office: Client) -> None:
    page = give(back_office, "E-mail,Last name\na@example.com,Pirè\n".encode("cp1252"))
    shown = texts(page)
    assert "cp1250: a@example.com,Pirč" in shown
    assert page.context["can_load"] is False
    answer = back_office.post(address("file-look"), chosen(page, encoding="cp1252"))
    assert "Pirè" in texts(answer)
    back_office.post(address("file-start"), chosen(answer, encoding="cp1252"))
    run_load(load_id=the_load().pk)
    assert Contact.objects.get().last_name == "Pirè"


def test_dates_that_nothing_settles_are_asked(back_office: Client) -> None:
    page = give(back_office, "E-mail,Birthday\na@example.com,04/05/1990\n")
    assert "04/05/1990 can be read in two ways" in texts(page)
    assert page.context["can_load"] is False
    answer = back_office.post(address("file-look"), chosen(page, **{"written-1": "mdy"}))
    assert answer.context["can_load"] is True
    back_office.post(address("file-start"), chosen(answer))
    run_load(load_id=the_load().pk)
    birthday = Contact.objects.get().birthday
    assert birthday is not None
    assert (birthday.month, birthday.day) == (4, 5)


def test_what_only_the_rest_of_a_large_file_asks_comes_back_as_a_question(
    back_office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotbridge.files.waiting.FIRST_ROWS", 1)
    page = give(back_office, "E-mail,First name\na@example.com,Ada\nb@example.com,Bo\na@example.com,Cy\n")
    assert "Of the first" in texts(page)
    back_office.post(address("file-start"), {**chosen(page), "whole": "1"})
    run_load(load_id=the_load().pk)
    looked = back_office.get(address("file"))
    assert "Of its 3 rows a load would make:" in texts(looked)
    assert looked.context["can_load"] is False
    answered = back_office.post(address("file-look"), chosen(looked, same_address="both"))
    back_office.post(address("file-start"), chosen(answered, same_address="both"))
    run_load(load_id=the_load().pk)
    assert Contact.objects.count() == 3


@pytest.mark.parametrize("header", ["Vom Newsletter abgemeldet am", "Tags", "Status", "Remarks", "Last event"])
def test_what_only_the_rest_of_a_large_file_says_of_opting_out_counts(
    back_office: Client, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    """Its column has no use by the first rows, which is no answer of whoever loads them."""
    monkeypatch.setattr("dotbridge.files.waiting.FIRST_ROWS", 2)
    content = f"E-mail;{header}\na@example.com;\nb@example.com;active\nc@example.com;Unsubscribed 2024-05-01\n"
    if header.endswith("am"):
        content = content.replace("active", "").replace("Unsubscribed ", "")
    page = give(back_office, content)
    looked = back_office.post(address("file-look"), chosen(page))
    back_office.post(address("file-start"), chosen(looked))
    run_load(load_id=the_load().pk)
    assert the_load().report_in_words["opted_out"] == 1
    # The next file with these columns says it from the beginning.
    the_load().delete()
    page = give(back_office, f"E-mail;{header}\nd@example.com;Unsubscribed\n")
    assert dict(page.context["figures"])["Opted out"] == "1"


def test_a_file_without_addresses_shows_its_columns_to_choose_from(back_office: Client) -> None:
    page = give(back_office, "Anschrift,Ort\nnoch keine,Ulm\na@example.com,Köln\nauch keine,Bonn\n")
    assert "Choose one that goes to E-mail." in texts(page)
    answer = back_office.post(address("file-look"), chosen(page, **{"goes-0": "email"}))
    assert answer.context["report"]["created"] == 1


def test_sheets_of_a_workbook_are_chosen(back_office: Client) -> None:
    book = Workbook()
    for title, email in (("First", "a@example.com"), ("Second", "b@example.com")):
        sheet = book.active if title == "First" else book.create_sheet()
        assert sheet is not None
        sheet.title = title
        sheet.append(["E-mail"])
        sheet.append([email])
    raw = io.BytesIO()
    book.save(raw)
    page = give(back_office, raw.getvalue(), name="people.xlsx")
    assert [option.value for option in page.context["sheets"]] == ["First", "Second"]
    answer = back_office.post(address("file-look"), chosen(page, sheet="Second"))
    assert "b@example.com" in texts(answer)


@pytest.mark.parametrize(
    "headers",
    [
        *("", "no json", "[1]", '{"x": "E-mail"}', '{"1": {"a": 1}}', '{"1": "No such"}', '{"1": "\\ud800"}'),
        *('{"1": "\\u0000"}', "[" * 100_000, '{"1": ' + "9" * 5_000 + "}"),
    ],
    ids=lambda headers: headers[:12],
)
def test_what_no_page_of_ours_sends_breaks_nothing(back_office: Client, headers: str) -> None:
    give(back_office)
    sent = {"choosing": "1", "headers": headers, "goes-1": "first_name", "encoding": "no-such", "same_address": "x"}
    for name in ("file-look", "file-start"):
        assert back_office.post(address(name), sent).status_code in {200, 302}
        assert back_office.post(address(name), {**sent, "encoding": "", "same_address": ""}).status_code in {200, 302}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 a workbook", "The packed file is damaged."),
        (b"\n", "The file is empty."),
        (b"%PDF-1.7", "The file is a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0" + b"\x07" * 99, "The file is no text"),
    ],
)
def test_what_is_no_file_of_people_is_told_in_words(back_office: Client, content: bytes, why: str) -> None:
    page = give(back_office, content)
    assert page.status_code == 200
    assert why in texts(page)
    assert page.context["can_load"] is False


def test_nothing_in_a_file_is_markup(back_office: Client) -> None:
    shown = texts(give(back_office, "E-mail,<b>x\n<script>alert(1)</script>,<i>\n", name="<u>.csv"))
    for markup in ("<script>alert", "<b>x", "<u>.csv", "<i>"):
        assert markup not in shown


def test_reports_are_kept_and_carried_away(back_office: Client) -> None:
    page = give(back_office, "E-mail,First name\n=1+1,Ada\na@example.com,Bo\n")
    assert back_office.get(reverse("dotbridge:file-report", args=[the_load().pk, "json"])).status_code == 404
    back_office.post(address("file-start"), chosen(page))
    run_load(load_id=the_load().pk)
    as_json = back_office.get(reverse("dotbridge:file-report", args=[the_load().pk, "json"]))
    assert json.loads(as_json.content)["created"] == 1
    as_csv = back_office.get(reverse("dotbridge:file-report", args=[the_load().pk, "csv"]))
    rows = list(csv.reader(io.StringIO(as_csv.content.decode())))
    assert rows[1][:3] == ["2", "E-mail", "'=1+1"], "no spreadsheet takes it for a formula"
    assert "people.csv" in texts(back_office.get(reverse("dotbridge:files")))


def test_a_load_is_undone_after_a_question(back_office: Client) -> None:
    page = give(back_office)
    back_office.post(address("file-start"), chosen(page))
    run_load(load_id=the_load().pk)
    assert "Undo the load of people.csv?" in texts(back_office.get(address("file-undo")))
    back_office.post(address("file-undo"), {"confirmed": "yes"})
    assert the_load().state == LoadState.UNDOING
    run_load(load_id=the_load().pk)
    shown = texts(back_office.get(address("file")))
    assert "1 records deleted, 0 restored" in shown
    assert address("file-undo") not in shown
    assert not Contact.objects.exists()


def test_a_file_is_forgotten_and_a_load_cancelled(back_office: Client) -> None:
    page = give(back_office)
    back_office.post(address("file-start"), chosen(page))
    back_office.post(address("file-discard"))
    assert FileLoad.objects.exists(), "not while it waits to be loaded"
    back_office.post(address("file-cancel"))
    assert the_load().state == LoadState.CANCELLED
    assert "The load was cancelled." in texts(back_office.get(address("file")))
    back_office.post(address("file-discard"))
    assert not FileLoad.objects.exists()
    assert not FilePiece.objects.exists()


def test_other_kinds_of_records_are_loaded_by_those_who_may(logged_in: Callable[..., Client]) -> None:
    sam = logged_in("crm.add_lead", "crm.change_lead")
    add = texts(sam.get(reverse("dotbridge:file-add")))
    assert 'value="crm.lead"' in add
    assert 'value="crm.contact"' not in add
    page = give(sam, "E-mail,First name\na@example.com,Ada\n", entity="crm.lead")
    sam.post(address("file-start"), chosen(page))
    run_load(load_id=the_load().pk)
    assert Lead.objects.get().first_name == "Ada"
    stranger = logged_in("crm.add_contact", "crm.change_contact")
    for name in ("file", "file-state", "file-undo"):
        assert stranger.get(address(name)).status_code == 403
    for name in ("file-start", "file-look", "file-cancel", "file-discard"):
        assert stranger.post(address(name)).status_code == 403
    assert "people.csv" not in texts(stranger.get(reverse("dotbridge:files")))


def test_people_are_called_as_their_model_calls_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lead._meta, "verbose_name_plural", "alte CRM-Kontakte")
    assert label_of("crm.lead") == "Alte CRM-Kontakte"


def test_who_may_load_nothing_sees_nothing_of_it(logged_in: Callable[..., Client]) -> None:
    nobody = logged_in("crm.add_contact")
    assert nobody.get(reverse("dotbridge:files")).status_code == 403
    assert nobody.get(reverse("dotbridge:file-add")).status_code == 403
    assert reverse("dotbridge:files") not in texts(nobody.get(reverse("dotbridge:people")))


def test_a_file_that_somebody_has_begun_to_load_meanwhile_is_not_forgotten(back_office: Client) -> None:
    """Else it would be loaded, and nobody could say of what, or undo it."""
    page = give(back_office)
    load, sent = the_load(), chosen(page)
    request_load_of_another = Thread(
        target=lambda: (request_load(load=FileLoad.objects.get(pk=load.pk)), connections.close_all())
    )

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if (sql.startswith("DELETE") or "FOR UPDATE" in sql) and request_load_of_another.ident is None:
            request_load_of_another.start()
            request_load_of_another.join()
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        answer = back_office.post(address("file-discard"), sent, follow=True)
    assert the_load().state == LoadState.WAITING
    assert "Only a file that was not loaded can be forgotten." in texts(answer)
