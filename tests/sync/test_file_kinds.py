"""What an empty cell of an uploaded file does is settled when the file is prepared, and no cell carries an old value.

The kind: something worked out twice around a slow act, so that a change in between mixes two answers (the merge option
was asked for before and after the file was written). The second place: the columns of the file, which were asked for a
third time; and a kept cell, which carried what the mirror remembered over what somebody had changed there since.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, MappingRow
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound import upload as uploading
from tests.accounts import RemoteAccount, add_contact, connect, sync

OVERWRITE, KEEP = "Overwrite", "OnlyOverwriteIfNotEmpty"


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    for name in ("JOB", "PHONE"):
        remote.create_field(name, "String")
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, book: int) -> ListConnection:
    """JOB is cleared when it is empty here, PHONE and the names are kept."""
    made = connect(integration, book="Readers", rows={"JOB": ["job_title"], "PHONE": ["phone"]})
    MappingRow.objects.filter(data_field__name="JOB").update(empty_values=EmptyValues.CLEAR)
    return made


def files() -> list[tuple[str, list[str], list[str]]]:
    """The merge option, the columns and the columns of the second file of each upload, in order."""
    return list(Upload.objects.order_by("pk").values_list("merge_option", "columns", "rest_columns"))


def content_of(upload: Upload) -> list[dict[str, str]]:
    file = io.BytesIO()
    uploading.write_csv(upload, file)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode())))


def test_a_mapping_saved_while_the_file_is_written_clears_nothing(
    integration: Integration, remote: RemoteAccount, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_contact("ann@example.com", job_title="")
    connect(integration, book="Readers", rows={"JOB": ["job_title"]})
    remote.create_contact("ann@example.com", book=book, JOB="kept in Dotdigital")
    genuine = uploading.write_csv

    def slow(upload: Any, file: Any) -> int:
        rows = genuine(upload, file)
        MappingRow.objects.filter(data_field__name="LASTNAME").update(empty_values=EmptyValues.CLEAR)
        return rows

    monkeypatch.setattr(uploading, "write_csv", slow)
    sync(integration)
    assert remote.contacts(book)["ann@example.com"]["JOB"] == "kept in Dotdigital"


def test_a_kept_cell_carries_no_old_value(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    add_contact("ann@example.com", job_title="", phone="")
    remote.create_contact("ann@example.com", book=book, JOB="Smith", PHONE="1")
    sync(integration, kind=RunKind.IMPORT)
    sync(integration, kind=RunKind.CHANGES)
    (upload,) = Upload.objects.all()
    assert content_of(upload) == [{"Email": "ann@example.com", "JOB": ""}]
    contact = remote.find_contact("ann@example.com")
    assert contact is not None
    changed = {"email": "ann@example.com", "dataFields": [{"key": "PHONE", "value": "2"}]}
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", changed)

    sync(integration)

    values = remote.contacts(book)["ann@example.com"]
    assert (values["PHONE"], values["JOB"] or "", values["FIRSTNAME"]) == ("2", "", "Ann")


def test_only_who_clears_one_and_keeps_another_needs_two_files(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    add_contact("full@example.com", job_title="Smith", phone="1")
    add_contact("keeps@example.com", job_title="Smith", phone="")
    add_contact("clears@example.com", job_title="", phone="1")
    add_contact("both@example.com", job_title="", phone="")

    sync(integration)

    everything = ["FIRSTNAME", "FULLNAME", "JOB", "LASTNAME", "PHONE"]
    kept = [name for name in everything if name != "JOB"]
    found = [(merge, sorted(columns), sorted(rest)) for merge, columns, rest in files()]
    assert sorted(found) == sorted(
        [(KEEP, everything, []), (OVERWRITE, everything, []), (OVERWRITE, ["JOB"], kept), (KEEP, kept, [])]
    )
    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.FINISHED}
    assert {values["FIRSTNAME"] for values in remote.contacts(book).values()} == {"Ann"}
    assert link.items.filter(upload__state=UploadState.FINISHED, reason="").count() == 4
    Upload.objects.all().update(message="seen")
    sync(integration)
    assert not Upload.objects.exclude(message="seen").exists(), "nobody is sent again"


def test_a_change_of_the_mapping_moves_what_waits_into_another_file(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    MappingRow.objects.update(empty_values=EmptyValues.KEEP)
    add_contact("ann@example.com", job_title="", phone="1")
    remote.create_contact("ann@example.com", book=book, JOB="Smith", PHONE="1")
    sync(integration, kind=RunKind.CHANGES)
    assert [merge for merge, _columns, _rest in files()] == [KEEP]
    MappingRow.objects.filter(data_field__name="JOB").update(empty_values=EmptyValues.CLEAR)

    sync(integration)

    assert not remote.contacts(book)["ann@example.com"]["JOB"]
    MappingRow.objects.update(empty_values=EmptyValues.CLEAR)
    sync(integration)
    Contact.objects.update(phone="", job_title="Smith")
    sync(integration, kind=RunKind.CHANGES)
    MappingRow.objects.update(empty_values=EmptyValues.KEEP)
    sync(integration)
    values = remote.contacts(book)["ann@example.com"]
    assert (values["JOB"], values["PHONE"]) == ("Smith", "1")


def test_a_data_field_that_vanishes_sends_nobody_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    add_contact("ann@example.com", job_title="Smith", phone="1")
    sync(integration)
    uploads = Upload.objects.count()
    remote.ask("DELETE", "/v2/data-fields/PHONE")

    sync(integration, force_data_fields=True)
    sync(integration)

    assert Upload.objects.count() == uploads
    assert "PHONE" not in link.items.get().values
    remote.create_field("PHONE", "String")
    sync(integration, force_data_fields=True)
    sync(integration)
    assert remote.contacts(book)["ann@example.com"]["PHONE"] == "1"
