"""Lists that are live, refreshed or picked: who is on them, and that the export sees all three the same way."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.crm.models import Contact, ContactEmail, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import FaultyEntity, entity
from dotbridge.jobs import refresh_list_for
from dotbridge.lists import listed_services
from dotbridge.lists.columns import ColumnsError, Sort, columns_of, lacks_email_column, read_columns, with_columns
from dotbridge.lists.listed_services import (
    PickReport,
    RefreshReport,
    WrongListType,
    add_addresses,
    add_records,
    refresh_due_lists,
    refresh_list,
    take_out_records,
)
from dotbridge.lists.models import ListedRecord, ListType, MarketingList
from dotbridge.lists.refreshing import refresh_now
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import count_members, matching_records, members, records_with_standing
from dotbridge.lists.services import create_list, remove_records, update_list

pytestmark = pytest.mark.django_db
VIPS = {"rules": [{"field": "is_vip", "operator": "=", "value": True}]}


def person(name: str, **values: Any) -> Contact:
    made = Contact.objects.create(first_name=name, **values)
    ContactEmail.objects.create(contact=made, email=f"{name}@Example.com", is_primary=True)
    return made


def names(marketing_list: MarketingList) -> str:
    keys = matching_records(marketing_list).values_list("record_pk", flat=True)
    return "".join(Contact.objects.filter(pk__in=keys).order_by("pk").values_list("first_name", flat=True))


@pytest.fixture
def ada() -> Contact:
    return person("A", is_vip=True)


@pytest.fixture
def bob() -> Contact:
    return person("B")


def test_a_list_on_demand_changes_when_it_is_refreshed(ada: Contact, bob: Contact) -> None:
    user = get_user_model().objects.create_user("mona")
    kept = create_list(name="VIPs", entity="crm.contact", rule=VIPS, type=ListType.ON_DEMAND, owner=user)
    assert (names(kept), kept.owner) == ("A", user)
    first = kept.refreshed_at
    Contact.objects.update(is_vip=False)
    Contact.objects.filter(pk=bob.pk).update(is_vip=True)
    person("C", is_vip=True)
    assert names(kept) == "A"
    assert refresh_list(marketing_list=kept, by=user) == RefreshReport(total=2, added=2, taken_out=1)
    assert names(kept) == "BC"
    assert first is not None
    assert kept.refreshed_at is not None
    assert kept.refreshed_at > first
    assert kept.refreshed_by == user
    assert refresh_list(marketing_list=kept) == RefreshReport(total=2, added=0, taken_out=0)
    assert kept.refreshed_by is None


def test_a_refresh_is_one_statement_however_many(ada: Contact, django_assert_num_queries: Any) -> None:
    kept = create_list(name="All", entity="crm.contact", type=ListType.ON_DEMAND)
    Contact.objects.bulk_create(Contact(first_name="x") for _ in range(3_000))
    # The savepoint and its end, the lock on the list, the refresh, the note that its kept numbers are of before, and
    # the moment of the refresh read back.
    with django_assert_num_queries(6):
        assert refresh_list(marketing_list=kept).added == 3_000


def test_removed_ones_stay_off_a_refreshed_list(ada: Contact) -> None:
    kept = create_list(name="VIPs", entity="crm.contact", rule=VIPS, type=ListType.ON_DEMAND)
    remove_records(marketing_list=kept, record_ids=[ada.pk])
    refresh_list(marketing_list=kept)
    assert (names(kept), members(kept).count(), count_members(kept).removed) == ("A", 0, 1)


def test_only_a_list_on_demand_is_refreshed() -> None:
    live = create_list(name="All", entity="crm.contact")
    with pytest.raises(WrongListType, match="Only a list on demand is refreshed"):
        refresh_list(marketing_list=live)
    for change in (add_records, take_out_records):
        with pytest.raises(WrongListType, match="Records are picked for a manual list only"):
            change(marketing_list=live, record_ids=["1"])


def test_the_schedule_refreshes_what_is_due_and_goes_on_after_a_broken_one(ada: Contact) -> None:
    hour = datetime.timedelta(hours=1)
    lists = {
        name: create_list(name=name, entity="crm.contact", type=ListType.ON_DEMAND, refresh_every=every)
        for name, every in (("broken", hour), ("due", hour), ("fresh", hour), ("by hand", None))
    }
    person("C")
    MarketingList.objects.exclude(name="fresh").update(refreshed_at=timezone.now() - 2 * hour)
    MarketingList.objects.filter(name="broken").update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    assert refresh_due_lists() == 1
    assert {name: names(each) for name, each in lists.items()} == {
        "broken": "A", "due": "AC", "fresh": "A", "by hand": "A"
    }  # fmt: skip
    assert refresh_due_lists() == 0


def test_a_list_that_was_refreshed_by_a_clock_that_was_wrong_is_refreshed(ada: Contact) -> None:
    hour = datetime.timedelta(hours=1)
    ahead = create_list(name="A", entity="crm.contact", type=ListType.ON_DEMAND, refresh_every=hour)
    person("C")
    MarketingList.objects.update(refreshed_at=timezone.now() + 30 * 24 * hour)
    assert refresh_due_lists() == 1
    assert names(ahead) == "AC"


def test_a_hosts_manager_that_fails_does_not_stop_the_lists_behind_it(
    ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(models.Manager[Lead]):
        def get_queryset(self) -> models.QuerySet[Lead]:
            raise KeyError("tenant")

    hour = datetime.timedelta(hours=1)
    create_list(name="A", entity="crm.lead", type=ListType.ON_DEMAND, refresh_every=hour)
    due = create_list(name="B", entity="crm.contact", type=ListType.ON_DEMAND, refresh_every=hour)
    person("C")
    MarketingList.objects.update(refreshed_at=timezone.now() - 2 * hour)
    monkeypatch.setattr(Lead, "failing", Failing(), raising=False)
    changed = dataclasses.replace(entity("crm.lead"), manager="failing")
    monkeypatch.setitem(registry._registered, "crm.lead", changed)
    assert refresh_due_lists() == 1
    assert names(due) == "AC"


def test_a_list_that_the_database_cannot_work_out_does_not_stop_those_behind_it(ada: Contact) -> None:
    rule = {"combinator": "and", "rules": [{"field": "source", "operator": "=", "value": "fair"}]}
    hour = datetime.timedelta(hours=1)
    faulty = create_list(name="A", entity="crm.lead", type=ListType.ON_DEMAND, rule=rule, refresh_every=hour)
    due = create_list(name="B", entity="crm.contact", type=ListType.ON_DEMAND, refresh_every=hour)
    person("C")
    MarketingList.objects.update(refreshed_at=timezone.now() - 2 * hour)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_lead DROP COLUMN source")  # a migration that is still to come
    assert refresh_due_lists() == 1
    assert names(due) == "AC"
    refresh_list_for(list_id=faulty.pk)
    for refresh in (refresh_list, refresh_now):
        with pytest.raises(FaultyEntity, match="undefined column"):
            refresh(marketing_list=faulty)


def test_a_manual_list_holds_what_was_picked(ada: Contact, bob: Contact) -> None:
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    assert names(picked) == ""
    report = add_records(marketing_list=picked, record_ids=[bob.pk, str(bob.pk), "no number", 0, "9" * 30, "\0"])
    assert report == PickReport(added=1, already=0, unknown=("no number", "0", "9" * 30, "\0"))
    for nobody in ([], ["no number"]):
        expected = PickReport(added=0, already=0, unknown=tuple(nobody))
        assert add_records(marketing_list=picked, record_ids=nobody) == expected
    report = add_records(marketing_list=picked, record_ids=[ada.pk, bob.pk])
    assert (report.added, report.already) == (1, 1)
    assert names(picked) == "AB"
    assert take_out_records(marketing_list=picked, record_ids=[ada.pk, "0"]) == 1
    assert names(picked) == "B"
    bob.delete()
    assert names(picked) == ""


def test_addresses_are_picked_and_the_rest_is_reported(ada: Contact, bob: Contact) -> None:
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    twin = Contact.objects.create(first_name="T")
    ContactEmail.objects.create(contact=twin, email=" a@EXAMPLE.com ", is_primary=True)
    add_records(marketing_list=picked, record_ids=[bob.pk])
    report = add_addresses(
        marketing_list=picked,
        addresses=["a@example.com", " A@example.com", "B@example.com", "nobody@example.com", "no address", "", "  "],
    )
    assert (report.added, report.already) == (1, 1)
    assert report.not_found == ("nobody@example.com",)
    assert report.not_addresses == ("no address",)
    assert [address.lower() for address in report.shared] == ["a@example.com"]
    assert names(picked) == "AB"


def test_as_many_addresses_as_are_allowed_are_taken_and_one_more_is_not(
    ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listed_services, "MOST_ADDRESSES", 2)
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    with pytest.raises(ValueError, match="at most 2"):
        add_addresses(marketing_list=picked, addresses=["a@example.com", "b@example.com", "c@example.com"])
    assert names(picked) == ""
    assert add_addresses(marketing_list=picked, addresses=["a@example.com", "b@example.com"]).added == 1


def test_a_list_keeps_its_people_when_it_stops_being_live(ada: Contact, bob: Contact) -> None:
    changed = create_list(name="VIPs", entity="crm.contact", rule=VIPS)
    update_list(marketing_list=changed, type=ListType.MANUAL)
    Contact.objects.update(is_vip=True)
    assert names(changed) == "A"
    update_list(marketing_list=changed, type=ListType.ON_DEMAND)
    assert names(changed) == "AB"
    update_list(marketing_list=changed, type=ListType.MANUAL)
    Contact.objects.update(is_vip=False)
    assert names(changed) == "AB"
    update_list(marketing_list=changed, type=ListType.DYNAMIC)
    assert names(changed) == ""
    assert not ListedRecord.objects.exists()


def test_a_refused_change_of_type_changes_nothing(ada: Contact) -> None:
    changed = create_list(name="VIPs", entity="crm.contact", rule=VIPS)
    with pytest.raises(RuleError):
        update_list(marketing_list=changed, type=ListType.MANUAL, rule={"rules": [{"field": "gone"}]})
    assert MarketingList.objects.get().type == ListType.DYNAMIC
    assert not ListedRecord.objects.exists()


@pytest.mark.parametrize("kind", ListType)
def test_the_export_finds_the_same_columns_whatever_the_type(ada: Contact, bob: Contact, kind: ListType) -> None:
    each = create_list(name="All", entity="crm.contact", type=kind)
    if kind == ListType.MANUAL:
        add_records(marketing_list=each, record_ids=[ada.pk, bob.pk])
    remove_records(marketing_list=each, record_ids=[bob.pk])
    inner, parameters = records_with_standing(each, scopes_of_list(each.pk)).query.get_compiler("default").as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT record_id, email, is_removed, is_record_blocked FROM ({inner} OFFSET 0) m ORDER BY 1", parameters
        )
        assert cursor.fetchall() == [
            (str(ada.pk), "A@Example.com", False, False),
            (str(bob.pk), "B@Example.com", True, False),
        ]


@pytest.mark.parametrize("kind", ListType)
def test_whom_a_list_reached_stays_on_it_where_it_says_so(ada: Contact, bob: Contact, kind: ListType) -> None:
    each = create_list(name="VIPs", entity="crm.contact", rule=VIPS, type=kind, include_previously_contacted=True)
    other = create_list(name="Other", entity="crm.contact", rule=VIPS)
    for name, record, sent_to, sent in (
        ("1", bob, each, timezone.now()),
        ("2", person("C"), other, timezone.now()),
        ("3", person("D"), each, None),
    ):
        campaign = EmailCampaign.objects.create(name=name, marketing_list=sent_to)
        EmailCampaignStatistics.objects.create(
            email_campaign=campaign, entity="crm.contact", record_id=str(record.pk), last_contacted_at=sent
        )
    assert names(each) == ("B" if kind == ListType.MANUAL else "AB")
    assert names(other) == "A"
    update_list(marketing_list=each, include_previously_contacted=False)
    assert names(each) == ("" if kind == ListType.MANUAL else "A")


def test_columns_are_shown_in_order_and_sort_the_list(ada: Contact, bob: Contact) -> None:
    person("C", lead_score=5)
    shown = create_list(
        name="Shown",
        entity="crm.contact",
        columns=[
            {"field": "lead_score", "label": "Score", "sort": "desc"},
            {"field": "first_name", "sort": "asc"},
            {"field": "primary_email"},
        ],
    )
    columns = columns_of(shown)
    assert [(column.label, column.sort, column.is_email) for column in columns] == [
        ("Score", Sort.DESCENDING, False),
        ("First name", Sort.ASCENDING, False),
        ("Primary e-mail", Sort.NONE, True),
    ]
    rows = with_columns(members(shown), columns)
    assert [(row["column_0"], row["column_1"], row["email_key"]) for row in rows] == [
        (5, "C", "c@example.com"),
        (None, "A", "a@example.com"),
        (None, "B", "b@example.com"),
    ]
    assert not lacks_email_column(entity("crm.contact"), columns)
    update_list(marketing_list=shown, columns=[{"field": "first_name"}])
    assert lacks_email_column(entity("crm.contact"), columns_of(shown))


@pytest.mark.parametrize("key", ["crm.contact", "crm.lead", "crm.customer"])
def test_a_list_without_columns_shows_an_address(key: str) -> None:
    columns = columns_of(create_list(name="All", entity=key))
    assert [(column.label, column.is_email) for column in columns] == [("Address", True)]


def test_a_column_whose_field_is_gone_is_left_out() -> None:
    shown = create_list(name="Shown", entity="crm.contact")
    MarketingList.objects.update(columns=[{"field": "gone"}, {"field": "first_name"}, "nonsense"])
    shown.refresh_from_db()
    assert [column.field.path for column in columns_of(shown)] == ["first_name"]


@pytest.mark.parametrize(
    ("columns", "position", "message"),
    [
        ("first_name", 0, "Columns are a list."),
        ([{"field": "first_name"}] * 31, 30, "at most 30 columns"),
        ([{"field": "first_name"}, {"field": "first_name", "label": "Again"}], 1, "“Again” is a column already."),
        ([{"field": "first_name"}, "last_name"], 1, "Choose a field for the column."),
        ([{"field": "gone"}], 0, "There is no field “gone” (any more)."),
        ([{"field": "first_name", "label": "x" * 101}], 0, "at most 100 characters"),
        ([{"field": "first_name", "sort": "sideways"}], 0, "“asc”, “desc” or not at all"),
    ],
)
def test_columns_that_cannot_be_shown_are_refused(columns: Any, position: int, message: str) -> None:
    with pytest.raises(ColumnsError) as caught:
        read_columns(entity("crm.contact"), columns)
    assert caught.value.position == position
    assert message in str(caught.value)


@pytest.mark.django_db
def test_a_short_manual_list_does_not_read_all_records() -> None:
    """What stands on a list leads to its records by their key, however many others there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_contact (first_name, last_name, job_title, phone, is_vip, language, notes, updated_at) "
            "SELECT 'Ann', 'Bee', '', '', false, '', '', now() FROM generate_series(1, 20000)"
        )
        cursor.execute("ANALYZE crm_contact")
    short = create_list(name="Short", entity="crm.contact", type=ListType.MANUAL)
    first = Contact.objects.order_by("pk")[0]
    ListedRecord.objects.create(marketing_list=short, record_id=str(first.pk))
    # What is no key of such a record is nobody.
    ListedRecord.objects.create(marketing_list=short, record_id="x1")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dotbridge_lists_listedrecord")

    found = matching_records(short)

    assert [row["record_pk"] for row in found] == [first.pk]
    assert "Seq Scan on crm_contact" not in found.explain()
