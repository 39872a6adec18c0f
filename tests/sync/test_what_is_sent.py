"""Only what this run has prepared and checked is sent.

The kind: a later step that trusts the work of an earlier one, whatever became of it. The case: uploads that were
prepared in a former run go although the removals, the list state or the preparing failed in this one, so somebody who
opted out meanwhile is sent. The second place: somebody leaves between the preparing and the sending of one run. The
third: what Dotdigital says of consent could not be written down.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.consent.models import Source
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.mapping.models import EmptyValues, MappingRow
from dotbridge.sync.models import State, Upload, UploadState
from dotbridge.sync.outbound import results
from dotbridge.sync.outbound import upload as module
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


@pytest.mark.parametrize(("where", "step"), [("removals", "opt_outs"), ("prepare", "prepare")])
def test_nothing_goes_of_a_list_for_which_a_step_before_failed(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch, where: str, step: str
) -> None:
    book = remote.create_book("First")
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    link = connect(integration, book="First")
    sync(integration, kind=RunKind.CHANGES)
    assert Upload.objects.get().state == UploadState.PREPARED
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk], source=Source.CRM)

    def deadlock(*_arguments: Any) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(f"dotbridge.sync.outbound.{where}.require_current_members", deadlock)
    run = sync(integration, kind=RunKind.EXPORT)

    assert steps_of(run)[step]["state"] == State.FAILED
    assert remote.contacts(book) == {}
    assert Upload.objects.get().state == UploadState.PREPARED
    monkeypatch.undo()
    sync(integration, kind=RunKind.EXPORT)
    assert list(remote.contacts(book)) == ["bob@example.com"]


def test_nothing_goes_while_it_is_not_written_down_who_may_be_mailed(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who left in Dotdigital is known to the mirror then, and to nobody who asks whom to send."""
    book = remote.create_book("First")
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
        remote.create_contact(f"{name}@example.com")
    connect(integration, book="First")
    sync(integration, kind=RunKind.CHANGES)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})

    def deadlock(*_arguments: Any) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr("dotbridge.sync.inbound.consent.record_dotdigitals_word", deadlock)
    run = sync(integration)

    assert steps_of(run)["consent"]["state"] == State.FAILED
    assert Upload.objects.get().state == UploadState.PREPARED
    monkeypatch.undo()
    sync(integration)
    assert list(remote.contacts(book)) == ["bob@example.com"]
    assert Upload.objects.get().row_count == 1


def before_files(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens once all is prepared, right before the files are written."""
    genuine = module.lists_at_work

    def at_work(step: Any) -> Any:
        happens()
        return genuine(step)

    monkeypatch.setattr(module, "lists_at_work", at_work)


def opt_out_before_files(monkeypatch: pytest.MonkeyPatch, link: ListConnection, record_ids: list[int]) -> None:
    """These people opt out then."""
    unsubscribe = partial(unsubscribe_records, marketing_list=link.marketing_list, record_ids=record_ids)
    before_files(monkeypatch, partial(unsubscribe, source=Source.CRM))


def test_who_opts_out_after_the_preparing_is_not_sent(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = remote.create_book("First")
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    link = connect(integration, book="First")
    monkeypatch.setattr("dotbridge.sync.outbound.members.SECONDS_CURRENT", -1.0)
    opt_out_before_files(monkeypatch, link, [ann.pk])

    sync(integration)

    assert list(remote.contacts(book)) == ["bob@example.com"]


def test_who_leaves_before_a_file_goes_is_taken_out_of_that_file_alone(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier upload has done stays known, so that whoever was written to is bound by what they say later."""
    book = remote.create_book("First")
    ann, bob = (add_contact(f"{name}@example.com", name) for name in ("ann", "bob"))
    link = connect(integration, book="First")
    sync(integration)
    first = Upload.objects.get()
    bob.first_name = "Robert"
    bob.save()
    monkeypatch.setattr("dotbridge.sync.outbound.members.SECONDS_CURRENT", -1.0)
    opt_out_before_files(monkeypatch, link, [ann.pk, bob.pk])
    sync(integration)

    assert dict(link.items.values_list("email_key", "upload")) == {"ann@example.com": first.pk, "bob@example.com": None}
    assert remote.contacts(book)["bob@example.com"]["FIRSTNAME"] == "bob"
    monkeypatch.undo()
    sync(integration)
    assert remote.contacts(book) == {}


def test_who_is_removed_from_one_list_before_the_files_go_is_in_no_file_of_that_list(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They opted out of nothing: the file of another list has them still."""
    books = [remote.create_book(name) for name in ("First", "Second")]
    bob = add_contact("bob@example.com", "bob")
    first, second = (connect(integration, book=name) for name in ("First", "Second"))
    sync(integration)
    bob.first_name = "Robert"
    bob.save()
    monkeypatch.setattr("dotbridge.sync.outbound.members.SECONDS_CURRENT", -1.0)
    leaves = partial(remove_records, marketing_list=first.marketing_list, record_ids=[bob.pk])
    before_files(monkeypatch, leaves)
    sync(integration)

    uploads = {each.pk: each.items.values_list("upload__connection", flat=True).get() for each in (first, second)}
    assert uploads == {first.pk: None, second.pk: second.pk}
    monkeypatch.undo()
    sync(integration)
    assert [set(remote.contacts(book)) for book in books] == [set(), {"bob@example.com"}]


def test_who_opts_out_in_the_moment_before_the_file_is_written_is_not_in_it(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is on the list was worked out less than a minute ago, and is not worked out again for it."""
    book = remote.create_book("First")
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    link = connect(integration, book="First")
    opt_out_before_files(monkeypatch, link, [ann.pk])

    sync(integration)

    assert list(remote.contacts(book)) == ["bob@example.com"]


def test_who_opts_out_between_two_files_is_not_in_the_second(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address needs two files where it clears one data field and keeps another."""
    for name in ("JOB", "PHONE"):
        remote.create_field(name, "String")
    book = remote.create_book("First")
    ann, _bob = (add_contact(f"{name}@example.com", name, job_title="", phone="") for name in ("ann", "bob"))
    link = connect(integration, book="First", rows={"JOB": ["job_title"], "PHONE": ["phone"]})
    MappingRow.objects.filter(data_field__name="JOB").update(empty_values=EmptyValues.CLEAR)
    genuine = results.read_results

    def opt_out(step: Any) -> None:
        genuine(step)
        if step.step.name == "results":
            unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk], source=Source.CRM)

    monkeypatch.setattr(results, "read_results", opt_out)

    sync(integration)

    names = {email: values["FIRSTNAME"] for email, values in remote.contacts(book).items()}
    assert names == {"ann@example.com": None, "bob@example.com": "bob"}
    sync(integration)
    assert list(remote.contacts(book)) == ["bob@example.com"]


def test_nothing_of_a_file_is_left_when_its_process_is_killed(
    integration: Integration, remote: RemoteAccount, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no name in the folder is gone with the process: thousands of people would stay in it for ever."""
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"SPOOL_DIR": tmp_path / "spool"}
    book = remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    genuine = module.write_csv
    left: list[Path] = []

    def write(of: Upload, file: Any) -> int:
        rows = genuine(of, file)
        left.extend((tmp_path / "spool").iterdir())
        return rows

    monkeypatch.setattr(module, "write_csv", write)

    sync(integration)

    assert left == []
    assert set(remote.contacts(book)) == {"ann@example.com"}
