"""What a load changed is taken back for a day; what others changed since stays."""

from __future__ import annotations

import datetime

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from dotbridge.crm.models import Account, Contact, ContactEmail
from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad, LoadedRecord
from dotbridge.files.services import undo_load
from dotbridge.files.undoing import Undone
from tests.files.conftest import OptOutKeeper, load

pytestmark = pytest.mark.django_db

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
