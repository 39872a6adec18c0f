"""Making a list, and its rule: what it is made of, and who is on it because of that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.editing import seen_of
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import Crumb, page, person_of, show
from dotbridge.backoffice.pages.list_editing import clash_of_list
from dotbridge.backoffice.pages.list_forms import NewListForm, RuleForm
from dotbridge.backoffice.pages.list_frame import list_or_404, list_url, may_see_people, show_list_page
from dotbridge.backoffice.pages.list_refresh import fill
from dotbridge.backoffice.reads.rules import may_see_rule
from dotbridge.backoffice.rights import MAY_ADD_LIST, MAY_CHANGE_LIST, MAY_SEE_LISTS
from dotbridge.backoffice.screens.rule_builder import builder_addresses
from dotbridge.editing import ChangedMeanwhile
from dotbridge.lists.models import ListType
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import create_list, update_list


@page(MAY_SEE_LISTS, MAY_ADD_LIST)
def add_list(request: HttpRequest) -> HttpResponse:
    """Make a list; whom it holds follows on the page of its type."""
    form = NewListForm(
        request.POST if request.method == "POST" else None,
        request=request,
        initial={"owner": request.user.pk, "type": ListType.DYNAMIC},
    )
    if request.method == "POST" and form.is_valid():
        made = _make(request, form)
        if made is not None:
            return HttpResponseRedirect(made)
    return show(
        request,
        "backoffice/house/list_add.html",
        title=_("New list"),
        current="lists",
        crumbs=[Crumb(title=_("Lists"), url=reverse("dotbridge:lists"))],
        context={"form": form, "rule_builder": builder_addresses(), "rule_entity": "", "rule_list": ""},
    )


def _make(request: HttpRequest, form: NewListForm) -> str | None:
    """The address of the page that comes next; None where the list was refused, which the form then says."""
    given = {**form.settings(), "entity": form.cleaned_data["entity"], "rule": form.cleaned_data["rule"]}
    try:
        made = create_list(**given, is_filled=False)
    except ValidationError as error:
        add_refusal(form, error)
        return None
    text = _("%(name)s was made.") % {"name": made}
    messages.success(request, text)
    if made.type == ListType.MANUAL:
        return list_url(made, "list-pick")
    if made.type == ListType.ON_DEMAND:
        fill(request, made)
    return list_url(made)


@page(MAY_SEE_LISTS)
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """The rule, and changing it for those who may; of a manual list, the page where people are picked."""
    marketing_list = list_or_404(pk)
    if marketing_list.type == ListType.MANUAL:
        return HttpResponseRedirect(list_url(marketing_list, "list-pick"))
    may_see = may_see_rule(marketing_list, request.user) and may_see_people(request, marketing_list.entity)
    may_change = request.user.has_perm(MAY_CHANGE_LIST) and may_see
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    form = RuleForm(
        request.POST if request.method == "POST" else None,
        marketing_list=marketing_list,
        viewer=request.user,
        initial={"rule": marketing_list.rule},
    )
    context: dict[str, Any] = {
        "form": form,
        "may_change": may_change,
        "is_hidden": not may_see,
        "seen": seen_of(request, marketing_list, ["rule"]),
        "is_on_demand": marketing_list.type == ListType.ON_DEMAND,
        "rule_builder": builder_addresses(),
        "rule_entity": marketing_list.entity,
        "rule_list": marketing_list.pk,
    }
    if request.method == "POST" and form.is_valid():
        clash = _save(request, marketing_list, form)
        if clash is None and form.is_valid():
            return HttpResponseRedirect(list_url(marketing_list, "list-rule"))
        context |= clash or {}
    status = 409 if "clash" in context else 200
    return show_list_page(
        request, "backoffice/house/list_rule.html", marketing_list, tab="list-rule", status=status, context=context
    )


def _save(request: HttpRequest, marketing_list: Any, form: RuleForm) -> dict[str, Any] | None:
    """None once the rule is kept, or refused at its field; else what the page says of the other person's change."""
    mine = {"rule": form.cleaned_data["rule"]}
    seen = seen_of(request, marketing_list, mine)
    try:
        update_list(marketing_list=marketing_list, by=person_of(request), seen=seen, **mine)
    except ChangedMeanwhile as error:
        found = clash_of_list(request, error, form, mine)
        return found if found["clash"] else None
    except RuleError as error:
        form.add_error("rule", str(error))
        return None
    if form.has_changed():
        text = _("Changed: %(names)s.") % {"names": _("Rule")}
        messages.success(request, text)
    return None
