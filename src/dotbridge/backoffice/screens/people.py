"""Users and groups, in the back office's own forms. Nobody gives, takes or changes what is above their own rights.

Whoever may change users could else make themselves a superuser, give themselves any permission, or log in as somebody
who has it: by that person's password, e-mail address or user name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import ManyToManyField, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from dotbridge.backoffice.permission_labels import permission_label
from dotbridge.backoffice.screens.base import UnfoldAdmin
from dotbridge.backoffice.site import table_site

if TYPE_CHECKING:
    AnyUserAdmin = UserAdmin[User]
    AnyManyToMany = ManyToManyField[Any, Any]
else:
    AnyUserAdmin = UserAdmin


def own_permissions(person: Any) -> QuerySet[Permission]:
    """What this person may do at most, also while they cannot log in."""
    if person.is_superuser:
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=person) | Q(group__user=person)).distinct()


def goes_beyond(permissions: QuerySet[Permission], person: Any) -> bool:
    """Whether any of these is one that the person does not have."""
    return not person.is_superuser and permissions.exclude(pk__in=own_permissions(person).values("pk")).exists()


def is_above(other: User, person: Any) -> bool:
    """Whether the other user is a superuser and the person none, or may do what the person may not."""
    return not person.is_superuser and (other.is_superuser or goes_beyond(own_permissions(other), person))


def groups_within(person: Any) -> QuerySet[Group]:
    """The groups that allow nothing that the person may not."""
    if person.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=own_permissions(person).values("pk"))
    return Group.objects.exclude(permissions__in=beyond)


def permission_lines(permissions: QuerySet[Permission]) -> SafeString:
    """Rights to be read, one a line."""
    lines = ((permission_label(each),) for each in permissions.select_related("content_type"))
    return format_html_join(SafeString("<br>"), "{}", lines) or SafeString("-")


def _to_be_read(fieldsets: Any) -> list[tuple[Any, Any]]:
    """The same with the names of rights in the reader's language: Django would show what the database keeps."""
    shown = {"permissions": "permission_names", "user_permissions": "permission_names"}
    return [
        (title, {**options, "fields": [shown.get(name, name) for name in options["fields"]]})
        for title, options in fieldsets
    ]


def offer_own_rights(field: Any, related: object, person: Any) -> Any:
    """The form field of permissions or groups, which offers, and takes, only those that the person has."""
    if field is not None and related is Permission:
        field.queryset = field.queryset.filter(pk__in=own_permissions(person).values("pk"))
        field.label_from_instance = permission_label
    elif field is not None and related is Group:
        field.queryset = groups_within(person)
    return field


class _RightsScreen(UnfoldAdmin):
    """Whoever may not change what is shown reads its rights; whoever may gives no others than their own."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None or self.has_change_permission(request, obj) else _to_be_read(fieldsets)

    def formfield_for_manytomany(self, db_field: AnyManyToMany, request: Any = None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return offer_own_rights(field, db_field.related_model, request.user)


class UserScreen(_RightsScreen, AnyUserAdmin, UnfoldAdmin):
    """People who may log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    add_fieldsets = ((None, {"fields": ("username", "email", "groups", "usable_password", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Who is added here is added to come in here, which takes Django's "staff status"."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and is_above(obj, request.user))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and is_above(obj, request.user))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj)]
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    @admin.display(description=gettext_lazy("Rights of their own"))
    def permission_names(self, user: User) -> SafeString:
        """Their rights besides those of their groups, for who may only look."""
        return permission_lines(user.user_permissions.all())


if get_user_model() is User:
    # A host's own user model is managed where the host manages it.
    table_site.register(User, UserScreen)


@admin.register(Group, site=table_site)
class GroupScreen(_RightsScreen, GroupAdmin, UnfoldAdmin):
    """Sets of permissions."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and _is_beyond(obj, request))

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and _is_beyond(obj, request))

    @admin.display(description=gettext_lazy("Rights"))
    def permission_names(self, group: Group) -> SafeString:
        """Its rights, for who may only look."""
        return permission_lines(group.permissions.all())


def _is_beyond(group: Group, request: HttpRequest) -> bool:
    return goes_beyond(group.permissions.all(), request.user)
