"""What a connected list does beside sending its members, and what becomes of those who leave there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.backoffice.screens.base import require, url_of
from dotbridge.backoffice.screens.list_tabs import link_of, list_tabs
from dotbridge.connections.selectors import obstacle_to_newcomers
from dotbridge.connections.services import set_create_entities, set_settings
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen
    from dotbridge.connections.models import ListConnection

MAY_CHANGE = "dotbridge_connections.change_listconnection"
PAGE = "connection-settings"


class ConnectionSettingsForm(forms.Form):
    """The switches of a connection."""

    create_entities = forms.BooleanField(
        required=False,
        label=gettext_lazy("Create new entities"),
        widget=forms.CheckboxInput(attrs={"aria-describedby": "create-entities-help"}),
    )
    unsubscribes_book = forms.BooleanField(
        required=False, label=gettext_lazy("An opt-out of the list unsubscribes from the address book")
    )
    always_put_back = forms.BooleanField(
        required=False, label=gettext_lazy("Always put back who is taken out of the address book in Dotdigital")
    )


def change_connection_settings(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Show what a connection does, and change it."""
    require(request, MAY_CHANGE)
    link = link_of(marketing_list)
    if link is None:
        messages.info(request, _("The list is not connected."))
        return HttpResponseRedirect(url_of(marketing_list))
    form = ConnectionSettingsForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(link, name) for name in ConnectionSettingsForm.base_fields},
    )
    if request.method == "POST" and form.is_valid() and _stored(form, link):
        _report(screen, request, marketing_list, link)
        return HttpResponseRedirect(url_of(marketing_list, PAGE))
    return screen.render_page(
        request,
        "backoffice/connection_settings.html",
        title=_("Connection settings"),
        record=marketing_list,
        list_tabs=list_tabs(request, marketing_list, current=PAGE),
        link=link,
        form=form,
        entity=entity_label(marketing_list.entity),
        obstacle=obstacle_to_newcomers(link),
        mapping_url=_mapping_url(request, link),
        refresh_url=url_of(marketing_list, "refresh"),
        move_url="" if hasattr(link, "ending") else url_of(marketing_list, "move"),
        back_url=url_of(marketing_list),
    )


def _stored(form: ConnectionSettingsForm, link: ListConnection) -> bool:
    try:
        with transaction.atomic():
            set_create_entities(link=link, create_entities=form.cleaned_data["create_entities"])
            set_settings(
                link=link,
                unsubscribes_book=form.cleaned_data["unsubscribes_book"],
                always_put_back=form.cleaned_data["always_put_back"],
            )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    return True


def _report(screen: Screen, request: HttpRequest, marketing_list: MarketingList, link: ListConnection) -> None:
    text = (
        _("From the next run on, contacts without a record become records.")
        if link.create_entities
        else _("No records are made of contacts any more.")
    )
    screen.log_change(request, marketing_list, text)
    messages.success(request, text)


def _mapping_url(request: HttpRequest, link: ListConnection) -> str:
    """The page where rows are made two-way; empty where there is none or the person may not see it."""
    if not request.user.has_perm("dotbridge_mapping.view_mapping"):
        return ""
    integration, key = link.address_book.integration_id, link.marketing_list.entity
    mapping = Mapping.objects.filter(integration=integration, entity=key).first()
    return url_of(mapping) if mapping else ""
