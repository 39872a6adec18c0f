"""What somebody was told of: what goes on, and what is over."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.frame import page, person_of, show
from dotbridge.notifications.models import Notification
from dotbridge.notifications.selectors import deliveries_of
from dotbridge.notifications.services import mark_seen
from dotbridge.notifications.texts import over_words, words_of

PAGE = 50


@page()
def notifications(request: HttpRequest) -> HttpResponse:
    """The person's list. Whoever opens it has seen what stands there."""
    person = person_of(request)
    current = Paginator(deliveries_of(person), PAGE).get_page(request.GET.get("page"))
    lines = [
        {
            "words": words_of(each.notification),
            "over": over_words(each.notification) if each.notification.ended_at else "",
            "row": each.notification,
            "is_new": each.seen_at is None and each.notification.ended_at is None,
            "url": _url(each.notification),
        }
        for each in current
    ]
    mark_seen(user=person)
    return show(
        request,
        "backoffice/house/notifications.html",
        title=_("Notifications"),
        current="",
        context={"lines": lines, "pager": numbered_pager(current)},
    )


def _url(row: Notification) -> str:
    try:
        return reverse(f"dotbridge:{row.page}", args=[row.page_id] if row.page_id is not None else [])
    except NoReverseMatch:
        return ""
