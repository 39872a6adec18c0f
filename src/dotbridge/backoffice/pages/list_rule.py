"""A list's rule: what it is made of, and who is on it because of that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.forms import ListForm
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.pages.list_actions import VIEW
from dotbridge.backoffice.pages.list_frame import MAY_CHANGE_LIST, list_or_404, list_url, show_list_page
from dotbridge.backoffice.screens.rule_builder import builder_addresses
from dotbridge.lists.services import create_list, update_list


@page(VIEW, "dotbridge_lists.add_marketinglist")
def add_list(request: HttpRequest) -> HttpResponse:
    """Make a list."""
    form = ListForm(request.POST if request.method == "POST" else None, viewer=request.user)
    if request.method == "POST" and form.is_valid():
        made = create_list(**form.cleaned_data)
        text = _("%(name)s was made.") % {"name": made}
        messages.success(request, text)
        return HttpResponseRedirect(list_url(made))
    return show(
        request,
        "backoffice/house/list_add.html",
        title=_("New list"),
        current="lists",
        crumbs=[Crumb(title=_("Lists"), url=reverse("dotbridge:lists"))],
        context={"form": form, "rule_builder": builder_addresses(), "rule_entity": "", "rule_list": ""},
    )


@page(VIEW)
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """The rule, and changing it for those who may."""
    marketing_list = list_or_404(pk)
    may_change = request.user.has_perm(MAY_CHANGE_LIST)
    initial = {"name": marketing_list.name, "description": marketing_list.description, "rule": marketing_list.rule}
    form = ListForm(
        request.POST if request.method == "POST" and may_change else None,
        viewer=request.user,
        marketing_list=marketing_list,
        initial=initial,
    )
    if request.method == "POST" and may_change and form.is_valid():
        return _saved(request, marketing_list, form)
    context = {
        "form": form,
        "may_change": may_change,
        "rule_builder": builder_addresses(),
        "rule_entity": marketing_list.entity,
        "rule_list": marketing_list.pk,
    }
    return show_list_page(request, "backoffice/house/list_rule.html", marketing_list, tab="list-rule", context=context)


def _saved(request: HttpRequest, marketing_list: Any, form: ListForm) -> HttpResponse:
    update_list(marketing_list=marketing_list, **form.cleaned_data)
    if form.has_changed():
        names = ", ".join(str(form.fields[name].label) for name in form.changed_data)
        text = _("Changed: %(names)s.") % {"names": names}
        messages.success(request, text)
    return HttpResponseRedirect(list_url(marketing_list, "list-rule"))
