"""Filters of the back office's own templates."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.db.models import Model

from dotbridge.backoffice import labels
from dotbridge.backoffice.entity_labels import record_url
from dotbridge.backoffice.rights import MAY_SEE_ACTIVITIES
from dotbridge.connections.models import OPEN_CHANGES, AccountChange
from dotbridge.entities.registry import entities
from dotbridge.entities.rights import may_view

register = template.Library()

register.filter(labels.activity_badge)
register.filter(labels.ago)
register.filter(labels.change_badge)
register.filter(labels.percentage)
register.filter(labels.reason_text)
register.filter(labels.state_badge)
register.filter(labels.status_badge)


@register.filter
def grouped(number: int | None) -> str:
    """12345 -> 12,345; nothing -> a dash."""
    return "-" if number is None else labels.grouped(number)


@register.filter
def any_open(changes: Iterable[AccountChange]) -> bool:
    """Whether the worker still has something to do for any of these changes."""
    return any(change.state in OPEN_CHANGES for change in changes)


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
