"""Filters of the back office's own templates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django import template
from django.db.models import Model
from django.utils.safestring import SafeString

from dotbridge.backoffice import labels
from dotbridge.backoffice.entity_labels import record_url
from dotbridge.backoffice.rights import MAY_SEE_ACTIVITIES
from dotbridge.connections.models import OPEN_CHANGES, AccountChange
from dotbridge.entities.registry import entities
from dotbridge.entities.rights import may_view
from dotbridge.sync.models import Step, SyncRun

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


@register.filter
def activity_badge(kind: str) -> SafeString:
    """An activity's type -> a label."""
    return labels.activity_badge(kind)


@register.filter
def percentage(fraction: float) -> str:
    """0.888 -> 88.8%."""
    return labels.percentage(fraction)


@register.simple_tag
def share(number: int | None, of: int | None) -> str:
    """120 of 348 -> 120 (34.5%)."""
    return labels.with_share(number, of)


@register.simple_tag(takes_context=True)
def record_activities_url(context: template.RequestContext, record: object) -> str:
    """Where a record's page gets what the record did from; empty where nobody may see it or there is none.

    For the page of a host's own model: `change_form_outer_after_template = "backoffice/record_activities.html"`.
    """
    if not isinstance(record, Model) or record.pk is None:
        return ""
    key = record._meta.label_lower  # noqa: SLF001 - Django's documented way to ask a model about itself
    user = context["request"].user
    may_see = user.has_perm(MAY_SEE_ACTIVITIES) and may_view(user, type(record))
    if not may_see or all(known.key != key for known in entities()):
        return ""
    return record_url(key, record.pk, "of-record-piece")
