"""What a load changed is taken back for a day; what others changed since stays."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from dotbridge.crm.models import Account, Contact, ContactEmail, Lead, Order
from dotbridge.files import targets
from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad, LoadedRecord
from dotbridge.files.services import undo_load
from dotbridge.files.targets import Role, file_target
from dotbridge.files.undoing import Undone
from tests.files.conftest import OptOutKeeper, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead_with_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leads, whose address is a column of their own, known by their company."""
    target = file_target("crm.lead")
    roles = {**target.roles, Role.EXTERNAL_ID: "company"}
    monkeypatch.setitem(targets._registered, "crm.lead", dataclasses.replace(target, roles=roles))


BEFORE = "email,first name,last name,birthday,company,lead score\n"


def of(email: str) -> Contact:
    return Contact.objects.get(emails__email=email)


def test_a_load_is_taken_back(keeper: OptOutKeeper) -> None:
    load(BEFORE + "a@example.com,Ann,Byron,1990-05-17,Acme,7\nb@example.com,Bob,Poe,,,\n")
    before = list(Contact.objects.order_by("pk").values("first_name", "last_name", "birthday", "account", "lead_score"))
    report = load(
        "email,first name,birthday,company,lead score,opt out\na@example.com,Anna,1991-01-01,Other,8,yes\n"
        "b@example.com,,1980-01-01,,9,\nc@example.com,Cem,,,,\n"
    )
    assert (report.created, report.updated) == (1, 2)
    assert undo_load(load=FileLoad.objects.get(pk=report.number)) == Undone(restored=2, deleted=1, kept=0)
    after = list(Contact.objects.order_by("pk").values("first_name", "last_name", "birthday", "account", "lead_score"))
    assert after == before
    assert not ContactEmail.objects.filter(email="c@example.com").exists()
    assert Account.objects.count() == 2
    # The person's word stays.
    assert keeper.emails() == {"a@example.com"}
    assert not LoadedRecord.objects.filter(load=report.number).exists()


def test_what_others_changed_since_stays() -> None:
    load(BEFORE + "a@example.com,Ann,Byron,,,1\nb@example.com,Bob,Poe,,,1\n")
    report = load(
        "email,first name,lead score\na@example.com,Anna,2\nb@example.com,Bobby,2\n"
        "c@example.com,Cem,\nd@example.com,Dee,\n"
    )
    Contact.objects.filter(pk=of("a@example.com").pk).update(first_name="Annie")
    Contact.objects.filter(pk=of("b@example.com").pk).update(first_name="Rob", lead_score=3)
    Contact.objects.filter(pk=of("c@example.com").pk).update(first_name="Cemal")
    assert undo_load(load=FileLoad.objects.get(pk=report.number)) == Undone(restored=1, deleted=1, kept=2)
    assert (of("a@example.com").first_name, of("a@example.com").lead_score) == ("Annie", 1)
    assert (of("b@example.com").first_name, of("b@example.com").lead_score) == ("Rob", 3)
    assert of("c@example.com").first_name == "Cemal"
    assert not ContactEmail.objects.filter(email="d@example.com").exists()


def test_a_new_record_that_something_was_done_with_since_stays() -> None:
    """Whatever column it was, also of a file that holds nothing but addresses."""
    report = load("email\na@example.com\nb@example.com\nc@example.com\nd@example.com\n")
    Contact.objects.filter(pk=of("a@example.com").pk).update(last_name="Byron")
    Order.objects.create(contact=of("b@example.com"), number="B-1")
    load("email,last name\nc@example.com,Poe\n")
    assert undo_load(load=FileLoad.objects.get(pk=report.number)) == Undone(restored=0, deleted=1, kept=3)
    assert set(ContactEmail.objects.values_list("email", flat=True)) == {f"{who}@example.com" for who in "abc"}
    assert Order.objects.get().number == "B-1"


def test_an_address_may_go_from_one_person_to_a_new_one_and_back(lead_with_id: None) -> None:
    load("Company,E-mail\nseven,a@example.com\n", entity="crm.lead")
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX ON crm_lead (lower(email))")
    report = load("Company,E-mail\nnine,a@example.com\nseven,b@example.com\n", entity="crm.lead")
    assert dict(Lead.objects.values_list("company", "email")) == {"nine": "a@example.com", "seven": "b@example.com"}
    assert undo_load(load=FileLoad.objects.get(pk=report.number)) == Undone(restored=1, deleted=1, kept=0)
    assert dict(Lead.objects.values_list("company", "email")) == {"seven": "a@example.com"}


def test_an_address_that_somebody_else_has_by_now_is_not_taken_back(lead_with_id: None) -> None:
    load("Company,E-mail\nseven,a@example.com\n", entity="crm.lead")
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX ON crm_lead (lower(email))")
    report = load("Company,E-mail\nseven,b@example.com\n", entity="crm.lead")
    Lead.objects.create(company="nine", email="A@example.com")
    undo_load(load=FileLoad.objects.get(pk=report.number))
    assert dict(Lead.objects.values_list("company", "email")) == {"nine": "A@example.com", "seven": "b@example.com"}


def test_only_once_and_for_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    number = load("email\na@example.com\n").number
    late = load("email\nb@example.com\n").number
    call_command("undo_file_load", str(number))
    assert capsys.readouterr().out == "0 records restored, 1 deleted, 0 left as others changed them since.\n"
    with pytest.raises(CommandError, match="undone already") as failed:
        call_command("undo_file_load", str(number))
    assert failed.value.returncode == 2
    FileLoad.objects.filter(pk=late).update(loaded_at=timezone.now() - datetime.timedelta(hours=25))
    with pytest.raises(FileRefused, match="for 24 hours"):
        undo_load(load=FileLoad.objects.get(pk=late))
    with pytest.raises(CommandError, match="There is no load 0"):
        call_command("undo_file_load", "0")
