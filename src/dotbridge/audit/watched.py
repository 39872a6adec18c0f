"""What is watched: which tables, which columns of them, and which of those are secrets.

Columns that only the product itself writes (when something was read last) are left out: nobody decides about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One table. `name` is the column that a record is called by, `about` the model and column of the page's record."""

    model: str
    table: str
    key: str
    columns: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    name: str = ""
    about_model: str = ""
    about_column: str = ""


# By model: the fields that are watched.
_FIELDS: dict[str, tuple[str, ...]] = {
    "dotbridge_integrations.integration": (
        "name", "username", "base_url", "is_active", "default_owner", "data_fields_hours", "forced_comparison",
        "export_waits_for", "contacts_read_of", "protocol", "bulk_from", "bulk_until",
        "breaker_rows", "breaker_percent",
    ),
    "dotbridge_lists.marketinglist": (
        "name", "description", "entity", "type", "rule", "columns", "include_previously_contacted", "owner",
        "refresh_every",
    ),
    "dotbridge_connections.listconnection": (
        "marketing_list", "address_book", "unsubscribes_book", "always_put_back", "create_entities", "allowed_rows",
    ),
    "dotbridge_mapping.mapping": ("integration", "entity", "sync_priority"),
    "dotbridge_mapping.mappingrow": ("mapping", "data_field", "entity_fields", "is_two_way", "empty_values"),
    "dotbridge_campaigns.marketingcampaign": (
        "name", "code", "start_date", "end_date", "description", "budget", "report_period", "owner",
    ),
    "dotbridge_studio.signon": ("integration", "client_id", "domain"),
    "dotbridge_scheduled_files.scheduledfile": (
        "name", "entity", "url", "username", "every_minutes", "holds", "marketing_list", "most_leaving_percent",
        "must_come_hours", "choices", "is_active",
    ),
    "dotbridge_preferences.sitesetting": ("name", "value"),
    "auth.group": ("name",),
}  # fmt: skip
_SECRETS = {
    "dotbridge_integrations.integration": ("password_sealed",),
    "dotbridge_studio.signon": ("secret_sealed",),
    "dotbridge_scheduled_files.scheduledfile": ("sealed_secret",),
}
# Whose page a record stands on, where it is not its own.
_ABOUT = {
    "dotbridge_connections.listconnection": "marketing_list",
    "dotbridge_mapping.mappingrow": "mapping",
    "dotbridge_studio.signon": "integration",
}
_OF_USERS = ("email", "is_active", "is_staff", "is_superuser", "first_name", "last_name")


def watched_tables() -> Iterator[Watched]:
    """All of them, as far as their apps are installed."""
    for label, names in _FIELDS.items():
        if apps.is_installed(_app_of(label)):
            yield _watched(apps.get_model(label), names, secrets=_SECRETS.get(label, ()))
    users = get_user_model()
    known = {field.name for field in users._meta.get_fields()}  # noqa: SLF001 - Django's documented way to ask
    yield _watched(users, [users.USERNAME_FIELD, *(name for name in _OF_USERS if name in known)], secrets=("password",))
    for owner, field in ((users, "groups"), (users, "user_permissions"), (apps.get_model("auth.group"), "permissions")):
        if field in {each.name for each in owner._meta.many_to_many}:  # noqa: SLF001
            yield _of_many(owner, field)


def _app_of(label: str) -> str:
    app = label.partition(".")[0]
    return next((config.name for config in apps.get_app_configs() if config.label == app), "")


def _watched(model: type[models.Model], names: Any, *, secrets: tuple[str, ...]) -> Watched:
    options: Any = model._meta  # noqa: SLF001
    label = options.label_lower
    columns = [options.get_field(name).column for name in dict.fromkeys(names)]
    about = options.get_field(_ABOUT[label]) if label in _ABOUT else None
    return Watched(
        model=label,
        table=options.db_table,
        key=options.pk.column,
        columns=tuple(columns),
        secrets=secrets,
        name=_name_column(model),
        about_model=about.related_model._meta.label_lower if about is not None else label,  # noqa: SLF001
        about_column=about.column if about is not None else options.pk.column,
    )


def _name_column(model: type[models.Model]) -> str:
    names = {"name", getattr(model, "USERNAME_FIELD", "name")}
    found = [field.column for field in model._meta.concrete_fields if field.name in names]  # noqa: SLF001
    return str(found[0]) if found else ""


def _of_many(owner: type[models.Model], field: str) -> Watched:
    """The rows between a user or group and what it has: rights given and taken."""
    part: Any = owner._meta.get_field(field)  # noqa: SLF001
    through = part.remote_field.through._meta  # noqa: SLF001
    return Watched(
        model=through.label_lower,
        table=through.db_table,
        key=through.pk.column,
        columns=(part.m2m_column_name(), part.m2m_reverse_name()),
        about_model=owner._meta.label_lower,  # noqa: SLF001
        about_column=part.m2m_column_name(),
    )
