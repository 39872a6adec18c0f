"""What an export would do, on the list's page; the breaker that asks, and the person who allows it once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import ListConnection
from dotbridge.lists.models import MarketingList
from dotbridge.sync.models import ExportItem, Upload
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def page_of(world: World, page: str = "list", *, connected: bool = True) -> str:
    marketing_list = world.marketing_list if connected else world.unconnected
    return reverse(f"dotbridge:{page}", args=[marketing_list.pk])


def stop(world: World) -> None:
    ListConnection.objects.filter(pk=world.link.pk).update(
        stopped_at=timezone.now(), stopped_rows=1200, stopped_of=3000
    )


def downloaded(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_the_plan_says_how_many_and_shows_the_first_field_by_field(back_office: Client, world: World) -> None:
    ExportItem.objects.filter(email_key="ann.0@example.com").update(values={"FIRSTNAME": "Anna"})
    page = texts(back_office.get(page_of(world, "list-plan")))
    assert page_of(world, "list-plan-numbers") in page
    assert page_of(world, "list-plan-file") in page
    response = back_office.get(page_of(world, "list-plan-numbers"))
    kinds = {str(kind["title"]): kind for kind in response.context["kinds"]}
    changed = kinds["Sent with other values"]
    assert changed["number"] == 1
    assert [(change.data_field, change.before) for change in changed["rows"][0].changes] == [("FIRSTNAME", "Anna")]
    page = texts(response)
    assert "Anna" in page
    assert "<script>alert(" not in page
    assert not ExportItem.objects.filter(upload__in=Upload.objects.filter(state="prepared")).exists()


def test_the_whole_plan_is_downloaded(back_office: Client, world: World) -> None:
    response = back_office.get(page_of(world, "list-plan-file"))
    assert response["Content-Type"].startswith("text/csv")
    rows = downloaded(response)
    assert rows[0] == ["list", "what", "email", "record", "reason", "data_field", "before", "after"]
    assert {"ann.0@example.com"} <= {row[2] for row in rows[1:]}


def test_a_list_that_cannot_be_worked_out_says_so(back_office: Client, world: World) -> None:
    MarketingList.objects.update(rule={"rules": [{"field": "lost", "operator": "="}]})
    assert "lost" in texts(back_office.get(page_of(world, "list-plan-numbers")))
    assert "lost" in texts(back_office.get(page_of(world, "list-plan-file"), follow=True))
    for page in ("list-plan", "list-plan-file"):
        assert "not connected" in texts(back_office.get(page_of(world, page, connected=False), follow=True))
    assert "not connected" in texts(back_office.get(page_of(world, "list-plan-numbers", connected=False)))


def test_a_stopped_export_asks_and_goes_on_when_it_is_allowed(back_office: Client, world: World) -> None:
    said = "would take 1,200 of the 3,000 contacts out of the address book"
    stop(world)
    assert "the export waits for you" in texts(back_office.get(reverse("dotbridge:home")))
    page = texts(back_office.get(page_of(world)))
    assert said in page
    assert page_of(world, "list-allow") in page
    asking = texts(back_office.get(page_of(world, "list-allow")))
    assert said in asking
    assert ListConnection.objects.get().allowed_at is None
    page = texts(back_office.post(page_of(world, "list-allow"), {"confirmed": "yes"}, follow=True))
    assert "Allowed once" in page
    assert "mona" in texts(back_office.get(page_of(world, "list-history")))
    link = ListConnection.objects.get()
    assert (link.allowed_rows, str(link.allowed_by)) == (1200, "mona")
    assert ProcrastinateJob.objects.filter(args__kind="export").count() == 1


def test_an_answer_to_a_question_about_fewer_people_allows_nothing(back_office: Client, world: World) -> None:
    stop(world)
    told = dict(back_office.get(page_of(world, "list-allow")).context["hidden"])
    ListConnection.objects.update(stopped_rows=2400)
    answer = {"confirmed": "yes", "rows": str(told["rows"])}
    page = texts(back_office.post(page_of(world, "list-allow"), answer, follow=True))
    assert "more people by now" in page
    assert ListConnection.objects.get().allowed_rows is None


def test_nothing_is_allowed_where_nothing_has_stopped(back_office: Client, world: World) -> None:
    page = texts(back_office.post(page_of(world, "list-allow"), {"confirmed": "yes"}, follow=True))
    assert "nothing to allow" in page
    assert "waits for you" not in page


def test_only_those_who_may_change_connections_allow_it(logged_in: Callable[..., Client], world: World) -> None:
    stop(world)
    viewer = logged_in("dotbridge_lists.view_marketinglist")
    page = texts(viewer.get(page_of(world)))
    assert "waits for you" in page
    assert viewer.post(page_of(world, "list-allow"), {"confirmed": "yes"}).status_code == 403
    assert ListConnection.objects.get().allowed_at is None
    assert logged_in("dotbridge_sync.view_syncrun").get(page_of(world, "list-plan-file")).status_code == 403


def test_sync_now_is_for_this_list_alone(back_office: Client, world: World) -> None:
    back_office.post(page_of(world, "list-sync"))
    job = ProcrastinateJob.objects.get()
    assert (job.args["integration_id"], job.args["connection_id"]) == (world.integration.pk, world.link.pk)
