"""Filters of the back office's own templates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django import template
from django.utils.safestring import SafeString

from dotbridge.backoffice import labels
from dotbridge.sync.models import Step, SyncRun
from dotbridge.sync.request_models import OPEN_CHANGES, AccountChange

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

register = template.Library()


@register.filter
def grouped(number: int | None) -> str:
    """12345 -> 12,345; nothing -> a dash."""
    return "-" if number is None else labels.grouped(number)


@register.filter
def ago(moment: datetime | None) -> str:
    """A moment -> 3 minutes ago."""
    return labels.ago(moment)


@register.filter
def reason_text(code: str) -> StrOrPromise:
    """A rejection's code -> a sentence."""
    return labels.reason_text(code)


@register.filter
def state_badge(record: SyncRun | Step) -> SafeString:
    """A run or a step -> its state as a label."""
    return labels.state_badge(record)


@register.filter
def upload_badge(state: str) -> SafeString:
    """An upload's state -> a label."""
    return labels.upload_badge(state)


@register.filter
def status_badge(status: str) -> SafeString:
    """A contact's status -> a label."""
    return labels.status_badge(status)


@register.filter
def change_badge(state: str) -> SafeString:
    """The state of a change of the account -> a label."""
    return labels.change_badge(state)


@register.filter
def any_open(changes: Iterable[AccountChange]) -> bool:
    """Whether the worker still has something to do for any of these changes."""
    return any(change.state in OPEN_CHANGES for change in changes)
