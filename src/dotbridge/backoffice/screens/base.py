"""What all screens share: buttons, pages of their own, read-only records, and empty lists that say what to do."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.paginator import InfinitePaginator

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    UnfoldAdmin = admin.ModelAdmin[Any]
    UnfoldTabularInline = admin.TabularInline[Any, Any]
    AnyModelForm = forms.ModelForm[Any]
    AnyChoiceField = forms.ModelChoiceField[Any]
    AnyInlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
else:
    # The generic bases exist for the type checker alone.
    from django.forms import BaseInlineFormSet as AnyInlineFormSet
    from django.forms import ModelChoiceField as AnyChoiceField
    from django.forms import ModelForm as AnyModelForm
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.admin import TabularInline as UnfoldTabularInline

__all__ = [
    "AnyChoiceField",
    "AnyInlineFormSet",
    "AnyModelForm",
    "Button",
    "EmptyList",
    "InfinitePaginator",
    "ReadOnlyScreen",
    "Screen",
    "UnfoldAdmin",
    "UnfoldTabularInline",
    "link_to",
    "require",
    "url_of",
]

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button in the head of a page: a link to a page that asks, or, with `posts`, a form that acts at once."""

    title: StrOrPromise
    url: str
    icon: str
    posts: bool = False
    is_primary: bool = False
    is_danger: bool = False


@dataclass(frozen=True, kw_only=True)
class EmptyList:
    """What a list says while it has nothing: why, and where to go next (the name of an admin page, its text)."""

    title: StrOrPromise
    text: StrOrPromise
    link: str = ""
    link_text: StrOrPromise = ""
    permission: str = ""


def url_of(record: Model, page: str = "change") -> str:
    """The address of a record's admin page."""
    return reverse(f"dotbridge_tables:{record._meta.app_label}_{record._meta.model_name}_{page}", args=[record.pk])


def link_to(record: Model, text: object = None) -> SafeString:
    """A link to a record's page; its text is the record's own, or this one."""
    return format_html('<a class="db-link" href="{}">{}</a>', url_of(record), record if text is None else text)


class Screen(UnfoldAdmin):
    """A model's screens. Subclasses add `pages` (name -> view), buttons, panels and what an empty list says."""

    change_form_template = "backoffice/change_form.html"
    change_list_template = "backoffice/change_list.html"
    empty_list = EmptyList(title=_("Nothing here yet"), text=_("It fills by itself."))
    # Shown above and below a record's own fields, with what `panel_context` gives.
    panel_before = ""
    panel_after = ""
    list_filter_sheet = True
    compressed_fields = True
    list_per_page = 50
    # Bulk actions would delete through the ORM, past the services that know what follows.
    actions: Any = None

    def pages(self) -> Mapping[str, View]:
        """Further pages of one record: the last part of the address -> view(request, record)."""
        return {}

    def buttons(self, request: HttpRequest, record: Any) -> Sequence[Button]:
        """The buttons in the head of a record's page."""
        return ()

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """The buttons in the head of the list."""
        return ()

    def panel_context(self, request: HttpRequest, record: Any) -> Mapping[str, Any]:
        """What the panels around a record's fields show."""
        return {}

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Of the model's own columns those alone that the list can be filtered by.

        Django takes all of them, and whoever asks for parts of one that they are not shown finds out what it holds.
        """
        filters = (each[0] if isinstance(each, tuple) else each for each in self.get_list_filter(request))
        names = (each if isinstance(each, str) else getattr(each, "parameter_name", None) or "" for each in filters)
        column = lookup.partition("__")[0]
        is_offered = column in {name.partition("__")[0] for name in names}
        is_column = column in {field.name for field in self.opts.get_fields()}
        return super().lookup_allowed(lookup, value, request) and (is_offered or not is_column)

    def page_url(self, record: Model, page: str) -> str:
        """The address of one of the record's `pages`."""
        return url_of(record, page)

    def get_urls(self) -> list[URLPattern]:
        """The `pages`, before Django's own."""
        app, model = self.opts.app_label, self.opts.model_name
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(self._opened(view)), name=f"{app}_{model}_{name}")
            for name, view in self.pages().items()
        ]
        return own + super().get_urls()

    def _opened(self, view: View) -> View:
        """A view that gets its record, for those who may see it."""

        def opened(request: HttpRequest, pk: int) -> HttpResponseBase:
            record = self.get_object(request, str(pk))
            if record is None:
                raise Http404
            if not self.has_view_permission(request, record):
                raise PermissionDenied
            return view(request, record)

        return opened

    def render_page(
        self, request: HttpRequest, template: str, *, title: StrOrPromise, record: Model | None = None, **context: Any
    ) -> TemplateResponse:
        """A page of ours inside the back office's frame."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "original": record,
                "model_admin": self,
                **context,
            },
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's list, with our buttons and our text where it is empty."""
        empty = self.empty_list
        context = {
            "buttons": self.list_buttons(request),
            "empty_list": empty,
            "empty_link": reverse(empty.link)
            if empty.link and (not empty.permission or request.user.has_perm(empty.permission))
            else "",
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Django's form, with our buttons and panels around it."""
        context: dict[str, Any] = {}
        record = self.get_object(request, object_id) if object_id else None
        if record is not None and self.has_view_permission(request, record):
            context = {
                "buttons": self.buttons(request, record),
                "panel_before": self.panel_before,
                "panel_after": self.panel_after,
                **self.panel_context(request, record),
            }
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})


class ReadOnlyScreen(Screen):
    """Records that only the synchronisation writes."""

    def panel_context(self, request: HttpRequest, record: Any) -> Mapping[str, Any]:
        """No way to a history: nobody changes these records here."""
        return {"show_history": False}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds one by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes one by hand."""
        return False


def require(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the person has it."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
