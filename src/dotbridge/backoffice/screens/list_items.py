"""Records that were taken off a list, and the way back."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.rights import MAY_PUT_BACK
from dotbridge.backoffice.screens.base import EmptyList, View, require
from dotbridge.backoffice.screens.labelled import LabelledScreen
from dotbridge.backoffice.site import table_site
from dotbridge.lists.models import RemovedItem
from dotbridge.lists.services import restore_records

PUT_BACK = gettext_lazy("Put back on the list")


@admin.register(RemovedItem, site=table_site)
class RemovedItemScreen(LabelledScreen):
    """Records that somebody took off a list."""

    list_display = ("record", "marketing_list", "by", "created_at")
    list_display_links = None
    list_filter = (("marketing_list", admin.RelatedFieldListFilter),)
    list_select_related = ("marketing_list", "created_by")
    empty_list = EmptyList(
        title=gettext_lazy("Nobody was removed"),
        text=gettext_lazy("Members whom somebody takes off a list, although its rule matches them, stand here."),
    )

    def entity_of(self, row: Any) -> str:
        """The list's entity."""
        return str(row.marketing_list.entity)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As granted; changing and deleting are not offered here."""
        return bool(request.user.has_perm("dotbridge_lists.view_removeditem"))

    @admin.display(description=gettext_lazy("By"))
    def by(self, item: RemovedItem) -> str | None:
        """Who did it."""
        return str(item.created_by) if item.created_by else None

    @admin.display(description=gettext_lazy("Undo"))
    def undo(self, item: RemovedItem) -> SafeString:
        """A link to the page that asks."""
        return format_html('<a class="db-link" href="{}">{}</a>', self.page_url(item, "undo"), PUT_BACK)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The way back only for those who may go it."""
        columns = list(super().get_list_display(request))
        return [*columns, "undo"] if request.user.has_perm(MAY_PUT_BACK) else columns

    def pages(self) -> Mapping[str, View]:
        """The way back."""
        return {"undo": self.undo_view}

    def undo_view(self, request: HttpRequest, item: RemovedItem) -> HttpResponse:
        """Ask, and then put the record back."""
        require(request, MAY_PUT_BACK)
        marketing_list = item.marketing_list
        if not may_see_people(request, marketing_list.entity):
            raise PermissionDenied
        url = reverse("dotbridge_tables:dotbridge_lists_removeditem_changelist")
        back = f"{url}?marketing_list__id__exact={item.marketing_list_id}"
        if request.method == "POST" and request.POST.get("confirmed"):
            self._put_back(request, item)
            return HttpResponseRedirect(back)
        known = label_records(request, marketing_list.entity, [item.record_id]).get(item.record_id)
        names = {"name": known.text if known else item.record_id, "list": marketing_list}
        return self.render_page(
            request,
            "backoffice/confirm.html",
            title=PUT_BACK,
            record=item,
            question=_("Put %(name)s back on %(list)s?") % names,
            consequences=[_("If the list is connected, the record is sent to its address book with the next export.")],
            answer=_("Yes, put back"),
            action_url=self.page_url(item, "undo"),
            back_url=back,
        )

    def _put_back(self, request: HttpRequest, item: RemovedItem) -> None:
        """Put it back, and keep in the list's history who did it to which record: the item itself is gone."""
        number = restore_records(marketing_list=item.marketing_list, record_ids=[item.record_id])
        text = ngettext("%(n)s record is on the list again.", "%(n)s records are on the list again.", number)
        text = text % {"n": grouped(number)}
        self.log_change(request, item.marketing_list, f"{text} ({item.record_id})")
        messages.success(request, text)
