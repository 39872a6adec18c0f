"""A refresh that a person asked for: at once, by the worker where it is long, once however often it is pressed."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.crm.models import Contact
from dotbridge.jobs import refresh_list_for
from dotbridge.lists import refreshing
from dotbridge.lists.listed_services import RefreshReport
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.refreshing import is_being_refreshed, refresh_now
from dotbridge.lists.services import create_list, update_list
from tests.backoffice.world import empty_queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot() -> MarketingList:
    empty_queue()
    made = create_list(name="Snapshot", entity="crm.contact", type=ListType.ON_DEMAND)
    Contact.objects.create(first_name="Ada")
    return made


def test_a_short_refresh_is_done_at_once(snapshot: MarketingList) -> None:
    assert refresh_now(marketing_list=snapshot) == RefreshReport(total=1, added=1, taken_out=0)
    assert not is_being_refreshed(snapshot)


def test_a_long_one_is_done_by_the_worker(snapshot: MarketingList, monkeypatch: pytest.MonkeyPatch) -> None:
    user = get_user_model().objects.create_user("mona")
    Contact.objects.bulk_create(Contact(first_name="x") for _ in range(3_000))
    monkeypatch.setattr(refreshing, "MOST_MILLISECONDS", 1)
    for _press in range(2):
        assert refresh_now(marketing_list=snapshot, by=user) is None
    job = ProcrastinateJob.objects.get()
    assert job.args == {"list_id": snapshot.pk, "user_id": user.pk}
    assert is_being_refreshed(snapshot)
    refresh_list_for(**job.args)
    snapshot.refresh_from_db()
    assert (snapshot.listed_records.count(), snapshot.refreshed_by) == (3_001, user)


def test_what_changed_before_the_worker_came_ends_nothing(snapshot: MarketingList) -> None:
    MarketingList.objects.update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    refresh_list_for(list_id=snapshot.pk)
    MarketingList.objects.update(rule={})
    update_list(marketing_list=snapshot, type=ListType.MANUAL)
    before = snapshot.refreshed_at
    refresh_list_for(list_id=snapshot.pk)
    refresh_list_for(list_id=snapshot.pk + 1)
    snapshot.refresh_from_db()
    assert snapshot.refreshed_at == before
