"""The ready roles: who may do what. The groups, the table in docs/roles.md and its test are all made from this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.rights import (
    MAY_ADD_DATA_FIELD,
    MAY_ADD_DRAFT,
    MAY_ADD_LIST,
    MAY_ADD_MARKETING_CAMPAIGN,
    MAY_ASK_AGAIN,
    MAY_CHANGE_CONNECTION,
    MAY_CHANGE_LIST,
    MAY_CHANGE_MARKETING_CAMPAIGN,
    MAY_CHANGE_SETTINGS,
    MAY_CONNECT,
    MAY_DELETE_ACCOUNT,
    MAY_DELETE_DATA_FIELD,
    MAY_DELETE_LIST,
    MAY_END,
    MAY_EXPORT_PEOPLE,
    MAY_FORGET,
    MAY_MAKE_BOOK,
    MAY_OPT_IN,
    MAY_OPT_OUT,
    MAY_PUT_BACK,
    MAY_REQUEST,
    MAY_RETRY_UPLOAD,
    MAY_SEE_ACCOUNTS,
    MAY_SEE_AUDIT,
    MAY_SEE_BOOKS,
    MAY_SEE_DATA_FIELDS,
    MAY_SEE_SETTINGS,
    MAY_SEND,
    MAY_TAKE_OFF,
    MAY_USE_STUDIO,
)
from dotbridge.entities.registry import entities
from dotbridge.entities.rights import models_behind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Stands for the view rights on the host's own records, and for those on its users: their names are the host's.
RECORDS = "<records>"
USERS_SEEN, USERS_CHANGED = "<users seen>", "<users changed>"


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can be done in the back office, and the permissions that it takes."""

    key: str
    label: StrOrPromise
    permissions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Role:
    """A ready group: its name, whom it is for, and the keys of what it may do."""

    key: str
    name: StrOrPromise
    text: StrOrPromise
    may: frozenset[str]

    @property
    def permissions(self) -> frozenset[str]:
        """All that its group is given, as "app.codename"; the host's records must be registered by then."""
        return frozenset(name for action in ACTIONS if action.key in self.may for name in permissions_of(action))


def _every(app: str, verb: str, *names: str) -> tuple[str, ...]:
    return tuple(f"dotbridge_{app}.{verb}_{name}" for name in names)


ACTIONS = (
    Action(
        key="see_lists",
        label=_("See lists, their rules and their numbers"),
        permissions=(*_every("lists", "view", "marketinglist"), *_every("connections", "view", "listconnection")),
    ),
    Action(
        key="see_people",
        label=_("See people, and their values on both sides"),
        permissions=(
            RECORDS,
            *_every("mirror", "view", "contact", "membership"),
            *_every("lists", "view", "listedrecord", "removeditem"),
            *_every("campaigns", "view", "emailcampaignstatistics", "marketingactivity"),
        ),
    ),
    Action(
        key="change_lists",
        label=_("Make lists, change their rules"),
        permissions=(MAY_ADD_LIST, MAY_CHANGE_LIST),
    ),
    Action(key="delete_lists", label=_("Delete lists"), permissions=(MAY_DELETE_LIST,)),
    Action(
        key="take_off",
        label=_("Take people off a list, put them back"),
        permissions=(MAY_TAKE_OFF, MAY_PUT_BACK),
    ),
    Action(key="opt_out", label=_("Opt people out"), permissions=(MAY_OPT_OUT,)),
    Action(
        key="opt_in",
        label=_("Take an opt-out back, when the person asked for it"),
        permissions=(MAY_OPT_IN, MAY_ASK_AGAIN),
    ),
    Action(key="download_people", label=_("Download people as a file"), permissions=(MAY_EXPORT_PEOPLE,)),
    Action(key="forget_people", label=_("Forget a person for good"), permissions=(MAY_FORGET,)),
    Action(
        key="connect",
        label=_("Connect lists with address books, make books"),
        permissions=(
            MAY_CONNECT,
            MAY_SEE_BOOKS,
            MAY_MAKE_BOOK,
        ),
    ),
    Action(
        key="change_connections",
        label=_("Change a connection, allow an export that stopped to ask"),
        permissions=(MAY_CHANGE_CONNECTION,),
    ),
    Action(key="disconnect", label=_("Disconnect a list"), permissions=(MAY_END,)),
    Action(key="sync", label=_("Start a synchronisation"), permissions=(MAY_REQUEST,)),
    Action(
        key="see_campaigns",
        label=_("See campaigns and their results"),
        permissions=_every("campaigns", "view", "emailcampaign", "marketingcampaign"),
    ),
    Action(
        key="change_campaigns",
        label=_("Make and change marketing campaigns"),
        permissions=(
            MAY_ADD_MARKETING_CAMPAIGN,
            MAY_CHANGE_MARKETING_CAMPAIGN,
        ),
    ),
    Action(
        key="make_drafts",
        label=_("Make campaigns in Dotdigital from its templates"),
        permissions=(MAY_ADD_DRAFT,),
    ),
    Action(key="use_studio", label=_("Open Email Studio"), permissions=(MAY_USE_STUDIO,)),
    Action(
        key="send_campaigns",
        label=_("Send campaigns by Dotdigital"),
        permissions=(MAY_SEND,),
    ),
    Action(
        key="delete_campaigns",
        label=_("Merge and delete campaigns"),
        permissions=_every("campaigns", "delete", "emailcampaign", "marketingcampaign"),
    ),
    Action(
        key="see_fields",
        label=_("See data fields and what fills them"),
        permissions=(*_every("mapping", "view", "mapping", "mappingrow"), MAY_SEE_DATA_FIELDS),
    ),
    Action(
        key="change_mappings",
        label=_("Change what fills data fields"),
        permissions=tuple(
            f"dotbridge_mapping.{verb}_{model}"
            for verb in ("add", "change", "delete")
            for model in ("mapping", "mappingrow")
        ),
    ),
    Action(
        key="change_data_fields",
        label=_("Make and delete data fields in Dotdigital"),
        permissions=(MAY_ADD_DATA_FIELD, MAY_DELETE_DATA_FIELD),
    ),
    Action(
        key="see_activity",
        label=_("See runs, uploads, problems and requests"),
        permissions=(
            *_every("sync", "view", "syncrun", "step", "rejection", "upload", "removal", "valueconflict", "newcomer"),
            *_every("connections", "view", "accountchange", "contactrequest"),
        ),
    ),
    Action(key="retry_uploads", label=_("Send a refused upload again"), permissions=(MAY_RETRY_UPLOAD,)),
    Action(key="see_accounts", label=_("See connected accounts"), permissions=(MAY_SEE_ACCOUNTS,)),
    Action(
        key="change_accounts",
        label=_("Connect accounts, change their settings and credentials"),
        permissions=_every("integrations", "add", "integration") + _every("integrations", "change", "integration"),
    ),
    Action(key="delete_accounts", label=_("Delete accounts"), permissions=(MAY_DELETE_ACCOUNT,)),
    Action(
        key="see_settings",
        label=_("See schedule, limits and other settings"),
        permissions=(MAY_SEE_SETTINGS,),
    ),
    Action(
        key="change_settings",
        label=_("Change schedule, limits and other settings"),
        permissions=(MAY_CHANGE_SETTINGS,),
    ),
    Action(
        key="see_audit",
        label=_("See and download who changed what"),
        permissions=(MAY_SEE_AUDIT,),
    ),
    Action(
        key="see_users",
        label=_("See users, groups and who logged in"),
        permissions=(USERS_SEEN, "axes.view_accesslog", "axes.view_accessfailurelog"),
    ),
    Action(
        key="change_users",
        label=_("Make and change users and groups, within one's own rights"),
        permissions=(USERS_CHANGED,),
    ),
)
_BY_KEY = {action.key: action for action in ACTIONS}

_MARKETER = frozenset(
    {
        "see_lists",
        "see_people",
        "change_lists",
        "take_off",
        "opt_out",
        "connect",
        "sync",
        "see_campaigns",
        "change_campaigns",
        "make_drafts",
        "send_campaigns",
        "use_studio",
        "see_fields",
        "see_activity",
    }
)
_MANAGER = _MARKETER | {
    "delete_lists",
    "opt_in",
    "download_people",
    "forget_people",
    "change_connections",
    "disconnect",
    "delete_campaigns",
    "change_mappings",
    "change_data_fields",
    "retry_uploads",
    "see_accounts",
    "see_settings",
    "see_audit",
}
ROLES = (
    Role(
        key="marketer",
        name=_("Marketer"),
        text=_("Builds lists, connects them, sends campaigns, reads results."),
        may=_MARKETER,
    ),
    Role(
        key="manager",
        name=_("Marketing manager"),
        text=_("Also decides what cannot be undone: disconnect, delete, map fields, download people."),
        may=_MANAGER,
    ),
    Role(
        key="administrator",
        name=_("Administrator"),
        text=_("Also accounts, settings and users."),
        may=frozenset(_BY_KEY),
    ),
    Role(
        key="auditor",
        name=_("Auditor"),
        text=_("Sees everything and changes nothing."),
        may=frozenset(key for key in _BY_KEY if key.startswith("see_")),
    ),
)


def permissions_of(action: Action) -> frozenset[str]:
    """The permissions of an action, with those that depend on the host filled in."""
    found: set[str] = set()
    for name in action.permissions:
        if name == RECORDS:
            found.update(permission_on(model, "view") for model in models_of_people())
        elif name == USERS_SEEN:
            found.update(_on_users("view"))
        elif name == USERS_CHANGED:
            found.update(name for verb in ("add", "change", "delete") for name in _on_users(verb))
        else:
            found.add(name)
    return frozenset(found)


def models_of_people() -> set[type[models.Model]]:
    """The host's models whose values can stand on a list: the entities, and what their fields are read from."""
    found: set[type[models.Model]] = set()
    for known in entities():
        found.add(known.model)
        for field in known.fields:
            found |= models_behind(known.model, field)
        for collection in known.collections:
            found |= {*collection.shows}
            for field in collection.fields:
                found |= models_behind(collection.shows[0], field)
    # A record may name its owner. Whoever sees people does not look after the accounts of their colleagues for that.
    return found - {get_user_model()}


def permission_on(model: type[models.Model], verb: str) -> str:
    """The name of Django's own permission: "crm.view_contact"."""
    options = model._meta  # noqa: SLF001 - Django's documented way to ask a model about itself
    return f"{options.app_label}.{verb}_{options.model_name}"


def _on_users(verb: str) -> Iterator[str]:
    yield permission_on(get_user_model(), verb)
    yield f"auth.{verb}_group"
