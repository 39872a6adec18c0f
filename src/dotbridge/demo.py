"""The demo: a CRM full of people, a Dotdigital account on this machine, a list connected, and one whole run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from rich.console import Console

from dotbridge.config import Config, kept_secret
from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import connect_list
from dotbridge.demo_life import (
    ENTITY,
    READING_SECONDS,
    SANDBOX_PASSWORD,
    SANDBOX_USER,
    begin,
    leave_something_to_do,
    live,
)
from dotbridge.demo_sandbox import start_sandbox, stop_sandbox
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.studio.services import set_up_sign_on
from dotbridge.summary import adds_up, run_summary
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import WENT_WELL, State, SyncRun
from dotbridge.terminal import TerminalObserver, show_heading, show_numbers, show_run

ACCOUNT = "Dotdigital sandbox"
LIST = "Everybody in the CRM"
BOOK = "Newsletter"
USER = "demo"
SANDBOX_CLIENT, SANDBOX_SECRET = "sandbox-client", "sandbox-secret"
# One log-in of each ready group, with the demo's own password.
ROLE_USERS = {"marketer": "marketer", "manager": "manager", "administrator": "administrator", "auditor": "auditor"}
WAIT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What a demo run left: its summary, and whether everything went well."""

    summary: dict[str, Any]
    succeeded: bool


def prepare_and_sync(config: Config, console: Console) -> Demo:
    """Load the demo CRM, live three months, connect a list and run a whole synchronisation.

    What exists already is used as it is. The sandbox is left listening.
    """
    show_heading(console, "Loading the demo CRM")
    call_command("crm_demo", stdout=_Indented(console))
    link = _connection()
    if link is None:
        show_heading(console, "Living the last three months of the account")
        start_sandbox(config, console, start_at=begin(), reading_seconds=READING_SECONDS)
        live(config, _integration(config), WAIT_SECONDS)
        # Another start, and its clock is everybody's.
        stop_sandbox(config)
        start_sandbox(config, console)
        leave_something_to_do(config)
        link = _connect(_integration(config))
    start_sandbox(config, console)
    integration = _integration(config)
    observer = TerminalObserver(console)
    with observer:
        show_heading(console, f"Synchronising “{link.marketing_list}” with the address book “{link.address_book}”")
        run = run_sync(integration=integration, trigger="demo", observer=observer, wait_seconds=WAIT_SECONDS)
    show_run(console, run)
    summary = run_summary(run, link)
    show_numbers(console, f"{link.marketing_list} → {link.address_book}", summary)
    succeeded = _succeeded(run, summary)
    if succeeded:
        console.print(_in_words(summary))
    return Demo(summary=summary, succeeded=succeeded)


def print_json(summary: Mapping[str, Any]) -> None:
    """The summary as the last line of the output, for scripts."""
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()


def demo_login(config: Config) -> tuple[str, str]:
    """The name and password of the demo's superuser, made on the first run and kept beside the database.

    Somebody of each ready group (`ROLE_USERS`) has the same password.
    """
    password = kept_secret(config.data_dir / "demo_password", length=9)
    _have_user(USER, password, is_superuser=True)
    for role, name in ROLE_USERS.items():
        user = _have_user(name, password)
        user.groups.add(*Group.objects.filter(dotbridge_role__role=role))
    return USER, password


def _have_user(name: str, password: str, *, is_superuser: bool = False) -> Any:
    users = get_user_model()
    user, _created = users.objects.get_or_create(
        username=name,
        defaults={"email": f"{name}@example.com", "is_staff": True, "is_superuser": is_superuser},
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    return user


def _integration(config: Config) -> Integration:
    existing = Integration.objects.filter(name=ACCOUNT).first()
    if existing is None:
        made = create_integration(
            name=ACCOUNT, username=SANDBOX_USER, password=SANDBOX_PASSWORD, base_url=config.sandbox_url
        )
        set_up_sign_on(integration=made, client_id=SANDBOX_CLIENT, secret=SANDBOX_SECRET, domain="")
        return made
    if existing.base_url != config.sandbox_url:
        existing.base_url = config.sandbox_url
        existing.save(update_fields=["base_url"])
    return existing


def _connection() -> ListConnection | None:
    """The demo's own, once there is one."""
    return ListConnection.objects.filter(address_book__integration__name=ACCOUNT, marketing_list__name=LIST).first()


def _connect(integration: Integration) -> ListConnection:
    marketing_list = MarketingList.objects.filter(name=LIST).first() or create_list(
        name=LIST, description="Every contact of the demo CRM.", entity=ENTITY, rule={}
    )
    return connect_list(
        marketing_list=marketing_list, address_book=AddressBook.objects.get(integration=integration, name=BOOK)
    )


def _succeeded(run: SyncRun, summary: Mapping[str, Any]) -> bool:
    whole = run.state in WENT_WELL
    steps = run.steps.filter(state__in=[State.FAILED, State.BLOCKED])
    unfinished = summary["left_out"]["waiting"] or summary["remote_ids_missing"]
    return whole and not steps.exists() and not unfinished and adds_up(summary)


def _in_words(summary: Mapping[str, Any]) -> str:
    if not any(summary[name] for name in ("exported", "removed", "unsubscribed")):
        return "Nothing has changed since the last run: nothing was uploaded."
    new = summary["exported"] - summary["updated"]
    return (
        f"{new} added, {summary['updated']} updated, {summary['removed']} removed, "
        f"{summary['unsubscribed']} unsubscribed by Dotdigital."
    )


class _Indented:
    """A command's output, two columns to the right and in grey."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> None:
        """Print what is not blank."""
        if text.strip():
            self._console.print(f"  {text.strip()}", style="dim", markup=False, highlight=False, soft_wrap=True)

    def flush(self) -> None:
        """Nothing is held back."""
