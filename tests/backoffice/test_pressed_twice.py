"""Every button that makes or asks for something, pressed twice: the second time makes nothing and breaks nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.connections.models import AccountChange, CampaignSend, Ending, ListConnection
from dotbridge.connections.services import RUN_TASK
from dotbridge.files.models import FileLoad
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.mapping.models import MappingRow
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue

pytestmark = pytest.mark.django_db
YES = {"confirmed": "yes"}
Button = tuple[str, dict[str, Any], Callable[[], models.QuerySet[Any]]]


def buttons(world: World) -> dict[str, Button]:
    """What is posted where, and what it makes one of."""

    def page(name: str, *args: object) -> str:
        return reverse(f"dotbridge:{name}", args=args)

    connected, free = world.marketing_list.pk, world.unconnected.pk
    line = {"data_field": world.free_field.pk, "first": "lead_score", "empty_values": "keep", **YES}
    runs = ProcrastinateJob.objects.filter(task_name=RUN_TASK, status="todo")
    return {
        "make a list": (
            page("list-add"),
            {"name": "New", "entity": "crm.contact", "type": "dynamic", "rule": "{}"},
            lambda: MarketingList.objects.filter(name="New"),
        ),
        "make a marketing campaign": (
            page("marketing-campaign-add"),
            {"name": "New", "code": "NEW", "report_period": "day"},
            lambda: MarketingCampaign.objects.filter(code="NEW"),
        ),
        "make an address book": (
            page("list-new-book", free),
            {"integration": world.integration.pk, "name": "Brand new", "visibility": "Private"},
            lambda: AccountChange.objects.filter(name="Brand new"),
        ),
        "connect": (
            page("list-connect-look", free),
            {"address_book": world.free_book.pk},
            lambda: ListConnection.objects.filter(marketing_list=free),
        ),
        "disconnect": (
            page("list-disconnect", connected),
            {**YES, "takes_out": "yes"},
            lambda: Ending.objects.filter(connection=world.link),
        ),
        "synchronise a list": (page("list-sync", connected), {}, lambda: runs),
        "synchronise an account": (page("account-sync", world.integration.pk), {}, lambda: runs),
        "map a field": (
            page("mapping-row-add", world.mapping.pk),
            line,
            lambda: MappingRow.objects.filter(mapping=world.mapping, data_field=world.free_field),
        ),
        "take off": (
            page("list-change-people", connected),
            {"verb": "remove", "record": [world.people[0].pk], **YES},
            lambda: RemovedItem.objects.filter(record_id=str(world.people[0].pk)),
        ),
    }


NAMES = (
    *("make a list", "make a marketing campaign", "make an address book", "connect", "disconnect"),
    *("synchronise a list", "synchronise an account", "map a field", "take off"),
)


@pytest.mark.parametrize("name", NAMES)
def test_the_second_time_makes_nothing(back_office: Client, world: World, name: str) -> None:
    address, given, made = buttons(world)[name]
    if name == "map a field":
        given = {**given, "seen": back_office.get(address).context["seen"]}
    empty_queue()
    first = back_office.post(address, given)
    assert first.status_code == 302, texts(first)
    number = made().count()
    assert number == 1
    second = back_office.post(address, given)
    assert second.status_code in {200, 302}, name
    assert made().count() == number
    if second.status_code == 302:
        assert back_office.get(second["Location"], follow=True).status_code == 200


def test_the_same_file_twice_is_one_file_to_look_at_each_and_loads_once(back_office: Client, world: World) -> None:
    before = FileLoad.objects.count()
    for _time in range(2):
        content = SimpleUploadedFile("people.csv", b"E-mail\nnew.person@example.com\n")
        given = {"file": content, "entity": "crm.contact"}
        assert back_office.post(reverse("dotbridge:file-add"), given).status_code == 302
    assert FileLoad.objects.count() <= before + 2
    load = FileLoad.objects.latest("pk")
    for _time in range(2):
        back_office.post(reverse("dotbridge:file-start", args=[load.pk]))
    assert ProcrastinateJob.objects.filter(task_name__contains="file", status="todo").count() <= 1


def test_a_test_mail_is_asked_for_once(back_office: Client, world: World) -> None:
    before = CampaignSend.objects.filter(is_test=True).count()
    address = reverse("dotbridge:draft-test", args=[world.integration.pk, world.draft.remote_id])
    for _time in range(2):
        back_office.post(address)
    assert CampaignSend.objects.filter(is_test=True).count() <= before + 1
