"""Marketing lists: what they are, who is on them, and how their connection stands."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.views import ChangeList

from dotbridge.backoffice.change_reads import changes_to_show
from dotbridge.backoffice.entity_labels import entity_choices, entity_label
from dotbridge.backoffice.labels import ago, badge, grouped, upload_badge
from dotbridge.backoffice.list_reads import member_totals
from dotbridge.backoffice.screens.base import Button, EmptyList, Screen, View, url_of
from dotbridge.backoffice.screens.connection_settings import PAGE as SETTINGS_PAGE
from dotbridge.backoffice.screens.connection_settings import change_connection_settings
from dotbridge.backoffice.screens.list_connection import connect, make_book, refresh
from dotbridge.backoffice.screens.list_endings import MAY_END, disconnect, keep, move, try_again
from dotbridge.backoffice.screens.list_forms import MarketingListForm, rule_help
from dotbridge.backoffice.screens.list_members import change_members, show_members
from dotbridge.backoffice.screens.list_opt_outs import opt_in, show_opted_out
from dotbridge.backoffice.screens.list_plan import (
    MAY_ALLOW,
    allow,
    download_plan,
    show_numbers,
    show_plan,
    stopped_in_words,
)
from dotbridge.backoffice.screens.list_plan import PAGE as PLAN_PAGE
from dotbridge.backoffice.screens.list_tabs import link_of, list_tabs
from dotbridge.backoffice.screens.previews import LIST_PAGE, preview_list
from dotbridge.backoffice.screens.rule_builder import builder_addresses
from dotbridge.backoffice.screens.run_requests import MAY_REQUEST, ask_for_run
from dotbridge.backoffice.screens.taken_out import MAY_PUT_BACK, put_all_back
from dotbridge.backoffice.screens.taken_out import PAGE as PUT_BACK_PAGE
from dotbridge.backoffice.site import table_site
from dotbridge.connections.models import AccountChange, ListConnection
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import create_list, update_list
from dotbridge.mapping.models import MappingRow
from dotbridge.mapping.soundness import broken_rows
from dotbridge.sync.models import Upload
from dotbridge.sync.selectors import connection_standing
from dotbridge.sync.sql import mapping_of


def _broken_rows(link: ListConnection | None) -> list[tuple[MappingRow, str]]:
    mapping = mapping_of(link) if link else None
    try:
        return broken_rows(mapping) if mapping else []
    except UnknownEntity:
        return []


class CountedLists(ChangeList):  # type: ignore[misc]
    """A page of lists whose members were counted in one statement."""

    result_list: list[Any]

    def get_results(self, request: HttpRequest) -> None:
        """The page's lists, each with its total."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        totals = member_totals(self.result_list)
        for marketing_list in self.result_list:
            marketing_list.member_total = totals.get(marketing_list.pk)


class EntityFilter(admin.SimpleListFilter):
    """By entity."""

    title = gettext_lazy("entity")
    parameter_name = "entity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The registered entities."""
        return entity_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[MarketingList]) -> QuerySet[MarketingList]:
        """The lists of the chosen entity."""
        return queryset.filter(entity=self.value()) if self.value() else queryset


@admin.register(MarketingList, site=table_site)
class MarketingListScreen(Screen):
    """The marketing lists."""

    form = MarketingListForm
    list_display = ("name", "entity_name", "members", "connected_book", "last_export")
    list_filter = (EntityFilter, ("connection", admin.EmptyFieldListFilter))
    list_select_related = ("connection__address_book__integration",)
    list_per_page = 25
    search_fields = ("name", "description")
    fields = ("name", "description", "entity", "rule")
    panel_before = "backoffice/list_panel.html"
    change_form_template = "backoffice/list_form.html"
    empty_list = EmptyList(
        title=gettext_lazy("No marketing lists yet"),
        text=gettext_lazy("A list is a rule on your own records; whoever matches it is on the list, live."),
        link="dotbridge_tables:dotbridge_lists_marketinglist_add",
        link_text=gettext_lazy("Add a marketing list"),
        permission="dotbridge_lists.add_marketinglist",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """The list page that counts members."""
        return CountedLists

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarketingList]:
        """With the newest upload's state and time."""
        newest = Upload.objects.filter(connection__marketing_list=OuterRef("pk")).order_by("-id")
        lists: QuerySet[MarketingList] = super().get_queryset(request)
        return lists.select_related("connection__address_book__integration").annotate(
            upload_state=Subquery(newest.values("state")[:1]), upload_at=Subquery(newest.values("created_at")[:1])
        )

    @admin.display(description=gettext_lazy("Entity"), ordering="entity")
    def entity_name(self, marketing_list: MarketingList) -> str:
        """The entity's label."""
        return entity_label(marketing_list.entity)

    @admin.display(description=gettext_lazy("Members"))
    def members(self, marketing_list: Any) -> SafeString | str:
        """How many are on the list, or that its rule has to be mended."""
        if marketing_list.member_total is None:
            return badge(_("Rule needs mending"), "danger")
        return grouped(marketing_list.member_total)

    @admin.display(description=gettext_lazy("Connected address book"), ordering="connection__address_book__name")
    def connected_book(self, marketing_list: MarketingList) -> str:
        """The book it is kept in step with, and its account."""
        link = link_of(marketing_list)
        return f"{link.address_book} ({link.address_book.integration})" if link else "-"

    @admin.display(description=gettext_lazy("Last export"))
    def last_export(self, marketing_list: Any) -> SafeString | str:
        """How the newest upload stands."""
        if link_of(marketing_list) is None:
            return _("not connected")
        if marketing_list.upload_state is None:
            return _("not exported yet")
        return format_html("{} {}", upload_badge(marketing_list.upload_state), ago(marketing_list.upload_at))

    def buttons(self, request: HttpRequest, record: MarketingList) -> Sequence[Button]:
        """Connect, or synchronise and disconnect."""
        if link_of(record) is None:
            if not request.user.has_perm("dotbridge_connections.add_listconnection"):
                return ()
            url = self.page_url(record, "connect")
            return (Button(title=_("Connect to an address book"), url=url, icon="link", is_primary=True),)
        buttons = []
        is_ending = hasattr(link_of(record), "ending")
        if request.user.has_perm(MAY_END) and not is_ending:
            buttons.append(Button(title=_("Disconnect"), url=self.page_url(record, "disconnect"), icon="link_off"))
        if request.user.has_perm(MAY_REQUEST):
            url = self.page_url(record, "sync")
            buttons.append(Button(title=_("Sync now"), url=url, icon="sync", posts=True, is_primary=True))
        return buttons

    def pages(self) -> Mapping[str, View]:
        """The list's further pages, and what the buttons post to."""
        return {
            "members": lambda request, record: show_members(self, request, record),
            "change-members": require_POST(lambda request, record: change_members(self, request, record)),
            "connect": lambda request, record: connect(self, request, record),
            "opted-out": lambda request, record: show_opted_out(self, request, record),
            "opt-in": require_POST(lambda request, record: opt_in(self, request, record)),
            SETTINGS_PAGE: lambda request, record: change_connection_settings(self, request, record),
            LIST_PAGE: lambda request, record: preview_list(self, request, record),
            PLAN_PAGE: lambda request, record: show_plan(self, request, record),
            "plan-numbers": show_numbers,
            "plan-csv": download_plan,
            "allow-once": lambda request, record: allow(self, request, record),
            "new-book": lambda request, record: make_book(self, request, record),
            "refresh": lambda request, record: refresh(request, self, record),
            "move": lambda request, record: move(self, request, record),
            "disconnect": lambda request, record: disconnect(self, request, record),
            "keep-connection": lambda request, record: keep(request, self, record),
            "retry-ending": lambda request, record: try_again(request, self, record),
            PUT_BACK_PAGE: require_POST(lambda request, record: put_all_back(self, request, record)),
            "sync": require_POST(self.sync),
            "standing": self.standing,
        }

    def panel_context(self, request: HttpRequest, record: MarketingList) -> Mapping[str, Any]:
        """The tabs, and where the numbers come from once the page stands."""
        link = link_of(record)
        return {
            "list_tabs": list_tabs(request, record, current="settings"),
            "standing_url": self.page_url(record, "standing"),
            "changes": changes_to_show(AccountChange.objects.filter(marketing_list=record)),
            "link": link,
            "ending": getattr(link, "ending", None),
            "may_end": request.user.has_perm(MAY_END),
            "cancel_ending_url": self.page_url(record, "keep-connection"),
            "retry_ending_url": self.page_url(record, "retry-ending"),
            "broken": _broken_rows(link),
            "stopped": stopped_in_words(link) if link else "",
            "may_allow": request.user.has_perm(MAY_ALLOW),
            "plan_url": self.page_url(record, PLAN_PAGE),
            "allow_url": self.page_url(record, "allow-once"),
        }

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The form, with what a rule can ask about."""
        record = self.get_object(request, object_id) if object_id else None
        context = {
            "rule_help": rule_help(record.entity if record else ""),
            "rule_builder": builder_addresses(),
            "rule_entity": record.entity if record else "",
            "rule_list": record.pk if record else "",
        }
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def standing(self, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
        """A piece of a page: how the records divide, and how those of a connected list stand."""
        link = link_of(marketing_list)
        context: dict[str, Any] = {"marketing_list": marketing_list, "link": link}
        try:
            if link is None:
                context["members"] = count_members(marketing_list)
            else:
                standing = connection_standing(link)
                context |= {
                    "standing": standing,
                    "members": standing.members,
                    "rejected_total": sum(standing.rejected.values()),
                    "leaving": -standing.waiting if standing.waiting < 0 else 0,
                    "put_back_url": (
                        url_of(marketing_list, PUT_BACK_PAGE) if request.user.has_perm(MAY_PUT_BACK) else ""
                    ),
                }
        except (RuleError, UnknownEntity) as error:
            context["problem"] = str(error)
        return render(request, "backoffice/list_standing.html", context)

    def sync(self, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
        """Have the worker import and export this list alone."""
        link = link_of(marketing_list)
        if link is None:
            messages.error(request, _("Connect the list to an address book first."))
        else:
            ask_for_run(request, integration=link.address_book.integration, link=link)
        return HttpResponseRedirect(url_of(marketing_list))

    def save_model(self, request: HttpRequest, obj: MarketingList, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write through the list's services."""
        given = {name: form.cleaned_data[name] for name in ("name", "rule", "description")}
        if change:
            update_list(marketing_list=MarketingList.objects.get(pk=obj.pk), **given)
        else:
            created = create_list(entity=form.cleaned_data["entity"], **given)
            obj.__dict__.update(created.__dict__)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes, as numbers; a connected list is protected."""
        lists = list(objs)
        counted = {
            str(model._meta.verbose_name_plural): model._default_manager.filter(marketing_list__in=lists).count()  # noqa: SLF001
            for model in (RemovedItem,)
        }
        protected = [str(link) for marketing_list in lists if (link := link_of(marketing_list))]
        names = [str(marketing_list) for marketing_list in lists]
        may = self.has_delete_permission(request)
        return names, counted, set() if may else {str(self.opts.verbose_name)}, protected
