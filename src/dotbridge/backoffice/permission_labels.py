"""Rights by the names people know, in the reader's language: the database keeps the names of all in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Permission
from django.utils.translation import gettext, gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_CAN: dict[str, StrOrPromise] = {
    "add": gettext_lazy("Can add: %(what)s"),
    "change": gettext_lazy("Can change: %(what)s"),
    "delete": gettext_lazy("Can delete: %(what)s"),
    "view": gettext_lazy("Can view: %(what)s"),
}


def permission_label(permission: Permission) -> str:
    """A right with what it is about."""
    about = permission.content_type
    model, verb = about.model_class(), permission.codename.partition("_")[0]
    if model is not None and permission.codename == f"{verb}_{about.model}" and verb in _CAN:
        return f"{about.app_labeled_name} | {_CAN[verb] % {'what': model._meta.verbose_name}}"  # noqa: SLF001 - documented
    return f"{about.app_labeled_name} | {gettext(permission.name)}"
