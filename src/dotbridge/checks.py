"""What is asked of a project when it starts: its settings, apps, database and addresses. Each wrong one is named with
what to do about it."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's word
from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.urls import NoReverseMatch, reverse

from dotbridge import APPS
from dotbridge.conf import wrong_settings
from dotbridge.entities.registry import Entity, entities
from dotbridge.entities.rights import models_behind
from dotbridge.errors import OperatorError

# What the apps stand on, by the name that INSTALLED_APPS holds, and what may stand there in its place.
NEEDED_APPS: dict[str, tuple[str, ...]] = {
    "procrastinate.contrib.django": (),
    "django.contrib.auth": (),
    "django.contrib.contenttypes": (),
    "django.contrib.postgres": (),
}
NEEDED_BY_PAGES: dict[str, tuple[str, ...]] = {
    "django.contrib.admin": (),
    "django.contrib.messages": (),
    "django.contrib.sessions": (),
    "django.contrib.staticfiles": (),
    "unfold.apps.BasicAppConfig": ("unfold",),
    "unfold.contrib.filters": (),
}
NEEDED_MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
ROUTER = "docs/host-your-own-models.md has a database router that does it"


def require_sound_settings() -> None:
    """Raise OperatorError, a line each, for the settings that nothing can be done with."""
    problems = [*check_settings(), *check_database()]
    if problems:
        raise OperatorError("\n".join(f"{problem.msg} {problem.hint or ''}".strip() for problem in problems))


@register(Tags.compatibility)
def check_settings(**_asked: Any) -> list[CheckMessage]:
    """The dictionary DOTBRIDGE, and what of Django's own settings we need."""
    found: list[CheckMessage] = [Error(line, id="dotbridge.E001") for line in wrong_settings()]
    if not settings.USE_TZ:
        found.append(
            Error(
                "USE_TZ is False, and whether an opt-out is older than a consent cannot be told from local times.",
                hint="Set USE_TZ = True. Django's documentation, under “Time zones”, says how a project moves.",
                id="dotbridge.E002",
            )
        )
    if getattr(settings, "PROCRASTINATE_DATABASE_ALIAS", DEFAULT_DB_ALIAS) != DEFAULT_DB_ALIAS:
        found.append(
            Error(
                "PROCRASTINATE_DATABASE_ALIAS is not 'default', but jobs are asked for in the transaction that needs "
                "them.",
                hint="Remove the setting.",
                id="dotbridge.E003",
            )
        )
    return found


@register(Tags.compatibility)
def check_apps(**_asked: Any) -> list[CheckMessage]:
    """INSTALLED_APPS and MIDDLEWARE."""
    needed: dict[str, tuple[str, ...]] = {**dict.fromkeys(APPS, ()), **NEEDED_APPS}
    has_pages = apps.is_installed("dotbridge.backoffice")
    if has_pages:
        needed |= NEEDED_BY_PAGES
    found: list[CheckMessage] = [
        Error(
            f"INSTALLED_APPS lacks {name!r}.",
            hint="Add it; INSTALLED_APPS = [..., *dotbridge.APPS] brings all of ours.",
            id="dotbridge.E004",
        )
        for name, others in needed.items()
        if not any(_is_installed(each) for each in (name, *others))
    ]
    if has_pages:
        missing = [name for name in NEEDED_MIDDLEWARE if not _has_middleware(name)]
        found += [Error(f"MIDDLEWARE lacks {name!r}.", hint="Add it.", id="dotbridge.E005") for name in missing]
    return found


@register(Tags.compatibility)
def check_database(**_asked: Any) -> list[CheckMessage]:
    """That our tables are in the project's default database, and that this is PostgreSQL. Nothing is connected to."""
    default = connections[DEFAULT_DB_ALIAS]
    if default.vendor != "postgresql":
        return [
            Error(
                f"The default database is {default.display_name}; Dotbridge works with PostgreSQL 14 or newer.",
                hint="To try it without a server of your own: DATABASES = {'default': {'ENGINE': "
                "'dotbridge.embedded', 'DATA_DIR': BASE_DIR / 'var'}}.",
                id="dotbridge.E006",
            )
        ]
    elsewhere = sorted({_place(model) for config in _our_apps() for model in config.get_models() if _is_away(model)})
    if elsewhere:
        return [
            Error(
                f"DATABASE_ROUTERS lead Dotbridge's tables to {', '.join(elsewhere)}.",
                hint=f"They must be in the database 'default', beside the records on lists; {ROUTER}.",
                id="dotbridge.E007",
            )
        ]
    return []


@register(Tags.compatibility)
def check_entities_database(**_asked: Any) -> list[CheckMessage]:
    """That each registered model, and what its fields lead to, is in the same database as our tables."""
    return [
        Error(
            f"{model._meta.label} is in the database {_place(model)!r}, so records of {each.key} (registered in "
            f"{each.registered_at}) cannot be on lists: "
            "one statement reads both.",
            hint=f"Leave it to the database 'default' ({ROUTER}), exclude its fields, or do not register it.",
            id="dotbridge.E008",
        )
        for each in entities()
        for model in sorted(_models_behind(each), key=lambda model: model._meta.label)
        if _is_away(model)
    ]


@register(Tags.urls)
def check_addresses(**_asked: Any) -> list[CheckMessage]:
    """That the back office is mounted where it is installed."""
    if apps.is_installed("dotbridge.backoffice"):
        try:
            reverse("dotbridge:home")
        except NoReverseMatch:
            return [
                Warning(
                    "dotbridge.backoffice is installed, and no address leads to it.",
                    hint='Add path("marketing/", include("dotbridge.backoffice.urls")) to your URLs.',
                    id="dotbridge.W001",
                )
            ]
    return []


def _our_apps() -> Iterator[AppConfig]:
    return (config for config in apps.get_app_configs() if config.name in APPS)


def _models_behind(owner: Entity) -> set[type[models.Model]]:
    return {owner.model}.union(*(models_behind(owner.model, own) for own in owner.fields))


def _is_away(model: type[models.Model]) -> bool:
    return {router.db_for_read(model), router.db_for_write(model)} != {DEFAULT_DB_ALIAS}


def _place(model: type[models.Model]) -> str:
    return next(place for place in (router.db_for_write(model), router.db_for_read(model)) if place != DEFAULT_DB_ALIAS)


def _is_installed(name: str) -> bool:
    return name in settings.INSTALLED_APPS or apps.is_installed(name)


def _has_middleware(name: str) -> bool:
    """Also a host's own that stands on Django's."""
    if name in settings.MIDDLEWARE:
        return True
    from django.utils.module_loading import import_string  # noqa: PLC0415 - most projects have Django's own

    wanted = import_string(name)
    for path in settings.MIDDLEWARE:
        known = import_string(path)
        if isinstance(known, type) and issubclass(known, wanted):
            return True
    return False
