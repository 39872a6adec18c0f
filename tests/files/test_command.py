"""The command line: what it tells, and what it asks with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dotbridge.crm.models import Contact
from tests.files.conftest import CASES, OptOutKeeper
from tests.files.test_loading import latin_1_file

pytestmark = pytest.mark.django_db
UNSURE = "Email,Last name\na@example.com,Pir\u00e8\n".encode("cp1252")


def test_the_command_tells_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(latin_1_file(60))
    call_command("load_file", "crm.contact", str(path), "--dry-run")
    told = capsys.readouterr().out
    assert told.startswith("Nothing was written. A load would do this:\n59 rows: 55 created")
    assert not Contact.objects.exists()
    call_command("load_file", "crm.contact", str(path))
    told = capsys.readouterr().out
    assert "59 rows: 55 created, 0 updated, 0 unchanged, 4 not taken." in told
    assert "Read as: CSV, cp1252, delimiter ;" in told
    assert "line 32, E-Mail: 'keine Adresse': This is no e-mail address" in told
    call_command("load_file", "crm.contact", str(path), "--json", "--encoding=latin-1", "--delimiter=;")
    report = json.loads(capsys.readouterr().out)
    assert (report["unchanged"], report["refused"], report["encoding"]) == (55, 4, "iso8859-1")
    assert report["encoding_named"]
    assert report["problems"][0]["line"] == 12


def test_the_command_shows_a_few_problems_and_unused_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keeper: OptOutKeeper
) -> None:
    path = tmp_path / "contacts.csv"
    rows = "ok@example.com\tsoon\t1\tperhaps\n" + "nobody\t1\t\t\n" * 30
    path.write_text("E-mail\tBirthday\tShoe\tOpt out\n" + rows, encoding="utf-8")
    call_command("load_file", "crm.contact", str(path))
    told = capsys.readouterr().out
    assert "delimiter tab" in told
    assert "Columns without use: Shoe" in told
    assert "Columns of consent: Opt out" in told
    assert "1 people are opted out by this file, 1 of them because their cell is not clear." in told
    assert "'soon': This is no date. Write the date as YEAR-MONTH-DAY, such as 1990-05-17. Taken without it." in told
    assert "name@example.com. The same in 29 more lines." in told


def test_the_command_shows_as_many_kinds_of_problems_as_a_screen_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "contacts.csv"
    rows = [f"a{number}@example.com,{'x' * (21 + number // 2)}" for number in range(60)]
    path.write_text("\n".join(["E-mail,Language", *rows]), encoding="utf-8")
    call_command("load_file", "crm.contact", str(path))
    told = capsys.readouterr().out
    assert told.count("The same in 1 more lines.") == 20
    assert "... and 20 more; --json names them." in told


def test_an_encoding_that_is_not_sure_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unsure.csv"
    path.write_bytes(UNSURE)
    with pytest.raises(CommandError) as asked:
        call_command("load_file", "crm.contact", str(path))
    assert asked.value.returncode == 2
    assert "cp1252      a@example.com,Pir\u00e8" in str(asked.value)
    assert "Name it with --encoding." in str(asked.value)
    with pytest.raises(CommandError) as asked:
        call_command("load_file", "crm.contact", str(path), "--json")
    told = json.loads(capsys.readouterr().out)
    assert asked.value.returncode == 2
    assert not told["loaded"]
    assert {"encoding": "cp1250", "sample": "a@example.com,Pir\u010d"} in told["encoding_candidates"]
    assert not Contact.objects.exists()
    call_command("load_file", "crm.contact", str(path), "--encoding=cp1252", "--json")
    assert json.loads(capsys.readouterr().out)["created"] == 1
    assert Contact.objects.get().last_name == "Pir\u00e8"


def test_columns_and_rows_of_one_address_are_decided(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--same-address=last", "--columns=Last name=unused", "--columns", "First name=last_name", "--json"]
    call_command("load_file", "crm.contact", str(CASES / "l8_family.csv"), *options)
    report = json.loads(capsys.readouterr().out)
    assert (report["same_address"], report["problems"], report["unused_columns"]) == (1, [], ["Last name"])
    assert Contact.objects.get().last_name == "Bob"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["crm.contact", "missing.csv"], r"missing.csv cannot be read: No such file"),
        (["crm.contact", "empty.csv"], r"empty.csv was not loaded. The file is empty."),
        (["crm.nobody", "empty.csv"], r"Files cannot be loaded into 'crm.nobody'"),
        (["crm.contact", "empty.csv", "--columns=x"], r"'x' must be COLUMN=FIELD"),
    ],
)
def test_the_command_fails_with_one_sentence(tmp_path: Path, arguments: list[str], why: str) -> None:
    (tmp_path / "empty.csv").touch()
    entity, name, *options = arguments
    with pytest.raises(CommandError, match=why) as failed:
        call_command("load_file", entity, str(tmp_path / name), *options)
    assert failed.value.returncode == 2
