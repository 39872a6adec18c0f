"""The settings of a list: its name and owner, how it comes to its people, and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.editing import posted_seen, seen_of
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import page, person_of, report_change
from dotbridge.backoffice.pages.list_actions import ask_first
from dotbridge.backoffice.pages.list_columns import columns_context, read_posted_columns
from dotbridge.backoffice.pages.list_editing import clash_of_list
from dotbridge.backoffice.pages.list_forms import SETTINGS, SettingsForm
from dotbridge.backoffice.pages.list_frame import link_of, list_or_404, list_url, may_see_people, show_list_page
from dotbridge.backoffice.reads.list_changes import said_of_change
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_SEE_LISTS
from dotbridge.editing import ChangedMeanwhile, fingerprint
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.lists.columns import ColumnsError, columns_of, lacks_email_column
from dotbridge.lists.models import ListedRecord, ListType
from dotbridge.lists.previews import what_settings_change
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import update_list

# Another type has everybody put on the list in one statement, which a person waits for.
MOST_MILLISECONDS = 25_000


@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """The settings; what changes who is on the list is asked about before it is saved."""
    marketing_list = list_or_404(pk)
    form = SettingsForm(
        request.POST if request.method == "POST" else None,
        marketing_list=marketing_list,
        initial={**_present(marketing_list), **_typed(request)},
    )
    context: dict[str, Any] = {}
    if _typed(request):
        # What the person typed rests on what they saw before they were asked.
        context = {"is_typed": True, "seen": request.GET.get("seen", "")[:64]}
    if request.method == "POST" and form.is_valid():
        mine = form.settings()
        if _changes_people(marketing_list, mine) and not request.POST.get("confirmed"):
            return _ask(request, marketing_list, mine)
        problem = _save(request, marketing_list, form, mine)
        if problem is None:
            return HttpResponseRedirect(list_url(marketing_list, "list-settings"))
        context |= problem
    return show_settings(request, marketing_list, form=form, context=context)


def _present(marketing_list: Any) -> dict[str, Any]:
    """What the list holds, as the form shows it."""
    every = marketing_list.refresh_every
    shown = {name: getattr(marketing_list, name) for name in SETTINGS}
    return {**shown, "refresh_every": str(int(every.total_seconds())) if every else ""}


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What the person had typed, when they come back from the question without having said yes."""
    if request.GET.get("typed") != "yes":
        return {}
    ticked = {"include_previously_contacted": "include_previously_contacted" in request.GET}
    return {**{name: request.GET[name] for name in SETTINGS if name in request.GET}, **ticked}


def show_settings(
    request: HttpRequest, marketing_list: Any, *, form: SettingsForm | None = None, context: Mapping[str, Any]
) -> HttpResponse:
    """The page with both its forms. `context` may hold what is wrong with one of them."""
    is_posted = form is not None and form.is_bound
    return show_list_page(
        request,
        "backoffice/house/list_settings.html",
        marketing_list,
        tab="list-settings",
        status=409 if "clash" in context else 200,
        context={
            "form": form or SettingsForm(marketing_list=marketing_list, initial=_present(marketing_list)),
            "seen": seen_of(request, marketing_list, SETTINGS) if is_posted else fingerprint(marketing_list, SETTINGS),
            "may_see_people": may_see_people(request, marketing_list.entity),
            **columns_context(request, marketing_list),
            **context,
        },
    )


def _changes_people(marketing_list: Any, mine: Mapping[str, Any]) -> bool:
    return any(mine[name] != getattr(marketing_list, name) for name in ("type", "include_previously_contacted"))


def _ask(request: HttpRequest, marketing_list: Any, mine: Mapping[str, Any]) -> HttpResponse:
    """What follows from another type, in numbers."""
    try:
        change = what_settings_change(
            marketing_list, type=mine["type"], include_previously_contacted=mine["include_previously_contacted"]
        )
        said = said_of_change(marketing_list, change)
    except UnknownEntity as error:
        said = [str(error)]
    hidden: list[tuple[str, str]] = [(name, request.POST[name]) for name in [*SETTINGS, "seen"] if name in request.POST]
    return ask_first(
        request,
        marketing_list,
        tab="list-settings",
        question=_question(marketing_list, mine),
        consequences=[*_of_type(marketing_list, mine["type"]), *said],
        answer=_("Yes, change it"),
        hidden=hidden,
        action_url=request.path,
        back_url=f"{request.path}?{urlencode([('typed', 'yes'), *hidden])}",
    )


def _question(marketing_list: Any, mine: Mapping[str, Any]) -> str:
    if mine["type"] != marketing_list.type:
        names = {"before": ListType(marketing_list.type).label, "after": mine["type"].label}
        return _("Make it a list of another type: %(after)s instead of %(before)s?") % names
    if mine["include_previously_contacted"]:
        return _("Keep everybody on the list whom it has reached?")
    return _("Let those go whom the list only keeps because it has reached them?")


def _of_type(marketing_list: Any, after: ListType) -> list[str]:
    """What another type means, besides who comes and goes."""
    before = ListType(marketing_list.type)
    if after == before:
        return []
    lines = {
        ListType.DYNAMIC: _("From now on the rule decides, at every moment."),
        ListType.ON_DEMAND: _("From now on the list changes only when it is refreshed."),
        ListType.MANUAL: _("From now on the list changes only when somebody picks people or takes them out."),
    }
    said = [lines[after]]
    if after == ListType.MANUAL:
        said.append(_("Its rule is kept, and asked again once the list has another type."))
    if before == ListType.MANUAL:
        number = ListedRecord.objects.filter(marketing_list=marketing_list).count()
        text = ngettext(
            "That you picked %(n)s person by hand is forgotten.",
            "That you picked %(n)s people by hand is forgotten.",
            number,
        )
        said.append(text % {"n": grouped(number)})
        if not marketing_list.rule:
            said.append(_("Its rule is empty, so everybody matches it. Give it a rule afterwards."))
    return said


def _save(request: HttpRequest, marketing_list: Any, form: SettingsForm, mine: dict[str, Any]) -> dict[str, Any] | None:
    """None once the settings are kept; else what the page says besides what stands at the fields."""
    before = {name: getattr(marketing_list, name) for name in mine}
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            update_list(
                marketing_list=marketing_list,
                by=person_of(request),
                seen=seen_of(request, marketing_list, SETTINGS),
                **mine,
            )
    except ChangedMeanwhile as error:
        found = clash_of_list(request, error, form, mine)
        return found if found["clash"] else None
    except (RuleError, UnknownEntity) as error:
        form.add_error("type", str(error))
        return {}
    except ValidationError as error:
        add_refusal(form, error)
        return {}
    except TookTooLong:
        form.add_error("type", _("This takes too long at present. Nothing was changed; make the rule simpler first."))
        return {}
    changed = [name for name in mine if before[name] != getattr(marketing_list, name)]
    if changed:
        text = _("Changed: %(names)s.") % {"names": ", ".join(str(form.fields[name].label) for name in changed)}
        report_change(request, marketing_list, text)
    return None


@require_POST
@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def save_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the columns, their names, their order and what sorts the list."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    context: dict[str, Any]
    try:
        columns = read_posted_columns(request, marketing_list)
        _refuse_without_address(marketing_list, columns)
        update_list(marketing_list=marketing_list, columns=columns, by=person_of(request), seen=posted_seen(request))
    except ColumnsError as error:
        context = {"columns_problem": str(error), "columns_problem_at": error.position}
    except UnknownEntity as error:
        context = {"columns_problem": str(error)}
    except ChangedMeanwhile as error:
        clash = clash_of_list(request, error, None, {"columns": columns})
        if not clash["clash"]:
            return HttpResponseRedirect(f"{list_url(marketing_list, 'list-settings')}#columns")
        context = {"columns_clash": clash["clash"], "clash_by": clash["clash_by"], "columns_seen": clash["seen"]}
    else:
        text = _("Changed: %(names)s.") % {"names": _("Columns")}
        report_change(request, marketing_list, text)
        return HttpResponseRedirect(f"{list_url(marketing_list, 'list-settings')}#columns")
    return show_settings(request, marketing_list, context=context)


def _refuse_without_address(marketing_list: Any, columns: list[dict[str, Any]]) -> None:
    """Raise ColumnsError where a connected list would show no address any more."""
    if link_of(marketing_list) is None:
        return
    after = type(marketing_list)(entity=marketing_list.entity, columns=columns)
    if lacks_email_column(entity(marketing_list.entity), columns_of(after)):
        raise ColumnsError(0, _("The list is connected to an address book, so one column has to show the address."))
