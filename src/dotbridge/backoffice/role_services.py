"""Makes and keeps the ready groups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Concat
from django.utils.translation import override

from dotbridge.backoffice.models import RoleGroup
from dotbridge.backoffice.roles import ROLES, Role, models_of_people


def make_role_groups() -> None:
    """Have a group of each ready role, with the permissions that it was not given before. Safe at any time.

    A group of the same name that the host has made stays as it is; ours is then called "Marketer (Dotbridge)". What
    somebody renamed, took away or deleted stays so. Does nothing while the tables are not there.
    """
    if not _are_tables_there():
        return
    _have_permissions()
    with transaction.atomic(), override("en"):
        for role in ROLES:
            kept, is_new = RoleGroup.objects.select_for_update().get_or_create(role=role.key)
            if is_new:
                kept.group = Group.objects.create(name=_free_name(str(role.name)))
            if kept.group is not None:
                _grant(kept, role)


def take_back_role_groups() -> None:
    """Take from the ready groups what they were given, and delete those that are left with nothing of the host's own.

    Does nothing while the tables are not there.
    """
    if not _are_tables_there():
        return
    with transaction.atomic():
        for group in Group.objects.filter(dotbridge_role__isnull=False).select_related("dotbridge_role"):
            group.permissions.remove(*_named(group.dotbridge_role.granted))
            if not group.permissions.exists():
                group.delete()


def _are_tables_there() -> bool:
    return {RoleGroup._meta.db_table, Group._meta.db_table} <= {*connection.introspection.table_names()}  # noqa: SLF001


def _named(names: Collection[str]) -> QuerySet[Any]:
    """Permissions by names such as "crm.view_contact", with that name as `full`."""
    full = Concat("content_type__app_label", Value("."), "codename")
    return Permission.objects.annotate(full=full).filter(full__in=names)


def _have_permissions() -> None:
    """Django makes an app's permissions after the app's own migrations; some apps may come after us."""
    labels = {model._meta.app_label for model in models_of_people()}  # noqa: SLF001 - documented
    for app in apps.get_app_configs():
        if app.name.startswith("dotbridge.") or app.label in {*labels, "auth", "axes"}:
            create_permissions(app, verbosity=0)


def _free_name(name: str) -> str:
    """The name, or one with ours behind it if somebody else's group has it."""
    taken = {*Group.objects.filter(name__startswith=name).values_list("name", flat=True)}
    number, wanted = 1, name
    while wanted in taken:
        wanted = f"{name} (Dotbridge)" if number == 1 else f"{name} (Dotbridge {number})"
        number += 1
    return wanted


def _grant(kept: RoleGroup, role: Role) -> None:
    """Give the group what is new since it was given something last."""
    new = role.permissions - set(kept.granted)
    if kept.group is None or not new:
        kept.save()
        return
    found = _named(new)
    kept.group.permissions.add(*found)
    kept.granted = sorted({*kept.granted, *(each.full for each in found)})
    kept.save()
