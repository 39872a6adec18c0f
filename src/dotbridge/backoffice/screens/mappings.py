"""Mappings: which entity fields fill which data fields, row by row."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping as KeyValues
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from dotbridge.backoffice.entity_labels import entity_choices, entity_label
from dotbridge.backoffice.labels import badge, grouped
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.rights import MAY_ADD_MAPPING, MAY_SEE_LISTS
from dotbridge.backoffice.screens.base import (
    AnyChoiceField,
    AnyInlineFormSet,
    AnyModelForm,
    Button,
    EmptyList,
    Screen,
    UnfoldTabularInline,
    View,
    require,
    url_of,
)
from dotbridge.backoffice.screens.mapping_fields import OrderedFieldsField
from dotbridge.backoffice.screens.previews import preview_mapping
from dotbridge.backoffice.site import table_site
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.rights import Viewer
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.services import check_mapping_row, delete_mapping, set_mapping_row
from dotbridge.mapping.soundness import broken_rows, problem_of_row
from dotbridge.mapping.tracking.shown import unseen_fields
from dotbridge.mirror.models import DataField

# A preview shows addresses and values of records.
MAY_PREVIEW = MAY_SEE_LISTS


class DataFieldChoice(AnyChoiceField):
    """A data field by its name and type."""

    def label_from_instance(self, obj: DataField) -> str:
        """FIRSTNAME (String)."""
        gone = f", {_('gone from Dotdigital')}" if obj.gone_at else ""
        return f"{obj.name} ({obj.type}{gone})"


class MappingRowForm(AnyModelForm):
    """One row. What it may hold follows from the mapping it belongs to."""

    class Meta:
        model = MappingRow
        fields = ("data_field", "entity_fields", "is_two_way", "empty_values")

    mapping: Mapping
    viewer: Viewer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "entity_fields" not in self.fields:
            return
        stored = self.instance.entity_fields if self.instance.pk else []
        self.fields["entity_fields"] = OrderedFieldsField(
            entity=entity(self.mapping.entity),
            viewer=self.viewer,
            stored=stored,
            required=False,
            label=gettext_lazy("Entity fields"),
            help_text=gettext_lazy("Several are joined with a space, in this order."),
        )
        self.fields["data_field"] = DataFieldChoice(
            queryset=DataField.objects.filter(
                Q(gone_at=None, leaving_since=None) | Q(pk=self.instance.data_field_id),
                integration_id=self.mapping.integration_id,
            ).order_by("name"),
            widget=UnfoldAdminSelectWidget,
            label=gettext_lazy("Data field"),
            empty_label=gettext_lazy("choose a data field"),
        )
        # The table's heads name the columns for the eye alone.
        for name in ("data_field", "is_two_way", "empty_values"):
            self.fields[name].widget.attrs["aria-label"] = self.fields[name].label

    def clean(self) -> dict[str, Any]:
        """Raise what the mapping's own check says, at the field it is about."""
        cleaned = super().clean() or {}
        if "data_field" in cleaned and "entity_fields" in cleaned:
            row = MappingRow(mapping=self.mapping, **self.row_values())
            try:
                check_mapping_row(row)
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned

    def validate_constraints(self) -> None:
        """Nothing, which Django asks since 6.1: two rows may swap their data fields, so the formset compares them."""

    def row_values(self) -> dict[str, Any]:
        """What the row's service takes."""
        return {name: self.cleaned_data[name] for name in ("data_field", "entity_fields", "is_two_way", "empty_values")}


class MappingRowFormSet(AnyInlineFormSet):
    """The rows together."""

    def get_unique_error_message(self, unique_check: Any) -> str:
        """What Django calls duplicate data."""
        return _("The same data field can be mapped only one time.")


class MappingRowInline(UnfoldTabularInline):
    """The rows of a mapping."""

    model = MappingRow
    form = MappingRowForm
    fields = ("data_field", "entity_fields", "is_two_way", "empty_values")
    formset = MappingRowFormSet
    extra = 0
    verbose_name = gettext_lazy("row")
    verbose_name_plural = gettext_lazy("Rows: what is sent to Dotdigital")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A formset whose forms know their mapping before they are filled."""
        kwargs["form"] = type("RowForm", (MappingRowForm,), {"mapping": obj, "viewer": request.user})
        return super().get_formset(request, obj, **kwargs)


@admin.register(Mapping, site=table_site)
class MappingScreen(Screen):
    """How the records of each entity are described to each account."""

    list_display = ("entity_name", "integration", "row_count", "broken_count", "sync_priority", "updated_at")
    list_filter = ("integration",)
    list_select_related = ("integration",)
    fields = ("integration", "entity", "sync_priority")
    inlines = (MappingRowInline,)
    panel_before = "backoffice/mapping_panel.html"
    empty_list = EmptyList(
        title=gettext_lazy("No mappings yet"),
        text=gettext_lazy(
            "First, last and full name are mapped by themselves once the data fields of an integration were read. "
            "Without a mapping only the address is sent."
        ),
        link="dotbridge_tables:dotbridge_mapping_mapping_add",
        link_text=gettext_lazy("Add a mapping"),
        permission=MAY_ADD_MAPPING,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mapping]:
        """With the number of rows."""
        mappings: QuerySet[Mapping] = super().get_queryset(request)
        return (
            mappings.select_related("integration")
            .prefetch_related(Prefetch("rows", MappingRow.objects.select_related("data_field")))
            .annotate(number=Count("rows"))
        )

    def buttons(self, request: HttpRequest, record: Mapping) -> Sequence[Button]:
        """The way to real records, which not everybody may see."""
        if not _is_known(record) or not (request.user.has_perm(MAY_PREVIEW) and may_see_people(request, record.entity)):
            return ()
        return (Button(title=_("Preview with real records"), url=self.page_url(record, "preview"), icon="preview"),)

    def pages(self) -> KeyValues[str, View]:
        """Real records as they would be sent."""
        return {"preview": self.preview}

    def preview(self, request: HttpRequest, mapping: Mapping) -> HttpResponse:
        """For those who may see members of lists."""
        require(request, MAY_PREVIEW)
        return preview_mapping(self, request, mapping)

    def panel_context(self, request: HttpRequest, record: Mapping) -> KeyValues[str, Any]:
        """The rows that cannot be sent any more, and what changes unseen."""
        if not _is_known(record):
            return {}
        return {"broken": broken_rows(record), "unseen": unseen_fields(record)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Rows name fields of this entity and this account, so neither changes afterwards."""
        return ("integration", "entity_name") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The entity by its label once it is chosen."""
        return ("integration", "entity_name", "sync_priority") if obj else ("integration", "entity", "sync_priority")

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Rows are chosen once it is known whose fields there are to choose from."""
        if obj is None or not _is_known(obj):
            return []
        return super().get_inline_instances(request, obj)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The entity is chosen among the registered ones."""
        if db_field.name == "entity":
            return forms.ChoiceField(
                choices=[("", _("Select value")), *entity_choices(request.user)],
                widget=UnfoldAdminSelectWidget,
                label=_("Entity"),
                help_text=_("It cannot be changed afterwards; make another mapping instead."),
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("Entity"), ordering="entity")
    def entity_name(self, mapping: Mapping) -> str:
        """The entity's label."""
        return entity_label(mapping.entity)

    @admin.display(description=gettext_lazy("Rows"), ordering="number")
    def row_count(self, mapping: Any) -> int:
        """How many data fields are filled."""
        return int(mapping.number)

    @admin.display(description=gettext_lazy("Broken"))
    def broken_count(self, mapping: Mapping) -> SafeString | str:
        """How many of them cannot be sent any more."""
        if not _is_known(mapping):
            return badge(_("Entity not registered"), "bad")
        owner = entity(mapping.entity)
        number = sum(bool(problem_of_row(row, owner)) for row in mapping.rows.all())
        return badge(grouped(number), "bad") if number else "-"

    def response_add(self, request: HttpRequest, obj: Mapping, post_url_continue: str | None = None) -> HttpResponse:
        """On to the rows."""
        messages.success(request, _("The mapping was made. Now add its rows."))
        return HttpResponseRedirect(url_of(obj))

    def delete_model(self, request: HttpRequest, obj: Mapping) -> None:
        """It stays deleted."""
        delete_mapping(mapping=obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """Write the rows through the mapping's service; what leaves its data field makes room first."""
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        for row_form in formset.initial_forms:
            moved = "data_field" in row_form.changed_data
            if row_form in formset.deleted_forms or moved:
                MappingRow.objects.filter(pk=row_form.instance.pk).delete()
            if row_form in formset.deleted_forms:
                formset.deleted_objects.append(row_form.instance)
        for row_form in formset.forms:
            if row_form in formset.deleted_forms or not row_form.has_changed():
                continue
            is_new = row_form.instance.pk is None
            stored = set_mapping_row(mapping=form.instance, **row_form.row_values())
            if is_new:
                formset.new_objects.append(stored)
            else:
                formset.changed_objects.append((stored, row_form.changed_data))


def _is_known(mapping: Mapping) -> bool:
    try:
        entity(mapping.entity)
    except UnknownEntity:
        return False
    return True
