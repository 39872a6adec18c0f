"""What the page of an upload says: who was in it, who was refused, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from dotbridge.backoffice.counting import standing_of
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.sync.models import ExportItem, Upload
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def url(name: str, *args: object) -> str:
    return reverse(f"dotbridge:{name}", args=args)


def test_a_refused_upload_goes_again_after_a_question(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    address = url("upload-retry", world.refused.pk)
    shown = texts(back_office.get(url("upload", world.refused.pk)))
    assert "Attempts" not in shown
    assert "There is none: the whole file was refused." in shown
    assert "1 person was in this file, and was not taken." in shown
    assert "Nothing is sent to them until somebody presses “Send again”." in shown
    Upload.objects.filter(pk=world.refused.pk).update(attempts=3)
    page = texts(back_office.get(url("upload", world.refused.pk)))
    assert re.search(r"<dt>Attempts</dt>\s*<dd>3</dd>", page)
    assert logged_in("dotbridge_sync.view_upload").post(address, {"confirmed": "yes"}).status_code == 403
    assert "Send 1 person again?" in texts(back_office.get(address))
    assert Upload.objects.get(pk=world.refused.pk).retry_at is None
    assert "sent again with the next export" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    assert "Only a refused upload" in texts(back_office.get(url("upload-retry", world.upload.pk), follow=True))


def test_a_refused_upload_lists_everybody_who_was_in_it_a_page_at_a_time(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    ExportItem.objects.bulk_create(
        ExportItem(
            connection=world.link,
            email_key=f"more.{place:02}@example.com",
            email=f"more.{place:02}@example.com",
            record_id=str(1000 + place),
            operation="new",
            upload=world.refused,
        )
        for place in range(60)
    )
    Upload.objects.filter(pk=world.refused.pk).update(row_count=99)
    assert "Send 61 people again?" in texts(back_office.get(url("upload-retry", world.refused.pk)))
    Upload.objects.filter(pk=world.refused.pk).update(row_count=61)
    address = url("upload", world.refused.pk)
    first = back_office.get(address)
    assert "61 people were in this file, and none of them was taken." in texts(first)
    assert re.search(r"<dt>Refused</dt>\s*<dd>61</dd>", texts(first))
    emails = [line["email"] for line in first.context["people"]]
    second = back_office.get(address + first.context["pager"]["next"])
    emails += [line["email"] for line in second.context["people"]]
    assert emails == ["ann.2@example.com", *(f"more.{place:02}@example.com" for place in range(60))]
    assert "@" not in first.context["pager"]["next"]
    assert '#people">61</a>' in texts(back_office.get(url("activity-uploads")))
    blind = texts(logged_in("dotbridge_sync.view_upload").get(address))
    assert "61 people were in this file" in blind
    assert "more.00@example.com" not in blind
    assert "You may not see the records of this list." in blind


def test_an_upload_in_part_refused_shows_those_first_and_everybody_on_demand(back_office: Client, world: World) -> None:
    address = url("upload", world.upload.pk)
    refused, everybody = back_office.get(address), back_office.get(address, {"show": "all"})
    assert [line["email"] for line in refused.context["people"]] == ["ann.1@example.com"]
    assert [line["email"] for line in everybody.context["people"]] == ["ann.0@example.com", "ann.1@example.com"]
    assert [chip["title"] for chip in refused.context["chips"]] == ["Refused 1", "Everybody 2"]


def test_whose_whole_file_was_refused_stands_refused_until_somebody_sends_it_again(
    back_office: Client, world: World
) -> None:
    def standing() -> tuple[int, int, list[str]]:
        shown = back_office.get(url("list", world.marketing_list.pk), {"show": "refused"})
        numbers = standing_of(world.marketing_list).numbers
        emails = [line["person"].email for line in shown.context["people"]]
        return numbers[Standing.REFUSED], numbers[Standing.WAITING], emails

    before = standing()
    assert before[0] == 2
    assert "ann.2@example.com" in before[2]
    back_office.post(url("upload-retry", world.refused.pk), {"confirmed": "yes"})
    after = standing()
    assert (after[0], after[1]) == (1, before[1] + 1)
    assert "ann.2@example.com" not in after[2]
