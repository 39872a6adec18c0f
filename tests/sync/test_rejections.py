"""A problem that lasts is one row, and a run that met nothing new went well.

The kind: what is written each time that it is seen, so that nobody can tell what is new, and a green light never comes.
The case: one impossible address, one broken list, a run each few minutes, *partial* for ever. The second place found:
whom Dotdigital refuses because they may not be mailed counted as rejected in the run and as opted out everywhere else.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.summary import run_summary
from dotbridge.sync.models import Rejection, State, Step, SyncRun, Upload
from dotbridge.sync.rejections import end_rejections, new_rejections, note_rejections
from dotbridge.sync.retention import delete_old_records
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor

__all__ = ["scripted", "vendor"]

BROKEN = {"combinator": "and", "rules": [{"field": "no_such_field", "operator": "=", "value": 1}]}


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """A connected list with one member in the book."""
    add_contact("ann@example.com")
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    return link


def break_rule(link: ListConnection, rule: object) -> None:
    """Give the list this rule, whatever it says."""
    MarketingList.objects.filter(pk=link.marketing_list_id).update(rule=rule)


def step_of(integration: Integration, name: str = "contacts") -> Step:
    """A step at work."""
    now = timezone.now()
    run = SyncRun.objects.create(integration=integration, kind=RunKind.IMPORT, trigger="test", started_at=now)
    return Step.objects.create(run=run, name=name, started_at=now)


def test_a_lasting_problem_is_one_row_and_no_run_that_met_it_again_is_partial(
    integration: Integration, link: ListConnection
) -> None:
    break_rule(link, BROKEN)
    first = sync(integration)
    lasting = list(Rejection.objects.order_by("pk").values_list("pk", "first_at"))

    later = [sync(integration) for _number in range(2)]

    assert first.state == State.PARTIAL
    assert "New problems: " in first.message
    assert [run.state for run in later] == [State.SUCCEEDED, State.SUCCEEDED]
    met = sum(counts.get("rejected", 0) for counts in steps_of(later[1]).values())
    assert met > 0
    assert later[1].message == f"Nothing new went wrong. Known problems met again: {met}."
    assert list(Rejection.objects.order_by("pk").values_list("pk", "first_at")) == lasting
    assert set(Rejection.objects.values_list("times", "ended_at")) == {(3, None)}
    assert set(Rejection.objects.values_list("step__run", flat=True)) == {later[1].pk}


def test_a_problem_that_a_complete_pass_does_not_meet_again_is_over_and_new_when_it_comes_back(
    integration: Integration, link: ListConnection
) -> None:
    break_rule(link, BROKEN)
    sync(integration)
    break_rule(link, {})
    mended = sync(integration)
    assert mended.state == State.SUCCEEDED
    assert not Rejection.objects.filter(ended_at=None).exists()

    break_rule(link, BROKEN)
    again = sync(integration)

    assert again.state == State.PARTIAL
    assert set(Rejection.objects.values_list("times", "ended_at")) == {(1, None)}
    assert set(Rejection.objects.values_list("first_at", flat=True)) == set(
        Rejection.objects.values_list("last_at", flat=True)
    )


def test_a_run_for_one_list_ends_no_other_lists_problem(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_book("Others")
    other = connect(integration, book="Others")
    break_rule(link, BROKEN)
    sync(integration)
    assert Rejection.objects.filter(ended_at=None).exists()
    sync(integration, link=other)
    assert not Rejection.objects.exclude(ended_at=None).exists()


def test_a_list_that_the_run_leaves_alone_keeps_its_problems(integration: Integration, link: ListConnection) -> None:
    """The steps after the one that stopped for a list do not look at it, so they know nothing of it."""
    step = step_of(integration, "prepare")
    note_rejections(step, [(str(link.marketing_list), "not_done", "It did not answer.")])
    break_rule(link, BROKEN)
    sync(integration)
    assert Rejection.objects.get(step_name="prepare").ended_at is None
    break_rule(link, {})
    sync(integration)
    assert Rejection.objects.get(step_name="prepare").ended_at is not None


def test_a_refused_row_is_a_problem_until_it_is_not_refused_any_more(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """It is refused once, and no later step meets it: the row itself says whether it lasts."""
    remote.create_field("NOTE", "String")
    sync(integration, force_data_fields=True)
    mapping = Mapping.objects.get(entity="crm.contact")
    MappingRow.objects.create(
        mapping=mapping, data_field=integration.data_fields.get(name="NOTE"), entity_fields=["notes"]
    )
    Contact.objects.update(notes="x" * 1001)
    assert sync(integration).state == State.PARTIAL
    assert sync(integration).state == State.SUCCEEDED
    assert Rejection.objects.get().ended_at is None

    Contact.objects.update(notes="short")
    sync(integration)

    assert Rejection.objects.get().ended_at is not None


def test_rejected_is_one_number(integration: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    """Whom Dotdigital refuses because they may not be mailed is opted out, in the run, its upload and the list."""
    add_contact("bob@example.com")
    add_contact("not an address")
    sync(integration, kind=RunKind.IMPORT)
    remote.create_contact("bob@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "bob@example.com"})

    run = sync(integration, kind=RunKind.EXPORT)

    assert sum(run_summary(run, link)["rejected"].values()) == 1
    assert sum(counts.get("rejected", 0) for counts in steps_of(run).values()) == 1
    assert Rejection.objects.filter(ended_at=None).count() == 1
    upload = Upload.objects.order_by("pk").last()
    assert upload is not None
    assert (upload.rejected_count, upload.opted_out_count) == (0, 1)


def test_what_a_feed_of_changes_said_once_stays_until_everything_is_read_again(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    book = "address-books/7/contacts"
    vendor.answers[book] = [{"id": 1, "email": ""}]
    assert run_import(scripted).state == State.PARTIAL
    vendor.answers[book] = []
    assert run_import(scripted).state == State.SUCCEEDED
    assert Rejection.objects.get().ended_at is None
    sync(scripted, kind=RunKind.RECONCILE)
    assert Rejection.objects.get().ended_at is not None


@pytest.mark.django_db
class TestNoting:
    """Noting and ending, without a network."""

    @pytest.fixture
    def owner(self) -> Integration:
        return create_integration(name="Kept", username="u", password="p")

    def test_one_step_that_meets_it_twice_counts_once(self, owner: Integration) -> None:
        step = step_of(owner)
        assert note_rejections(step, [("campaign", "unreadable", "a"), ("campaign", "unreadable", "b")]) == 2
        assert note_rejections(step, [("campaign", "unreadable", "c")]) == 1
        kept = Rejection.objects.get()
        assert (kept.times, kept.detail, new_rejections(step)) == (1, "c", 1)
        second = step_of(owner)
        note_rejections(second, [("campaign", "unreadable", "d")])
        assert new_rejections(second) == 0
        assert Rejection.objects.get().times == 2

    def test_what_is_too_long_or_cannot_be_stored_is_noted_all_the_same(self, owner: Integration) -> None:
        subject = "Ä" * 1000 + "\x00"
        note_rejections(step_of(owner), [(subject, "r" * 100, "\x00" + "d" * 5000)])
        note_rejections(step_of(owner), [(subject, "r" * 100, "d")])
        kept = Rejection.objects.get()
        assert (kept.subject, kept.reason, kept.times) == ("Ä" * 320, "r" * 64, 2)

    def test_noting_costs_one_statement_however_many(self, owner: Integration) -> None:
        step = step_of(owner)
        for number in (1, 500):
            with CaptureQueriesContext(connection) as queries:
                note_rejections(step, [(f"p{each}@example.com", "no_email", "") for each in range(number)])
            assert len(queries) == 1

    def test_what_is_open_is_found_by_its_index(self, owner: Integration) -> None:
        """Among 20,000 that are over, the few that may be over now."""
        step = step_of(owner)
        note_rejections(step, [(f"p{number}", "unreadable", "") for number in range(20_000)])
        Rejection.objects.update(ended_at=timezone.now())
        note_rejections(step_of(owner), [("open", "unreadable", "")])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE dotbridge_sync_rejection")
        later = step_of(owner)
        with CaptureQueriesContext(connection) as queries:
            assert end_rejections(later, except_reasons=[], except_subjects=[]) == 1
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {queries[-1]['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "rejection_open" in plan

    def test_a_rejection_goes_when_it_has_been_over_for_so_long(self, owner: Integration) -> None:
        now = timezone.now()
        names = ("lasting", "long over", "just over", "not met", "refused row")
        for name in names:
            step = step_of(owner, "results" if name == "refused row" else "contacts")
            note_rejections(step, [(name, "invalid_email" if name == "refused row" else "unreadable", "")])
        Rejection.objects.filter(subject="long over").update(ended_at=now - timedelta(days=91))
        Rejection.objects.filter(subject="just over").update(ended_at=now - timedelta(days=89))
        Rejection.objects.filter(subject__in=["not met", "refused row"]).update(last_at=now - timedelta(days=9))

        assert delete_old_records(keep_days=90, now=now).rejections == 1

        left = dict(Rejection.objects.values_list("subject", "ended_at"))
        assert set(left) == set(names) - {"long over"}
        assert (left["lasting"], left["refused row"]) == (None, None)
        # Even a full comparison would have met it by now.
        assert left["not met"] == now - timedelta(days=9)

    def test_a_rejection_outlives_the_run_that_met_it(self, owner: Integration) -> None:
        step = step_of(owner)
        note_rejections(step, [("book", "not_read", "")])
        step.run.delete()
        assert Rejection.objects.get().step is None
