"""The components of the back office's pages that need more than a template to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms, template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dotbridge.backoffice import labels
from dotbridge.backoffice.pages.live import strip_context
from dotbridge.backoffice.pages.pieces import piece_of, url_of_whole, wants_whole
from dotbridge.backoffice.reads.lists import state_of
from dotbridge.backoffice.reads.rules import rule_words
from dotbridge.backoffice.reads.standing import ListStanding
from dotbridge.backoffice.reads.worker import how_to_start_worker, seconds_to_ask
from dotbridge.backoffice.rights import MAY_ADD_ACCOUNT
from dotbridge.backoffice.statuses import campaign_status_words, opt_in_words
from dotbridge.backoffice.templatetags.backoffice import grouped
from dotbridge.backoffice.tones import CHANGE_TONES, RUN_TONES, SEND_TONES, UPLOAD_TONES
from dotbridge.connections.models import SendState
from dotbridge.integrations.models import Integration
from dotbridge.sync.texts import stored_text

register = template.Library()

# The parts of a bar that somebody is in are wide enough to be seen.
NARROWEST = 0.6


register.filter(grouped)
register.filter(stored_text)
register.filter(opt_in_words)
register.filter(campaign_status_words)
register.simple_tag(seconds_to_ask)


@register.filter
def share(fraction: float | None) -> str:
    """0.888 -> 88.8%; nothing -> a dash."""
    return "-" if fraction is None else labels.percentage(fraction)


@register.simple_tag
def icon(name: str) -> SafeString:
    """One of the drawings of `icons.svg`. The word stands beside it, so it is hidden from screen readers."""
    return format_html(
        '<svg class="icon" width="18" height="18" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("backoffice/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def awaited(context: template.RequestContext, url: str, **query: str | int | None) -> SafeString:
    """What stands where a piece of the page is going to be, which comes from `url` with what else is asked there.

    Without JavaScript nothing comes: then it is the way to the page with its pieces in it, and there the piece itself.
    """
    request = context["request"]
    asked = urlencode({name: value for name, value in query.items() if value})
    if wants_whole(request):
        return SafeString(piece_of(request, "?".join(filter(None, [url, asked]))))
    return format_html(
        '<p class="soft" data-scripted>{}</p><noscript><p><a href="{}">{}</a></p></noscript>',
        _("Counting…"),
        url_of_whole(request),
        _("Show the numbers"),
    )


@register.simple_tag
def start_worker() -> str:
    """What to do where no worker runs."""
    return how_to_start_worker()


@register.simple_tag(takes_context=True)
def connect_account_url(context: template.Context) -> str:
    """Where an account is connected, for somebody who may, while there is none. Else empty."""
    may = context["request"].user.has_perm(MAY_ADD_ACCOUNT)
    return reverse("dotbridge:account-add") if may and not Integration.objects.exists() else ""


@register.simple_tag
def moment(when: datetime | None) -> SafeString | str:
    """How long ago, with the whole date and time where the mouse rests on it."""
    if when is None:
        return labels.ago(None)
    full = date_format(timezone.localtime(when), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), full, labels.ago(when))


@register.inclusion_tag("backoffice/components/bar.html")
def list_bar(standing: ListStanding, url: str = "", chosen: str = "") -> dict[str, Any]:
    """Where the people of a list stand, as one bar, and as words that lead to them."""
    shown = [part for part in standing.parts(url, chosen) if part.number or part.is_current]
    total = sum(part.number for part in shown)
    widths = [max(NARROWEST, 100 * part.number / total) if part.number else 0.0 for part in shown]
    scale = 100 / sum(widths) if total else 0
    drawn, x = [], 0.0
    for part, width in zip(shown, widths, strict=True):
        drawn.append(
            {
                "title": part.title,
                "number": part.number,
                "tone": part.tone,
                "url": part.url,
                "is_current": part.is_current,
                "x": f"{x:.3f}",
                "width": f"{width * scale:.3f}",
            }
        )
        x += width * scale
    text = ", ".join(f"{part.title} {labels.grouped(part.number)}" for part in shown if part.number)
    return {"parts": drawn, "text": text or labels.grouped(0)}


@register.inclusion_tag("backoffice/components/meter.html")
def meter(fraction: float | None, text: str, *, tone: str = "info", is_moving: bool = False) -> dict[str, Any]:
    """How much of a whole, as one bar."""
    width = 100 * min(1.0, max(0.0, fraction or 0.0))
    return {"width": f"{width:.2f}", "text": text, "tone": tone, "is_moving": is_moving}


@register.inclusion_tag("backoffice/components/sparkline.html")
def sparkline(days: Sequence[int], text: str) -> dict[str, str]:
    """How a number went from day to day, as a small line; nothing where nothing ever happened."""
    highest = max(days, default=0)
    if not highest or len(days) < 2:
        return {}
    step = 100 / (len(days) - 1)
    points = [f"{place * step:.2f} {28 - 26 * number / highest:.2f}" for place, number in enumerate(days)]
    path = "M" + "L".join(points)
    return {"path": path, "area": f"{path}L100 30L0 30Z", "text": text}


@register.inclusion_tag("backoffice/components/field.html")
def form_field(field: forms.BoundField) -> dict[str, Any]:
    """A field of a form with its label, help and what is wrong with it."""
    return {"field": field, "is_check": isinstance(field.field.widget, forms.CheckboxInput)}


@register.inclusion_tag("backoffice/components/state.html")
def list_state(marketing_list: Any) -> dict[str, Any]:
    """How a list is kept in step, in a few words with a dot."""
    state = state_of(marketing_list)
    text = format_html("{}, {}", state.text, moment(state.at)) if state.at else state.text
    return {"tone": state.tone, "text": text}


@register.inclusion_tag("backoffice/components/rate.html")
def rate(number: int | None, of: int | None, campaign_url: str = "", did: str = "") -> dict[str, Any]:
    """A number with its share of another one as words and as a bar; the number leads to who that is."""
    fraction = number / of if number is not None and of else None
    url = f"{campaign_url}people/?did={did}"
    return {"number": number, "fraction": fraction, "text": labels.with_share(number, of), "url": url}


@register.inclusion_tag("backoffice/components/live.html", takes_context=True)
def live_strip(
    context: template.RequestContext,
    integration: int,
    after: str = "",
    reloads: bool = False,  # noqa: FBT001, FBT002 - template tags take no keywords by force
) -> dict[str, Any]:
    """The strip that follows an account's runs; `after` is the newest run when a button was pressed.

    `reloads`: the page comes again when the run is over.
    """
    return strip_context(context["request"], integration, after, reloads=reloads)


@register.simple_tag(takes_context=True)
def rule_in_words(context: template.Context, marketing_list: Any) -> str:
    """Whom a list's rule matches, as far as the person who asks may see the fields that it asks about."""
    return rule_words(marketing_list, context["request"].user)


@register.filter
def choice(record: Any, field: str) -> Any:
    """The label of what a field holds, for long tables: `get_..._display` translates all choices for each cell."""
    value = getattr(record, field)
    choices = record._meta.get_field(field).choices  # noqa: SLF001 - Django's documented way to ask a model
    return next((label for known, label in choices if known == value), value)


@register.filter
def run_tone(state: str) -> str:
    """The tone of a run's or a step's state."""
    return RUN_TONES.get(state, "quiet")


@register.filter
def upload_tone(state: str) -> str:
    """The tone of an upload's state."""
    return UPLOAD_TONES.get(state, "quiet")


@register.filter
def change_tone(state: str) -> str:
    """The tone of the state of a change of the account."""
    return CHANGE_TONES.get(state, "quiet")


@register.filter
def place(wanted: object, number: int) -> bool:
    """Whether this is the place that is meant."""
    return wanted == number


@register.filter
def send_tone(state: str) -> str:
    """The tone of the state of a campaign that is sent."""
    return SEND_TONES.get(state, "quiet")


@register.filter
def send_label(state: str) -> str:
    """The state of a campaign that is sent, in words."""
    return str(dict(SendState.choices).get(state, state))


@register.filter
def first_of(lines: Sequence[Any], most: int) -> Sequence[Any]:
    """The first so many."""
    return lines[:most]


@register.filter
def rest_of(lines: Sequence[Any], most: int) -> Sequence[Any]:
    """All after the first so many."""
    return lines[most:]
