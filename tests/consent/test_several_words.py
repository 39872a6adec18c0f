"""Several words about one person, and moments that cannot be: what was said last against mailing is what has to be
outlived, however it came in, and nobody has opted out later than we learned of it.

The kind: of rows that are taken together one is picked, and what the others said is lost. The cases: several records
merged into one, several lines of a file. The second kind: a moment that is stored as it came.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock

from dotbridge.consent.chain import seal_days, verify_ledger
from dotbridge.consent.models import ConsentEvent, Scope, Source
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.consent.services import carry_over, opt_in_addresses, opt_in_records, opt_out_records
from dotbridge.crm.models import Contact
from tests.accounts import add_contact
from tests.files.conftest import load

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("days_ago", [(1, 10), (10, 1)])
def test_of_records_merged_into_one_the_newest_opt_out_has_to_be_outlived(days_ago: tuple[int, int]) -> None:
    now, kept = clock.now(), add_contact("kept@example.com")
    gone = [add_contact(f"gone{number}@example.com") for number in range(2)]
    for record, days in zip(gone, days_ago, strict=True):
        said = now - timedelta(days=days)
        opt_out_records(entity="crm.contact", record_ids=[record.pk], source=Source.CRM, happened_at=said)
    carry_over(entity="crm.contact", merged_ids=[record.pk for record in gone], into_id=kept.pk)
    again = {"entity": "crm.contact", "record_ids": [kept.pk], "source": Source.CRM, "scope": Scope.EVERYTHING}
    opt_in_records(**again, happened_at=now - timedelta(days=5))
    assert not may_be_mailed(address="kept@example.com").may_be_mailed
    assert not may_be_mailed(address="", entity="crm.contact", record_id=kept.pk).may_be_mailed
    opt_in_records(**again, happened_at=now)
    assert may_be_mailed(address="kept@example.com", entity="crm.contact", record_id=kept.pk).may_be_mailed


def test_of_two_lines_of_a_file_the_newest_opt_out_has_to_be_outlived() -> None:
    load("email,unsubscribed at\nann@example.com,2026-03-04T05:06:07Z\nANN@example.com,2020-03-04T05:06:07Z\n")
    for record in Contact.objects.filter(emails__email__iexact="ann@example.com"):
        opt_in_records(
            entity="crm.contact",
            record_ids=[record.pk],
            source=Source.CRM,
            scope=Scope.EVERYTHING,
            happened_at=datetime(2023, 1, 1, tzinfo=UTC),
        )
    assert not may_be_mailed(address="ann@example.com").may_be_mailed


def test_what_two_lines_of_a_file_said_has_to_be_outlived_after_a_merge_as_well() -> None:
    load("email,unsubscribed at\nann@example.com,2026-03-04T05:06:07Z\nANN@example.com,2020-03-04T05:06:07Z\n")
    kept = add_contact("kept@example.com")
    gone = Contact.objects.filter(emails__email__iexact="ann@example.com").values_list("pk", flat=True)
    carry_over(entity="crm.contact", merged_ids=list(gone), into_id=kept.pk)
    again = {"entity": "crm.contact", "record_ids": [kept.pk], "source": Source.CRM, "scope": Scope.EVERYTHING}
    opt_in_records(**again, happened_at=datetime(2023, 1, 1, tzinfo=UTC))
    assert not may_be_mailed(address="kept@example.com", entity="crm.contact", record_id=kept.pk).may_be_mailed


@pytest.mark.parametrize("days_ago", [(1, 10), (10, 1)])
def test_of_a_record_and_its_address_the_newer_opt_out_is_told(days_ago: tuple[int, int]) -> None:
    """A newer wish of the person has to be newer than this one."""
    now, record, other = clock.now(), add_contact("own@example.com"), add_contact("shared@example.com")
    for each, days in zip((record, other), days_ago, strict=True):
        said = now - timedelta(days=days)
        opt_out_records(entity="crm.contact", record_ids=[each.pk], source=Source.CRM, happened_at=said)
    verdict = may_be_mailed(address="shared@example.com", entity="crm.contact", record_id=record.pk)
    assert [objection.since for objection in verdict.objections] == [now - timedelta(days=1)]


def test_nobody_has_opted_out_later_than_we_learned_of_it() -> None:
    """A word of the future would stand against every opt-in until then, and no screen could say why."""
    ann, ever = add_contact("ann@example.com"), clock.now() + timedelta(days=1000)
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM, happened_at=ever)
    load("email,unsubscribed at\nbob@example.com,2999-03-04T05:06:07Z\n")
    assert ConsentEvent.objects.filter(happened_at__lte=clock.now()).count() == 2
    opt_in_records(entity="crm.contact", record_ids=[ann.pk], source=Source.PERSON, scope=Scope.EVERYTHING)
    opt_in_addresses(
        addresses=["bob@example.com"], source=Source.PERSON, happened_at=clock.now() + timedelta(seconds=1)
    )
    assert may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=ann.pk).may_be_mailed
    assert may_be_mailed(address="bob@example.com").may_be_mailed


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_moment_at_the_end_of_the_calendar_can_be_read_sealed_and_proved(moment: datetime) -> None:
    """The database takes moments that Python cannot read, and one of them would end every reading of the ledger."""
    ann = add_contact("ann@example.com")
    said = {"entity": "crm.contact", "record_ids": [ann.pk], "source": Source.CRM, "happened_at": moment}
    opt_out_records(**said)
    opt_in_records(**said, scope=Scope.EVERYTHING)
    seal_days(now=clock.now() + timedelta(days=2))
    proved = verify_ledger()
    assert (proved.events, proved.is_intact) == (2, True)
    assert may_be_mailed(address="ann@example.com").may_be_mailed == (moment.year > 1)
