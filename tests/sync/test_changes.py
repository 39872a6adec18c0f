"""The part of a run that turns what was noted about changes into records to be compared."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from dotbridge import jobs
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import refresh_data_fields
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import ForcedComparison, Integration
from dotbridge.integrations.services import create_integration
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.models import Change, DirtyRecord
from dotbridge.sync.models import State
from dotbridge.sync.outbound import prepare
from dotbridge.sync.outbound.outgoing import Candidates
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """A list of three people, all of them sent, and nothing left to be compared."""
    remote.create_book("Readers")
    for name in ("ann", "bob", "cid"):
        add_contact(f"{name}@example.com")
    made = connect(integration, book="Readers")
    sync(integration)
    sync(integration, kind=RunKind.CHANGES)
    assert not DirtyRecord.objects.exists()
    return made


def test_a_run_says_how_much_has_changed(integration: Integration, link: ListConnection) -> None:
    Contact.objects.update(first_name="New")
    run = sync(integration, kind=RunKind.CHANGES)
    assert run.state == State.SUCCEEDED
    assert steps_of(run)["changes"] == {"state": State.SUCCEEDED, "message": "", "changes": 1, "dirty": 3}
    assert not Change.objects.exists()


def test_an_export_takes_what_was_noted_a_moment_ago(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_contact SET first_name = 'Raw' WHERE id = (SELECT min(id) FROM crm_contact)")
    steps = steps_of(sync(integration, kind=RunKind.EXPORT))
    assert steps["changes"]["dirty"] == 1
    assert steps["prepare"]["update"] == 1
    contacts = remote.contacts(link.address_book.remote_id)
    assert sorted(values["FIRSTNAME"] for values in contacts.values()) == ["Ann", "Ann", "Raw"]


def test_the_job_takes_the_log_although_no_integration_can_run(integration: Integration, link: ListConnection) -> None:
    Contact.objects.update(first_name="New")
    Integration.objects.update(is_active=False)
    jobs.note_changes.func(timestamp=0)
    assert not Change.objects.exists()
    assert DirtyRecord.objects.count() == 3


def test_the_nightly_job_asks_each_active_integration(integration: Integration, link: ListConnection) -> None:
    asleep = create_integration(name="Asleep", username="u", password="p", is_active=False)
    kept = Mapping.objects.create(integration=asleep, entity="crm.contact")
    Integration.objects.update(forced_comparison=ForcedComparison.ALWAYS)
    jobs.schedule_comparison.func(timestamp=0)
    assert set(Mapping.objects.filter(stale_at=None)) == {kept}


def test_the_data_fields_of_a_list_are_refreshed(integration: Integration, link: ListConnection) -> None:
    link.refresh_from_db()
    compared_as = link.compared_as
    link.items.update(values={"FIRSTNAME": "as if something had escaped us"})
    refresh_data_fields(link=link)
    assert steps_of(sync(integration, kind=RunKind.CHANGES))["prepare"]["update"] == 3
    link.refresh_from_db()
    assert compared_as
    assert link.compared_as == compared_as


def test_whoever_asks_while_all_are_compared_has_them_compared_again(
    integration: Integration, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison at work may have passed by already what they ask for."""
    find = prepare.find_candidates

    def ask_meanwhile(*found: Any, **how: Any) -> Candidates:
        candidates = find(*found, **how)
        refresh_data_fields(link=link)
        return candidates

    refresh_data_fields(link=link)
    monkeypatch.setattr(prepare, "find_candidates", ask_meanwhile)
    sync(integration, kind=RunKind.CHANGES)
    monkeypatch.undo()
    link.items.update(values={"FIRSTNAME": "as if something had escaped us"})
    assert steps_of(sync(integration, kind=RunKind.CHANGES))["prepare"]["update"] == 3
