"""The CRM's screens: they open, search, show a constant number of statements, and take a contact file."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.forms import Form
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from dotbridge.consent.files import keep_opt_outs
from dotbridge.crm import importing
from dotbridge.crm.generator import generate_crm
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.files.opt_outs import receive_opt_outs, stop_receiving

pytestmark = pytest.mark.django_db
IMPORT = "admin:crm_contact_import"
FILE = (
    "Vorname;Name;E-Mail;Geburtstag\nJürgen;Größmann;j@example.com;\nKäthe;Weiß;keine;\nUwe;Groß;u@example.com;bald\n"
)


@pytest.fixture
def back_office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("mona", password="x"))
    return client


def upload(client: Client, content: bytes, file_format: str = "0") -> Any:
    file = SimpleUploadedFile("contacts.csv", content, content_type="text/csv")
    return client.post(reverse(IMPORT), {"import_file": file, "format": file_format, "resource": "0"})


def confirmation(response: Any) -> dict[str, str]:
    return {**response.context["confirm_form"].initial}


@pytest.mark.parametrize("model", ["account", "contact", "lead", "customer"])
@pytest.mark.parametrize("query", ["", "?q=a"])
def test_lists_open_and_search(back_office: Client, model: str, query: str) -> None:
    generate_crm(contacts=60, leads=5, customers=5, seed=1)
    response = back_office.get(reverse(f"admin:crm_{model}_changelist") + query)
    assert response.status_code == 200
    assert response.context["cl"].result_count > 0


@pytest.mark.parametrize("model", [Account, Contact, Lead, Customer])
def test_pages_of_one_record_open(back_office: Client, model: type[Model]) -> None:
    generate_crm(contacts=25, leads=5, customers=5, seed=1)
    name = model._meta.model_name
    record = model._default_manager.earliest("pk")
    assert back_office.get(reverse(f"admin:crm_{name}_add")).status_code == 200
    page = back_office.get(reverse(f"admin:crm_{name}_change", args=[record.pk]))
    assert escape(str(record)) in page.content.decode()


def test_the_list_shows_the_primary_address_without_a_statement_a_row(
    back_office: Client, django_assert_max_num_queries: Any
) -> None:
    generate_crm(contacts=100, leads=0, customers=0, seed=1)
    with django_assert_max_num_queries(20):
        response = back_office.get(reverse("admin:crm_contact_changelist"))
    assert "subscriber.1@example.com" in response.content.decode()


def test_a_contacts_addresses_are_edited_on_its_page(back_office: Client) -> None:
    contact = Contact.objects.create(first_name="Ada")
    ContactEmail.objects.create(contact=contact, email="ada@example.com", is_primary=True)
    response = back_office.get(reverse("admin:crm_contact_change", args=[contact.pk]))
    assert "ada@example.com" in response.content.decode()
    assert str(contact) == "Ada"


def test_the_list_has_a_way_in_for_files(back_office: Client) -> None:
    assert reverse(IMPORT) in back_office.get(reverse("admin:crm_contact_changelist")).content.decode()
    page = back_office.get(reverse(IMPORT))
    assert page.status_code == 200
    shown = page.content.decode()
    assert "CSV, XLSX, ODS, vCard or JSON Lines" in shown
    assert "email" in shown


def test_a_file_is_previewed_then_loaded(back_office: Client) -> None:
    preview = upload(back_office, FILE.encode("latin-1"))
    shown = preview.content.decode()
    assert not Contact.objects.exists()
    assert "Of 3 rows 2 would be created, 0 updated, 0 left unchanged." in shown
    assert "Rows that would not be taken: 1." in shown
    assert "This is no e-mail address: An email address must have an @-sign. The row is not taken." in shown
    assert "This is no date. The row is taken without it." in shown
    assert "Write the date as YEAR-MONTH-DAY, such as 1990-05-17." in shown
    done = back_office.post(reverse("admin:crm_contact_process_import"), confirmation(preview), follow=True)
    assert done.redirect_chain == [(reverse("admin:crm_contact_changelist"), 302)]
    assert "2 contacts created, 0 updated, 0 unchanged, 1 not taken." in done.content.decode()
    assert set(Contact.objects.values_list("first_name", "last_name", "emails__email")) == {
        ("Jürgen", "Größmann", "j@example.com"),
        ("Uwe", "Groß", "u@example.com"),
    }


def test_what_was_understood_is_shown_before_it_is_loaded(back_office: Client) -> None:
    shown = upload(back_office, b"E-mail;Geburtstag;Schuh;Opt out\na@example.com;17/05/1990;38;yes\n").content.decode()
    assert "Read as: CSV, utf-8, delimiter ;" in shown
    assert "Geburtstag (birthday: dates with /: day first)" in shown
    assert "Columns without use: Schuh" in shown
    assert "1 people are opted out by this file" in shown


def test_opt_outs_that_nobody_keeps_are_told_at_the_confirmation(back_office: Client) -> None:
    preview = upload(back_office, b"E-mail,Opt out\na@example.com,yes\n")
    stop_receiving(keep_opt_outs)
    try:
        done = back_office.post(reverse("admin:crm_contact_process_import"), confirmation(preview), follow=True)
    finally:
        receive_opt_outs(keep_opt_outs)
    assert "nothing here keeps that" in done.content.decode()
    assert not Contact.objects.exists()


def test_an_encoding_that_is_not_sure_is_chosen(back_office: Client) -> None:
    unsure = "E-mail,Last name\na@example.com,Pir\u00e8\n".encode("cp1252")
    form = upload(back_office, unsure).context["form"]
    assert "not sure" in form.errors["import_file"][0]
    assert "cp1250: a@example.com,Pir\u010d" in form.errors["format"]
    (number,) = [key for key, title in form.fields["format"].choices if str(title).endswith(" cp1252")]
    preview = upload(back_office, unsure, number)
    assert "Read as: CSV, cp1252 (named)" in preview.content.decode()
    back_office.post(reverse("admin:crm_contact_process_import"), confirmation(preview))
    assert Contact.objects.get().last_name == "Pir\u00e8"


def test_an_upload_that_nobody_would_wait_for_is_refused(back_office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LARGEST_UPLOAD", 10)
    form = upload(back_office, FILE.encode()).context["form"]
    assert "dotbridge crm load" in form.errors["import_file"][0]


def test_values_are_shown_as_text_not_as_markup(back_office: Client) -> None:
    shown = upload(back_office, b"E-mail,Name\n<script>alert(1)</script>,x\n").content.decode()
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 a workbook", "The packed file is damaged."),
        (b"First name,City\nAda,London\n", "No column holds e-mail addresses."),
        (b"\n", "The file is empty."),
    ],
)
def test_a_file_that_is_no_contact_file_is_told_beside_the_field(back_office: Client, content: bytes, why: str) -> None:
    response = upload(back_office, content)
    assert response.status_code == 200
    (message,) = response.context["form"].errors["import_file"]
    assert message.startswith(why)


def test_a_mistake_of_ours_is_not_taken_for_one_of_the_file() -> None:
    with pytest.raises(ZeroDivisionError):
        site.get_model_admin(Contact).add_data_read_fail_error_to_form(Form(), ZeroDivisionError())


def test_an_upload_is_kept_to_ourselves_and_cleared_away(
    back_office: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first = tmp_path / confirmation(upload(back_office, FILE.encode()))["import_file_name"]
    assert first.stat().st_mode & 0o777 == 0o600
    an_hour_ago = time.time() - 3_601
    os.utime(first, (an_hour_ago, an_hour_ago))
    preview = upload(back_office, FILE.encode())
    assert not first.exists()
    back_office.post(reverse("admin:crm_contact_process_import"), confirmation(preview))
    assert Contact.objects.count() == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no-such-upload", "contacts.csv", "dotbridge-upload-" + "0" * 32])
def test_a_file_that_is_no_upload_of_ours_is_not_read(
    back_office: Client, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "contacts.csv").write_text("E-mail\nstranger@example.com\n")
    data = {**confirmation(upload(back_office, FILE.encode())), "import_file_name": name}
    response = back_office.post(reverse("admin:crm_contact_process_import"), data, follow=True)
    assert response.redirect_chain == [(reverse(IMPORT), 302)]
    assert "no longer here" in response.content.decode()
    assert not Contact.objects.exists()


@pytest.mark.parametrize(("rights", "status"), [(["add", "change"], 200), (["add"], 403), (["change"], 403)])
def test_loading_takes_the_right_to_add_and_to_change(client: Client, rights: list[str], status: int) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"{right}_contact" for right in rights]))
    client.force_login(user)
    assert client.get(reverse(IMPORT)).status_code == status
