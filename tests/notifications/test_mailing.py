"""Mails go over a real SMTP server, once, in the reader's language, and what the server does not take goes again.

The kind: a message that goes twice because its sender died, or never because its server was away for a minute.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission, User
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.utils import timezone
from rich.console import Console

from dotbridge.connections.models import ListConnection
from dotbridge.doctor import examine
from dotbridge.integrations.models import Integration
from dotbridge.notifications import mailing
from dotbridge.notifications.mailing import is_mail_set_up, send_due_mails, sender
from dotbridge.notifications.models import Delivery, MailState, Notification
from dotbridge.notifications.selectors import deliveries_of, unseen_of, unsent_mails
from dotbridge.notifications.services import claim_mail, end_mail, note_conditions
from dotbridge.preferences.services import choose_preferences, choose_settings
from tests.backoffice.world import World
from tests.notifications.test_conditions import boss, mend, stop, world

__all__ = ["boss", "world"]


class Sink:
    """A mail server that keeps what it gets, and refuses when it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal = ""
        self.seconds = 0.0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self.seconds)
        if self.refusal:
            return self.refusal
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    kept = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 5
    yield kept
    server.stop()


def texts_of(mail: EmailMessage) -> str:
    return str(mail.get_content())


def test_a_mail_goes_once_and_its_end_goes_once(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    for _minute in range(3):
        note_conditions()
        send_due_mails()
    (mail,) = sink.mails
    assert mail["To"] == "boss@example.com"
    assert "the export waits for you" in mail["Subject"]
    assert "495 of 900" in texts_of(mail)
    assert f"/lists/{world.marketing_list.pk}/" in texts_of(mail)
    assert "/settings/me/" in texts_of(mail)
    assert mail["Auto-Submitted"] == "auto-generated"
    mend(world)
    for _minute in range(3):
        note_conditions()
        send_due_mails()
    # A newer Python breaks a long line before its first word.
    assert [each["Subject"].strip().startswith("Over:") for each in sink.mails] == [False, True]


def test_what_is_over_before_its_mail_went_is_not_mailed(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    mend(world)
    note_conditions()
    assert send_due_mails() == 0
    assert sink.mails == []


def test_a_server_that_is_away_is_asked_again_later(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    sink.refusal = "451 try again later"
    assert send_due_mails() == 0
    assert send_due_mails() == 0, "not before its time"
    (delivery,) = Delivery.objects.all()
    assert (delivery.mail, delivery.attempts) == (MailState.WAITING, 1)
    sink.refusal = ""
    Delivery.objects.update(due_at=timezone.now())
    assert send_due_mails() == 1
    assert len(sink.mails) == 1


def test_a_mail_is_given_up_after_six_attempts_and_the_doctor_knows(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    sink.refusal = "550 no such mailbox"
    for _attempt in range(8):
        Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        send_due_mails()
    assert Delivery.objects.get().attempts == 6
    assert unsent_mails() == {"waiting": 0, "failed": 1, "unknown": 0}


def test_a_mail_that_was_put_off_by_a_wrong_clock_goes_now(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=2))
    assert send_due_mails() == 0
    Delivery.objects.update(due_at=timezone.now() + timedelta(days=400))
    assert send_due_mails() == 1


def test_a_sender_that_dies_in_the_middle_sends_nothing_twice(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    taken = claim_mail()
    assert taken is not None
    assert taken.delivery.mail == MailState.SENDING
    assert send_due_mails() == 0
    assert unsent_mails()["unknown"] == 1


def test_a_sender_that_dies_takes_one_mail_along_and_its_end_is_told_as_an_end(
    world: World, boss: User, sink: Sink
) -> None:
    User.objects.create_superuser("second", email="second@example.com", password="x")
    stop(world)
    note_conditions()
    cut_off = claim_mail()
    assert cut_off is not None
    assert send_due_mails() == 1, "nobody else's mail was taken along"
    mend(world)
    note_conditions()
    assert send_due_mails() == 2
    assert [each["Subject"].strip().startswith("Over:") for each in sink.mails] == [False, True, True]
    assert send_due_mails() == 0
    assert Delivery.objects.get(pk=cut_off.delivery.pk).end_mail == MailState.SENT


def test_what_is_over_while_the_server_refuses_its_mail_is_never_mailed(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    on_its_way = claim_mail()
    assert on_its_way is not None
    mend(world)
    note_conditions()
    end_mail(mail=on_its_way, state=MailState.WAITING)
    assert send_due_mails() == 0
    assert sink.mails == []


class Refusing(BaseEmailBackend):
    """A host's own way to send mails, with errors of its own."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        (message,) = email_messages
        if message.to == ["boss@example.com"]:
            raise LookupError("no such sender")
        return 1


def test_whatever_a_way_to_send_raises_the_others_get_theirs_and_it_is_tried_again(
    world: World, boss: User, settings: Any
) -> None:
    User.objects.create_superuser("second", email="second@example.com", password="x")
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    stop(world)
    note_conditions()
    assert send_due_mails() == 1
    states = {each.user.username: each.mail for each in Delivery.objects.select_related("user")}
    assert states == {"boss": MailState.WAITING, "second": MailState.SENT}


class Forgetful(ModelBackend):
    """A host's own rights, which another server knows, and that one is in trouble."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if user_obj.get_username() == "asked":
            raise LookupError("the server of rights does not know")
        return super().has_perm(user_obj, perm, obj)


def test_rights_that_cannot_be_asked_for_hold_up_one_mail_for_a_while(
    world: World, boss: User, sink: Sink, settings: Any
) -> None:
    asked = User.objects.create_user("asked", email="asked@example.com", password="x", is_staff=True)
    asked.user_permissions.add(Permission.objects.get(codename="view_marketinglist"))
    stop(world)
    note_conditions()
    Delivery.objects.filter(user=asked).update(due_at=timezone.now() - timedelta(minutes=1))
    working, settings.AUTHENTICATION_BACKENDS = settings.AUTHENTICATION_BACKENDS, [f"{__name__}.Forgetful"]
    assert send_due_mails() == 1
    assert Delivery.objects.get(user=asked).mail == MailState.WAITING
    settings.AUTHENTICATION_BACKENDS = working
    Delivery.objects.update(due_at=timezone.now())
    assert send_due_mails() == 1
    assert {mail["To"] for mail in sink.mails} == {"boss@example.com", "asked@example.com"}


def test_a_server_that_takes_its_time_holds_nothing_up_for_long(
    world: World, boss: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_superuser("second", email="second@example.com", password="x")
    monkeypatch.setattr(mailing, "LONGEST_SECONDS", 0.2)
    sink.seconds = 0.3
    stop(world)
    note_conditions()
    assert [send_due_mails(), send_due_mails(), send_due_mails()] == [1, 1, 0]


def test_one_mailbox_that_refuses_does_not_hold_up_the_others(world: World, boss: User, sink: Sink) -> None:
    User.objects.create_superuser("second", email="broken address@", password="x")
    User.objects.create_superuser("third", email="third@example.com", password="x")
    stop(world)
    note_conditions()
    send_due_mails()
    assert {mail["To"] for mail in sink.mails} == {"boss@example.com", "third@example.com"}


@pytest.mark.parametrize("taken_away", [{"is_active": False}, {"is_staff": False}, {"is_superuser": False}])
def test_who_may_not_see_it_any_more_is_told_nothing_of_it(
    world: World, boss: User, sink: Sink, taken_away: dict[str, bool]
) -> None:
    stop(world)
    note_conditions()
    assert unseen_of(boss) == 1
    User.objects.filter(pk=boss.pk).update(**taken_away)
    assert send_due_mails() == 0
    assert sink.mails == []
    assert unsent_mails() == {"waiting": 0, "failed": 0, "unknown": 0}
    former = User.objects.get(pk=boss.pk)
    assert unseen_of(former) == 0
    assert not deliveries_of(former).exists()


def test_a_server_that_does_not_answer_is_asked_once_for_all_mails(
    world: World, boss: User, sink: Sink, settings: Any
) -> None:
    for number in range(3):
        User.objects.create_superuser(f"other{number}", email=f"other{number}@example.com", password="x")
    stop(world)
    note_conditions()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        working, settings.EMAIL_PORT = settings.EMAIL_PORT, silent.getsockname()[1]
        settings.EMAIL_TIMEOUT = 0.2
        send_due_mails()
    assert Delivery.objects.filter(attempts=1).count() == 1
    settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = working, 5
    assert send_due_mails() == 3


def test_what_only_another_version_tells_holds_up_nothing(world: World, boss: User, sink: Sink) -> None:
    Notification.objects.create(kind="of_tomorrow", subject="x", page="account", page_id=1)
    stop(world)
    note_conditions()
    assert send_due_mails() == 1
    mend(world)
    note_conditions()
    assert Notification.objects.filter(ended_at__isnull=False).count() == 1


def test_without_a_server_nothing_is_claimed(world: World, boss: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    stop(world)
    note_conditions()
    assert send_due_mails() == 0
    assert Delivery.objects.get().mail == MailState.WAITING


@pytest.mark.parametrize(
    ("mailers", "is_set_up"),
    [
        ({"default": {}}, True),
        ({"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}, True),
        ({"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}, False),
        ({"other": {}}, False),
        ({}, False),
    ],
)
def test_the_servers_of_a_newer_django_are_seen(
    settings: Any, mailers: dict[str, dict[str, str]], is_set_up: bool
) -> None:
    settings.MAILERS = mailers
    assert is_mail_set_up() is is_set_up


def test_who_has_no_address_is_told_in_the_back_office_alone(world: World, sink: Sink) -> None:
    User.objects.create_superuser("silent", password="x")
    stop(world)
    note_conditions()
    assert Delivery.objects.get().mail == MailState.NONE


def test_the_default_sender_is_who_mails_are_from(world: World, boss: User, sink: Sink) -> None:
    choose_settings(chosen={"sender_name": "Shop, Ltd", "sender_email": "news@example.com"})
    assert sender() == '"Shop, Ltd" <news@example.com>'
    stop(world)
    note_conditions()
    send_due_mails()
    assert sink.mails[0]["From"] == '"Shop, Ltd" <news@example.com>'


def test_a_sender_whose_domain_has_letters_of_its_own_is_understood(world: World, boss: User, sink: Sink) -> None:
    choose_settings(chosen={"sender_name": "Müller", "sender_email": "news@müller.example.com"})
    stop(world)
    note_conditions()
    assert send_due_mails() == 1
    assert sink.mails[0]["From"] == "Müller <news@xn--mller-kva.example.com>"


def test_a_name_cannot_add_heads_to_a_mail(world: World, boss: User, sink: Sink) -> None:
    world.marketing_list.name = "VIPs\nBcc: everybody@example.com"
    world.marketing_list.save()
    stop(world)
    note_conditions()
    send_due_mails()
    (mail,) = sink.mails
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]


def test_a_mail_is_in_the_language_of_its_reader(world: World, boss: User, sink: Sink) -> None:
    choose_preferences(user=boss, language="de", time_zone="", theme="auto")
    stop(world)
    note_conditions()
    send_due_mails()
    assert sink.mails[0]["Content-Language"] == "de"


def test_large_numbers_are_written_as_the_reader_writes_them(world: World, boss: User, sink: Sink) -> None:
    choose_preferences(user=boss, language="de", time_zone="", theme="auto")
    stop(world)
    ListConnection.objects.update(stopped_rows=1495, stopped_of=9900)
    note_conditions()
    send_due_mails()
    text = texts_of(sink.mails[0])
    assert "1.495" in text
    assert "9.900" in text


def test_no_mail_names_a_person(world: World, boss: User, sink: Sink) -> None:
    stop(world)
    note_conditions()
    send_due_mails()
    told = texts_of(sink.mails[0]) + str(Notification.objects.values_list("details", flat=True)[0])
    assert not [person.last_name for person in world.people if person.last_name in told]


def lines_of_doctor(capsys: pytest.CaptureFixture[str], subject: str) -> str:
    capsys.readouterr()
    examine(Console(width=500))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if f" {subject} " in line]
    return line


def test_the_doctor_tells_of_mails_log_ins_and_the_audit(
    world: World, boss: User, sink: Sink, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stop(world)
    note_conditions()
    # The doctor would ask the account, which is somebody else's.
    Integration.objects.update(is_active=False)
    assert lines_of_doctor(capsys, "mails").startswith("ok   mails                  notifications are mailed; 1 wait")
    claim_mail()
    assert lines_of_doctor(capsys, "mails").startswith("FAIL mails                  1 unknown")
    Delivery.objects.update(due_at=timezone.now() - timedelta(days=2))
    assert lines_of_doctor(capsys, "mails").endswith("0 wait; longer than a day ago: 1 unknown")
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert "set DOTBRIDGE_EMAIL_URL" in lines_of_doctor(capsys, "mails")

    assert lines_of_doctor(capsys, "log-in").startswith("ok")
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert lines_of_doctor(capsys, "log-in").startswith("FAIL")

    assert lines_of_doctor(capsys, "audit").startswith("ok")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER dotbridge_audit ON dotbridge_mapping_mapping")
    assert lines_of_doctor(capsys, "audit").startswith("FAIL")
