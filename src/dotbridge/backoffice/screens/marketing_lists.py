"""Marketing lists as they are stored. What is done with them is done on their own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.backoffice.reads.rules import may_see_rule
from dotbridge.backoffice.rights import MAY_ADD_LIST
from dotbridge.backoffice.screens.base import EmptyList, ReadOnlyScreen
from dotbridge.backoffice.site import table_site
from dotbridge.lists.models import MarketingList


@admin.register(MarketingList, site=table_site)
class MarketingListScreen(ReadOnlyScreen):
    """The lists."""

    list_display = ("name", "entity_name", "created_at", "updated_at")
    search_fields = ("name", "description")
    fields = ("name", "description", "entity_name", "rule", "created_at", "updated_at")
    readonly_fields = fields
    empty_list = EmptyList(
        title=gettext_lazy("No marketing lists yet"),
        text=gettext_lazy("A list is a rule on your own records; whoever matches it is on the list, live."),
        link="dotbridge:list-add",
        link_text=gettext_lazy("Make a list"),
        permission=MAY_ADD_LIST,
    )

    def get_fields(self, request: HttpRequest, obj: MarketingList | None = None) -> list[Any]:
        """Without the rule for somebody who may not see what it asks about: its values are those of records."""
        is_shown = obj is not None and may_see_rule(obj, request.user)
        return [name for name in self.fields if name != "rule" or is_shown]

    @admin.display(description=gettext_lazy("Entity"), ordering="entity")
    def entity_name(self, marketing_list: MarketingList) -> str:
        """The entity's label."""
        return entity_label(marketing_list.entity)
