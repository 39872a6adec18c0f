"""What the rule builder asks for while somebody writes a rule: the fields, their values, and what the rule would do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dotbridge.backoffice.pages.frame import NOT_SHARED, may_enter
from dotbridge.backoffice.personal import as_the_person_likes
from dotbridge.backoffice.reads.list_changes import said_of_change
from dotbridge.backoffice.screens.rule_builder_texts import builder_texts
from dotbridge.entities.registry import Entity, UnknownEntity, entity
from dotbridge.entities.rights import may_view
from dotbridge.lists.catalogue import field_catalogue, search_values
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.previews import RulePreview, count_and_sample, what_changes
from dotbridge.lists.rules import RuleProblem, read_rule
from dotbridge.lists.rules.operators import MEASURE_LABELS
from dotbridge.lists.rules.periods import PERIOD_LABELS, Unit
from dotbridge.lists.rules.words import names_of_values, read_in_words

MOST_TYPED = 200
# Beyond it a browser rounds whole numbers, and a key would be somebody else's.
LARGEST_IN_BROWSER = 2**53 - 1
View = Callable[[HttpRequest], JsonResponse]


def builder_addresses() -> dict[str, str]:
    """Where the builder in the browser finds what it asks for, for the element's attributes."""
    return {name: reverse(f"rule_builder:{name}") for name in ("catalogue", "values", "preview")}


def for_browser(value: Any) -> Any:
    """The value with whole numbers that a browser would round as texts, which a rule takes as well."""
    if isinstance(value, Mapping):
        return {name: for_browser(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [for_browser(part) for part in value]
    return str(value) if isinstance(value, int) and abs(value) > LARGEST_IN_BROWSER else value


def _for_list_makers(view: Callable[[HttpRequest, Entity], JsonResponse]) -> View:
    """For those who may come in, see lists, and see the records of the entity asked about."""

    @wraps(view)
    def guarded(request: HttpRequest) -> JsonResponse:
        user = request.user
        if not user.is_authenticated:
            return _refusal(_("You are not logged in any more. Log in on another page; what you wrote stays."), 401)
        if not may_enter(request) or not may_view(user, MarketingList):
            return _refusal(_("You may not see marketing lists."), 403)
        try:
            listed = entity(request.GET.get("entity", ""))
        except UnknownEntity:
            return _refusal(_("Choose whom the list is about first."), 404)
        if not may_view(user, listed.model):
            return _refusal(_("You may not see these records, so you cannot ask about them."), 403)
        with as_the_person_likes(request):
            response = view(request, listed)
        response["Cache-Control"] = NOT_SHARED
        return response

    return guarded


@require_GET
@_for_list_makers
def catalogue(request: HttpRequest, listed: Entity) -> JsonResponse:
    """Everything the builder needs once: fields with operators, periods and units, and its own texts."""
    return JsonResponse(
        {
            "groups": [for_browser(asdict(group)) for group in field_catalogue(listed, viewer=request.user)],
            "measures": {measure.value: str(label) for measure, label in MEASURE_LABELS.items()},
            "periods": [[period.value, str(label)] for period, label in PERIOD_LABELS.items()],
            "units": [
                [Unit.DAY.value, _("days")],
                [Unit.WEEK.value, _("weeks")],
                [Unit.MONTH.value, _("months")],
                [Unit.YEAR.value, _("years")],
            ],
            "texts": builder_texts(),
        }
    )


@require_GET
@_for_list_makers
def values(request: HttpRequest, listed: Entity) -> JsonResponse:
    """Values of a field that begin with what was typed."""
    asked = {name: request.GET.get(name, "")[:MOST_TYPED] for name in ("field", "text", "within")}
    found = search_values(listed, asked["field"], asked["text"], viewer=request.user, within=asked["within"])
    return JsonResponse({"values": [{"value": for_browser(choice.value), "label": choice.label} for choice in found]})


@require_POST
@_for_list_makers
def preview(request: HttpRequest, listed: Entity) -> JsonResponse:
    """A rule tried: its sentence, how many match, the first of them, what is wrong, and what saving it would change."""
    rule = _rule(request)
    if rule is None:
        return _refusal(_("This is no rule: it cannot be read as JSON, or is nested too deep."), 400)
    marketing_list = _list(request, listed)
    read = read_rule(listed, rule, marketing_list=marketing_list, viewer=request.user)
    tried = count_and_sample(listed, rule, marketing_list=marketing_list, viewer=request.user)
    answer = {
        "words": read_in_words(listed, read),
        "names": names_of_values(read),
        "problems": [_problem(problem) for problem in tried.problems],
        **_counted(tried),
    }
    if marketing_list is not None and not read.problems and not tried.took_too_long:
        change = what_changes(marketing_list, rule, viewer=request.user)
        is_later = marketing_list.type == ListType.ON_DEMAND
        answer["change"] = [
            _("The next refresh with this rule:") if is_later else _("Saving this rule:"),
            *said_of_change(marketing_list, change),
        ]
    return JsonResponse(answer)


def _counted(tried: RulePreview) -> dict[str, Any]:
    return {
        "count": tried.count,
        "took_too_long": tried.took_too_long,
        "sample": [{"name": record.name, "email": record.email or ""} for record in tried.sample],
    }


def _problem(problem: RuleProblem) -> dict[str, str]:
    return {"key": problem.key, "kind": problem.kind.value, "text": problem.text}


def _rule(request: HttpRequest) -> Mapping[str, Any] | None:
    try:
        rule = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return rule if isinstance(rule, dict) else None


def _list(request: HttpRequest, listed: Entity) -> MarketingList | None:
    key = request.GET.get("list", "")
    if not key.isascii() or not key.isdigit() or len(key) > 18:
        return None
    lists = MarketingList.objects.select_related("connection__address_book")
    return lists.filter(pk=int(key), entity=listed.key).first()


def _refusal(text: str, status: int) -> JsonResponse:
    return JsonResponse({"refusal": text}, status=status)


app_name = "rule_builder"
urlpatterns = [
    path("catalogue", catalogue, name="catalogue"),
    path("values", values, name="values"),
    path("preview", preview, name="preview"),
]
