"""Sends the mails of notifications, one at a time, none twice, with no transaction open while the server is asked."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from email.utils import formataddr
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import punycode
from django.utils.translation import get_language, gettext, override

from dotbridge.conf import app_settings
from dotbridge.notifications.models import MailState
from dotbridge.notifications.selectors import may_be_told
from dotbridge.notifications.services import LONGEST_PAUSE, Mail, claim_mail, end_mail
from dotbridge.notifications.texts import over_words, words_of
from dotbridge.preferences.models import Preferences
from dotbridge.preferences.selectors import settings_in_force
from dotbridge.user_address import address_of_user

AT_ONCE = 50
# A server may take its time over each mail, and first readings wait for the slot that mails are sent in.
LONGEST_SECONDS = 60.0
MOST_ATTEMPTS = 6
PAUSES = [*(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)), LONGEST_PAUSE]
# What a server says of one mail, such as of its address; all else says something of the server.
_ABOUT_ONE_MAIL = (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError)
DUMMY = "django.core.mail.backends.dummy.EmailBackend"

log = structlog.get_logger(__name__)


def is_mail_set_up() -> bool:
    """Whether this project has a server to send mails by: ours by DOTBRIDGE_EMAIL_URL, a host's by its settings."""
    # Since 6.1 Django has several servers, and refuses the former setting where they are named.
    mailers = getattr(settings, "MAILERS", None)
    if mailers is None:
        return bool(settings.EMAIL_BACKEND != DUMMY)
    return "default" in mailers and mailers["default"].get("BACKEND") != DUMMY


def send_due_mails() -> int:
    """Send what waits. Answers how many were sent. A server that refuses is asked again later, six times at most.

    One that cannot be reached at all is left alone until the next call: each mail would wait for it anew.
    """
    if not is_mail_set_up():
        return 0
    sent, ends_at = 0, time.monotonic() + LONGEST_SECONDS
    with suppress(_Unreachable):
        for _each in range(AT_ONCE):
            mail = claim_mail() if time.monotonic() < ends_at else None
            if mail is None:
                break
            sent += _sent(mail)
    return sent


class _Unreachable(Exception):
    """The server of mails does not answer."""


def _sent(mail: Mail) -> bool:
    """Whether the server has taken it; if not, what becomes of it is noted. Raises _Unreachable after that."""
    person = mail.delivery.user
    try:
        # A host may ask others for rights, who do not answer.
        if not may_be_told(person, mail.delivery.notification.kind):
            # Who has left, or may not see it any more, is told no names.
            end_mail(mail=mail, state=MailState.NONE)
            return False
        language = Preferences.objects.filter(user=person).values_list("language", flat=True).first()
        with override(language or settings.LANGUAGE_CODE):
            _message(mail).send()
    except ValueError as error:
        # An address that no mail can have: nothing changes by itself.
        log.warning("mail cannot be made", delivery=mail.delivery.pk, error=type(error).__name__)
        end_mail(mail=mail, state=MailState.FAILED)
    except Exception as error:
        _later(mail, error)
        if isinstance(error, OSError) and not isinstance(error, _ABOUT_ONE_MAIL):
            raise _Unreachable from error
    else:
        end_mail(mail=mail, state=MailState.SENT)
        return True
    return False


def _later(mail: Mail, error: Exception) -> None:
    """Again after a pause, longer each time; given up at last, which `dotbridge doctor` tells."""
    attempts = mail.delivery.attempts
    log.warning("mail was not taken", delivery=mail.delivery.pk, attempt=attempts, error=type(error).__name__)
    if attempts >= MOST_ATTEMPTS:
        end_mail(mail=mail, state=MailState.FAILED)
    else:
        end_mail(mail=mail, state=MailState.WAITING, pause=PAUSES[attempts - 1])


def _message(mail: Mail) -> EmailMessage:
    row = mail.delivery.notification
    words = words_of(row)
    subject = gettext("Over: %(title)s") % {"title": words.title} if mail.is_end else words.title
    text = str(over_words(row)) if mail.is_end else words.text
    lines = [text, "", f"{words.button}: {_address(row.page, row.page_id)}", ""]
    lines += [gettext("What you are told of, and how, is chosen under My settings:"), _address("my-settings", None)]
    return EmailMessage(
        subject=" ".join(subject.split())[:200],
        body="\n".join(lines),
        from_email=sender(),
        to=[address_of_user(mail.delivery.user)],
        headers={"Auto-Submitted": "auto-generated", "Content-Language": get_language() or "en"},
    )


def sender() -> str:
    """Who the mails are from: the default sender of the settings, else the project's own."""
    chosen = settings_in_force("sender_name", "sender_email")
    if not chosen["sender_email"]:
        return str(settings.DEFAULT_FROM_EMAIL)
    local, _at, domain = chosen["sender_email"].rpartition("@")
    return formataddr((chosen["sender_name"], f"{local}@{punycode(domain)}"))


def _address(page: str, key: Any) -> str:
    """The whole address of a page, for a mail."""
    try:
        path = reverse(f"dotbridge:{page}", args=[key] if key is not None else [])
    except NoReverseMatch:
        path = ""
    return f"{app_settings().site_origin}{path}"
