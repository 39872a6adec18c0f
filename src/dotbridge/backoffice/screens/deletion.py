"""Deleting a record through the service that knows what follows, after a page that says so."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from dotbridge.backoffice.pages.frame import show_refusal
from dotbridge.backoffice.screens.base import Screen, require, url_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class DeletingScreen(Screen):
    """A screen whose records can be deleted. Subclasses say what the page that asks shows, and how to delete."""

    deletion_title: StrOrPromise

    def deletion(self, request: HttpRequest, record: Any) -> Mapping[str, Any]:
        """The `question`, its `consequences` and `items`, and the `answer` that deletes; without one it cannot be."""
        raise NotImplementedError

    def delete_record(self, request: HttpRequest, record: Any) -> str:
        """Delete it, and answer the text that says so. Raises ValidationError where it cannot be deleted."""
        raise NotImplementedError

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say what goes, ask, and delete."""
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        app, model = self.opts.app_label, self.opts.model_name
        require(request, f"{app}.delete_{model}")
        if request.method == "POST" and request.POST.get("confirmed"):
            try:
                text = self.delete_record(request, record)
            except ValidationError as error:
                show_refusal(request, error)
                return HttpResponseRedirect(url_of(record))
            messages.success(request, text)
            return HttpResponseRedirect(reverse(f"dotbridge_tables:{app}_{model}_changelist"))
        return self.render_page(
            request,
            "backoffice/confirm.html",
            title=self.deletion_title,
            record=record,
            action_url=url_of(record, "delete"),
            back_url=url_of(record),
            is_danger=True,
            **self.deletion(request, record),
        )
