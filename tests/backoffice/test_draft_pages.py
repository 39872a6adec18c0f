"""The pages of campaigns that are not sent yet: who may do what, and that a mail can do nothing.

The kind of fault: what comes from outside is taken for what we have made ourselves. Its places: the mail of a campaign,
which is HTML of somebody else and is shown on a page of ours; the lists, the moment, the number and the fingerprint
that a form carries; a click that comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.backoffice.reads.drafts import MOST_SENDS, open_in_dotdigital
from dotbridge.connections.models import AccountChange, CampaignSend, Look, LookKind, LookState, SendState
from dotbridge.connections.recipients import count_recipients
from dotbridge.mirror.models import CampaignContent, Draft, SenderAddress, Template
from tests.backoffice.conftest import texts
from tests.backoffice.world import HOSTILE, World, empty_queue

SEES = "dotbridge_campaigns.view_emailcampaign"
SENDS = "dotbridge_connections.send_campaigns"


@pytest.fixture
def ready(world: World) -> World:
    """The campaign can be sent: nobody has tried to."""
    CampaignSend.objects.all().delete()
    return world


def url(name: str, world: World) -> str:
    return reverse(f"dotbridge:{name}", args=[world.integration.pk, world.draft.remote_id])


def form(world: World, **changes: Any) -> dict[str, Any]:
    """What the page of the last step sends."""
    number = count_recipients([world.link]).number
    return {"lists": [world.link.pk], "when": "now", "number": str(number), "fingerprint": "f" * 64, **changes}


def test_a_send_is_confirmed_with_the_number_and_asked_for_once(back_office: Client, ready: World) -> None:
    address = url("draft-send", ready)
    first = texts(back_office.get(address))
    assert "First list 0" in first
    chosen = {"lists": ready.link.pk, "when": "now"}
    second = texts(back_office.get(address, chosen))
    assert f"{url('draft-numbers', ready)}?lists={ready.link.pk}&amp;when=now" in second
    piece = back_office.get(url("draft-numbers", ready), chosen)
    assert piece.context["numbers"].number == 1
    assert f'value="{"f" * 64}"' in texts(piece)
    assert "<span>person may be mailed</span>" in texts(piece)
    assert "Choose again" in texts(back_office.get(url("draft-numbers", ready), {"lists": "777"}))
    for _click in range(2):
        response = back_office.post(address, form(ready))
        assert response.status_code == 302
    made = CampaignSend.objects.get()
    assert (made.state, made.recipients, made.book_ids) == (SendState.WAITING, 1, [ready.book.remote_id])
    page = texts(back_office.get(url("draft", ready)))
    assert "is sent to 1 person." in page
    assert "Waiting for the worker" in page
    assert "Send…" not in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "2"}, "It would go to 1 person now."),
        ({"number": "one"}, "in figures"),
        ({"number": "٣"}, "in figures"),
        ({"number": "9" * 40}, "in figures"),
        ({"number": ""}, "required"),
        ({"fingerprint": "0" * 64}, "was changed in Dotdigital"),
        ({"fingerprint": ""}, "Look at the mail"),
        ({"lists": []}, "Choose at least one list"),
        ({"lists": ["7777777"]}, "not connected"),
        ({"lists": ["x"]}, "not connected"),
        ({"when": "never"}, "valid choice"),
        ({"when": "later"}, "Say when"),
        ({"when": "later", "send_at": "2020-01-01T10:00"}, "is over"),
        ({"when": "later", "send_at": "nonsense"}, "valid date"),
        ({"when": "later", "send_at": "9999-12-31T23:59"}, "more than a year"),
    ],
)
def test_what_is_tampered_with_sends_nothing_and_is_told_at_its_place(
    back_office: Client, ready: World, changes: dict[str, Any], said: str
) -> None:
    response = back_office.post(url("draft-send", ready), form(ready, **changes))
    assert response.status_code == 200
    assert said in texts(response)
    assert not CampaignSend.objects.exists()


def test_a_number_is_read_as_people_write_it(back_office: Client, ready: World) -> None:
    back_office.post(url("draft-send", ready), form(ready, number=" 0,001 "))
    assert CampaignSend.objects.get().recipients == 1


def test_a_later_moment_is_the_sites_own_time(back_office: Client, ready: World, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Vienna"
    at = (timezone.now() + timedelta(days=30)).replace(second=0, microsecond=0)
    local = timezone.localtime(at).strftime("%Y-%m-%dT%H:%M")
    later = {"lists": ready.link.pk, "when": "later", "send_at": local}
    assert timezone.localtime(at).tzname() in texts(back_office.get(url("draft-send", ready), later))
    assert f'name="send_at" value="{local}"' in texts(back_office.get(url("draft-numbers", ready), later))
    back_office.post(url("draft-send", ready), form(ready, when="later", send_at=local))
    assert CampaignSend.objects.get().send_at == at


def test_what_is_wrong_with_the_moment_is_told_to_who_cannot_see_it(back_office: Client, ready: World) -> None:
    """The field names the place of the words, which has to be there."""
    page = texts(back_office.get(url("draft-send", ready), {"lists": ready.link.pk, "when": "later"}))
    (told_at,) = re.findall(r'aria-describedby="([^"]+)"', page.partition('name="send_at"')[2].partition(">")[0])
    assert f'id="{told_at}"' in page
    assert "Say when it is to be sent." in page.partition(f'id="{told_at}"')[2]


def test_only_who_may_send_sends(logged_in: Callable[..., Client], ready: World) -> None:
    reader = logged_in(SEES)
    page = texts(reader.get(url("draft", ready)))
    assert "Send…" not in page
    assert "Send a test" not in page
    send = CampaignSend.objects.create(
        integration=ready.integration, remote_id=1, name="x", book_ids=[1], state=SendState.UNKNOWN
    )
    for response in (
        reader.get(url("draft-send", ready)),
        reader.post(url("draft-send", ready), form(ready)),
        reader.post(url("draft-test", ready)),
        reader.post(reverse("dotbridge:draft-decide", args=[send.pk, "not-sent"])),
        reader.get(reverse("dotbridge:draft-add")),
        reader.post(reverse("dotbridge:draft-templates")),
        logged_in(SENDS).get(url("draft-send", ready)),
    ):
        assert response.status_code == 403
    assert CampaignSend.objects.count() == 1
    sender = logged_in(SEES, SENDS)
    assert sender.post(url("draft-send", ready), form(ready)).status_code == 302
    assert CampaignSend.objects.filter(is_test=False, remote_id=ready.draft.remote_id).exists()


def test_nothing_is_done_by_looking(back_office: Client, ready: World) -> None:
    for name in ("draft-test", "draft-look"):
        assert back_office.get(url(name, ready)).status_code == 405
    for name in ("draft", "draft-preview", "draft-content", "draft-state", "draft-send"):
        assert back_office.get(url(name, ready)).status_code == 200
    assert not Look.objects.exists()


def test_the_mail_is_shown_and_can_do_nothing(back_office: Client, world: World) -> None:
    CampaignContent.objects.update(html=HOSTILE)
    page = texts(back_office.get(url("draft", world)))
    assert 'sandbox=""' in page
    assert HOSTILE not in page
    mail = back_office.get(url("draft-content", world))
    assert mail.content.decode() == HOSTILE
    policy = mail["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert "allow-" not in policy
    assert mail["X-Content-Type-Options"] == "nosniff"
    assert mail["Referrer-Policy"] == "no-referrer"
    assert "Open in Dotdigital" in page
    assert open_in_dotdigital(world.integration) == "https://r1-app.dotdigital.com/"


def test_the_mail_is_read_when_somebody_looks(back_office: Client, world: World) -> None:
    for nobodys in (777, 10**30):
        address = f"/campaigns/not-sent/{world.integration.pk}/{nobodys}/"
        assert back_office.post(f"{address}look/").status_code == 404
        assert back_office.get(f"{address}content/").status_code == 404
        assert back_office.get(address).status_code == 404
    piece = texts(back_office.post(url("draft-look", world), headers={"HX-Request": "true"}))
    assert "no worker is running" in piece
    look = Look.objects.get()
    assert (look.kind, look.remote_id) == (LookKind.CONTENT, world.draft.remote_id)
    Look.objects.update(state=LookState.FAILED, message="It does not exist.")
    assert "It does not exist." in texts(back_office.get(url("draft-preview", world)))
    empty_queue()


def test_who_has_no_scripts_has_the_mail_read_by_a_button(back_office: Client, world: World) -> None:
    CampaignContent.objects.update(read_at=timezone.now() - timedelta(minutes=2))
    assert "Read the mail from Dotdigital" in texts(back_office.get(url("draft", world)))
    answer = back_office.post(url("draft-look", world))
    assert (answer.status_code, answer.url) == (302, url("draft", world))
    assert Look.objects.get(kind=LookKind.CONTENT).state == LookState.WAITING
    assert "Read the mail from Dotdigital" not in texts(back_office.get(url("draft", world)))
    empty_queue()


def test_an_unknown_outcome_is_settled_by_a_person(back_office: Client, world: World) -> None:
    send = CampaignSend.objects.get()
    page = texts(back_office.get(url("draft", world)))
    assert "Outcome unknown" in page
    assert "Send…" not in page
    assert "it may have been sent or not" in texts(back_office.get(reverse("dotbridge:activity")))
    assert back_office.post(reverse("dotbridge:draft-decide", args=[send.pk, "nonsense"])).status_code == 404
    back_office.post(reverse("dotbridge:draft-decide", args=[send.pk, "take-back"]))
    send.refresh_from_db()
    assert send.state == SendState.UNKNOWN
    back_office.post(reverse("dotbridge:draft-decide", args=[send.pk, "not-sent"]))
    send.refresh_from_db()
    assert send.state == SendState.WITHDRAWN
    assert "Send…" in texts(back_office.get(url("draft", world)))
    assert "it may have been sent" not in texts(back_office.get(reverse("dotbridge:activity")))


def test_a_test_goes_to_the_one_who_asks(back_office: Client, ready: World) -> None:
    back_office.post(url("draft-test", ready))
    assert not CampaignSend.objects.exists()
    User.objects.filter(username="mona").update(email="mona@example.com")
    page = back_office.post(url("draft-test", ready), follow=True)
    assert "A test is sent to mona@example.com." in texts(page)
    made = CampaignSend.objects.get()
    assert (made.is_test, made.book_ids) == (True, [])


def test_a_send_stays_on_its_page_however_many_tests_were_sent_after_it(back_office: Client, world: World) -> None:
    sent = CampaignSend.objects.get(remote_id=world.draft.remote_id)
    CampaignSend.objects.bulk_create(
        CampaignSend(
            integration=world.integration,
            remote_id=world.draft.remote_id,
            name="Test",
            is_test=True,
            state=SendState.SENT,
        )
        for _test in range(MOST_SENDS + 1)
    )
    page = back_office.get(url("draft", world))
    assert not page.context["can_send"], "its outcome is unknown, and somebody has to decide"
    assert reverse("dotbridge:draft-decide", args=[sent.pk, "not-sent"]) in texts(page)


def test_a_campaign_that_is_gone_leads_on(back_office: Client, ready: World) -> None:
    assert back_office.get(reverse("dotbridge:draft", args=[ready.integration.pk, 777])).status_code == 404
    CampaignSend.objects.create(
        integration=ready.integration, remote_id=500, name="x", book_ids=[1], state=SendState.SENT
    )
    response = back_office.get(reverse("dotbridge:draft", args=[ready.integration.pk, 500]))
    assert response["Location"] == reverse("dotbridge:campaign", args=[ready.email_campaign.pk])
    Draft.objects.update(status="RequiresSystemApproval")
    page = texts(back_office.get(url("draft", ready)))
    assert "RequiresSystemApproval" in page
    assert "Send…" not in page
    assert back_office.get(url("draft-send", ready)).status_code == 302


def test_a_campaign_is_made_of_a_template(back_office: Client, world: World) -> None:
    template, sender = Template.objects.get(), SenderAddress.objects.get()
    address = reverse("dotbridge:draft-add")
    assert "New campaign of" in texts(back_office.get(address, {"template": template.pk}))
    given = {"name": "June", "subject": "Hello", "from_name": "The shop", "sender": sender.pk}
    assert "At most 255" in texts(back_office.post(f"{address}?template={template.pk}", {**given, "name": "x" * 300}))
    response = back_office.post(f"{address}?template={template.pk}", given)
    assert response.status_code == 302
    change = AccountChange.objects.get(name="June")
    assert change.details["sender"] == sender.remote_id
    back_office.post(reverse("dotbridge:draft-templates"))
    assert Look.objects.get().kind == LookKind.TEMPLATES
    waiting = texts(back_office.get(address))
    assert "It waits to be read: no worker is running" in waiting
    assert 'hx-select="#templates"' in waiting, "the page follows what was pressed"
    Look.objects.all().delete()
    assert 'hx-select="#templates"' not in texts(back_office.get(address))
    empty_queue()


def test_a_sent_campaign_shows_its_mail_too(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge:campaign", args=[world.email_campaign.pk])))
    assert "Open in Dotdigital" in page
    assert reverse("dotbridge:draft-look", args=[world.integration.pk, 500]) in page
    CampaignContent.objects.update(remote_id=500)
    assert 'sandbox=""' in texts(back_office.get(reverse("dotbridge:campaign", args=[world.email_campaign.pk])))


def test_it_is_found_by_the_search(logged_in: Callable[..., Client], world: World) -> None:
    found = texts(logged_in(SEES, "dotbridge_studio.use_studio").get(reverse("dotbridge:search"), {"q": "draft 0"}))
    assert url("draft", world) in found
    assert url("draft", world) not in texts(logged_in().get(reverse("dotbridge:search"), {"q": "draft 0"}))
    assert reverse("dotbridge:studio") in texts(
        logged_in("dotbridge_studio.use_studio").get(reverse("dotbridge:settings"))
    )
