"""The ready roles: who may do what. The groups, the table in docs/roles.md and its test are all made from this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import gettext_lazy as _

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
        permissions=("dotbridge_lists.add_marketinglist", "dotbridge_lists.change_marketinglist"),
    ),
    Action(key="delete_lists", label=_("Delete lists"), permissions=("dotbridge_lists.delete_marketinglist",)),
    Action(
        key="take_off",
        label=_("Take people off a list, put them back"),
        permissions=("dotbridge_lists.add_removeditem", "dotbridge_lists.delete_removeditem"),
    ),
    Action(key="opt_out", label=_("Opt people out"), permissions=("dotbridge_lists.opt_out_members",)),
    Action(
        key="opt_in",
        label=_("Take an opt-out back, when the person asked for it"),
        permissions=("dotbridge_lists.opt_in_members", "dotbridge_connections.add_resubscription"),
    ),
    Action(key="download_people", label=_("Download people as a file"), permissions=("dotbridge_lists.export_people",)),
    Action(
        key="forget_people", label=_("Forget a person for good"), permissions=("dotbridge_consent.add_erasedaddress",)
    ),
    Action(
        key="connect",
        label=_("Connect lists with address books, make books"),
        permissions=(
            "dotbridge_connections.add_listconnection",
            "dotbridge_mirror.view_addressbook",
            "dotbridge_mirror.add_addressbook",
        ),
    ),
    Action(
        key="change_connections",
        label=_("Change a connection, allow an export that stopped to ask"),
        permissions=("dotbridge_connections.change_listconnection",),
    ),
    Action(
        key="disconnect", label=_("Disconnect a list"), permissions=("dotbridge_connections.delete_listconnection",)
    ),
    Action(key="sync", label=_("Start a synchronisation"), permissions=("dotbridge_sync.add_syncrun",)),
    Action(
        key="see_campaigns",
        label=_("See campaigns and their results"),
        permissions=_every("campaigns", "view", "emailcampaign", "marketingcampaign"),
    ),
    Action(
        key="change_campaigns",
        label=_("Make and change marketing campaigns"),
        permissions=(
            "dotbridge_campaigns.add_marketingcampaign",
            "dotbridge_campaigns.change_marketingcampaign",
        ),
    ),
    Action(
        key="make_drafts",
        label=_("Make campaigns in Dotdigital from its templates"),
        permissions=("dotbridge_mirror.add_draft",),
    ),
    Action(key="use_studio", label=_("Open Email Studio"), permissions=("dotbridge_studio.use_studio",)),
    Action(
        key="send_campaigns",
        label=_("Send campaigns by Dotdigital"),
        permissions=("dotbridge_connections.send_campaigns",),
    ),
    Action(
        key="delete_campaigns",
        label=_("Merge and delete campaigns"),
        permissions=_every("campaigns", "delete", "emailcampaign", "marketingcampaign"),
    ),
    Action(
        key="see_fields",
        label=_("See data fields and what fills them"),
        permissions=(*_every("mapping", "view", "mapping", "mappingrow"), "dotbridge_mirror.view_datafield"),
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
        permissions=("dotbridge_mirror.add_datafield", "dotbridge_mirror.delete_datafield"),
    ),
    Action(
        key="see_activity",
        label=_("See runs, uploads, problems and requests"),
        permissions=(
            *_every("sync", "view", "syncrun", "step", "rejection", "upload", "removal", "valueconflict", "newcomer"),
            *_every("connections", "view", "accountchange", "contactrequest"),
        ),
    ),
    Action(key="retry_uploads", label=_("Send a refused upload again"), permissions=("dotbridge_sync.change_upload",)),
    Action(
        key="see_accounts", label=_("See connected accounts"), permissions=("dotbridge_integrations.view_integration",)
    ),
    Action(
        key="change_accounts",
        label=_("Connect accounts, change their settings and credentials"),
        permissions=_every("integrations", "add", "integration") + _every("integrations", "change", "integration"),
    ),
    Action(
        key="delete_accounts", label=_("Delete accounts"), permissions=("dotbridge_integrations.delete_integration",)
    ),
    Action(
        key="see_settings",
        label=_("See schedule, limits and other settings"),
        permissions=("dotbridge_preferences.view_sitesetting",),
    ),
    Action(
        key="change_settings",
        label=_("Change schedule, limits and other settings"),
        permissions=("dotbridge_preferences.change_sitesetting",),
    ),
    Action(
        key="see_audit",
        label=_("See and download who changed what"),
        permissions=("dotbridge_audit.view_auditentry",),
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
