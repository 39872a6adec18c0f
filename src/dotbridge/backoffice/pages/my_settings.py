"""How a person sees the back office, and what they are told of."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.pages.frame import THEME_COOKIE, Crumb, page, person_of, show
from dotbridge.backoffice.personal import preferences_of
from dotbridge.config import time_zones
from dotbridge.notifications.kinds import Kind
from dotbridge.notifications.mailing import is_mail_set_up
from dotbridge.notifications.selectors import choices_of
from dotbridge.notifications.services import choose
from dotbridge.preferences.models import Theme
from dotbridge.preferences.services import choose_preferences
from dotbridge.user_address import address_of_user

YEAR = 365 * 24 * 3600


class PreferencesForm(forms.Form):
    """Language, time zone, light or dark."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        help_text=gettext_lazy("In which times are shown. What is due at a time of day follows the site's."),
    )
    theme = forms.ChoiceField(label=gettext_lazy("Light or dark"), choices=Theme.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        languages = [(code, name) for code, name in settings.LANGUAGES]
        self.fields["language"].choices = [("", _("As the browser asks for")), *languages]  # type: ignore[attr-defined]
        site = _("As the site: %(zone)s") % {"zone": settings.TIME_ZONE}
        # What the machine's own files are called is no place: localtime is the zone of whatever machine it is.
        zones = sorted(zone for zone in time_zones() if zone[:1].isupper())
        self.fields["time_zone"].choices = [("", site), *((zone, zone) for zone in zones)]  # type: ignore[attr-defined]


@page()
def my_settings(request: HttpRequest) -> HttpResponse:
    """Two forms: how the pages look, and what one is told of."""
    person = person_of(request)
    posted = request.POST.get("form") if request.method == "POST" else ""
    kept = preferences_of(request)
    initial = {"language": kept.language, "time_zone": kept.time_zone, "theme": kept.theme}
    form = PreferencesForm(request.POST if posted == "look" else None, initial=initial)
    if posted == "look" and form.is_valid():
        choose_preferences(user=person, **form.cleaned_data)
        return _saved(request, theme=form.cleaned_data["theme"])
    if posted == "told":
        for kind in choices_of(person):
            is_shown, is_mailed = f"shown_{kind}" in request.POST, f"mailed_{kind}" in request.POST
            choose(user=person, kind=kind, is_shown=is_shown, is_mailed=is_mailed)
        return _saved(request)
    return show(
        request,
        "backoffice/house/my_settings.html",
        title=_("My settings"),
        current="settings",
        crumbs=[Crumb(title=_("Settings"), url=reverse("dotbridge:settings"))],
        context={
            "form": form,
            "kinds": [
                {"kind": kind.value, "label": Kind(kind).label, "is_shown": shown, "is_mailed": mailed}
                for kind, (shown, mailed) in choices_of(person).items()
            ],
            "address": address_of_user(person),
            "is_mail_set_up": is_mail_set_up(),
        },
    )


def _saved(request: HttpRequest, *, theme: str = "") -> HttpResponse:
    messages.success(request, _("Saved."))
    response = HttpResponseRedirect(request.path)
    if theme:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR, samesite="Lax")
    return response
