"""The `dotbridge` command. Each subcommand imports what it needs when it runs, once Django knows its settings."""

from __future__ import annotations

import getpass
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from django.db.utils import DatabaseError, OperationalError
from django.utils.translation import activate
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from dotbridge import standalone
from dotbridge.conf import where_keys_stand
from dotbridge.errors import OperatorError, causes_of
from dotbridge.starting import quiet, require_migrated, start
from dotbridge.visible import VisibleConsole, visible

if TYPE_CHECKING:
    from dotbridge.connections.models import ListConnection
    from dotbridge.integrations.models import Integration
    from dotbridge.sync.models import SyncRun

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(no_args_is_help=True, help="The keys that secrets are sealed with.")
app.add_typer(keys, name="keys")
app.add_typer(standalone.app)

IntegrationOption = Annotated[
    str | None,
    typer.Option("--integration", "-i", help="Name or number of one integration; without it, all active ones."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show the next export. Dotdigital is not asked.")]
ListOption = Annotated[
    str | None, typer.Option("--list", "-l", help="Name or number of one connected list; without it, all of them.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a run, for scripts.")]
WaitOption = Annotated[
    float | None, typer.Option("--wait", min=0, help="Seconds to wait for Dotdigital to finish what is uploaded.")
]


def main(words: Sequence[str] | None = None, *, name: str | None = None) -> None:
    """Run the command; what an operator can mend is one line on standard error and exit code 2.

    `words` are those behind the program's name, `name`; without them they are what the process was started with.
    """
    for stream in (sys.stdout, sys.stderr):
        # A locale may lack a letter of somebody's name, or our quotation marks: that is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # What we write is nobody else's to read: data, logs, files of people.
    os.umask(0o077)
    try:
        app(words, prog_name=name)
    except OperatorError as error:
        _give_up(str(error))
    except OperationalError as error:
        _give_up(f"The database cannot be used: {' '.join(str(error).split())}")
    except DatabaseError as error:
        if refusal := _refusal_behind(error):
            _give_up(refusal)
        raise


def _refusal_behind(error: BaseException) -> str:
    """What the database does not let its user do, and the mend; empty for any other error."""
    for cause in causes_of(error):
        said = str(cause).splitlines()[0] if str(cause) else ""
        if isinstance(cause, InsufficientPrivilege):
            return (
                f"The database does not let its user do this: {said}. Make the user the owner of the database, or "
                "GRANT it what is missing; since PostgreSQL 15, CREATE ON SCHEMA public is."
            )
        if isinstance(cause, ReadOnlySqlTransaction):
            return f"The database can only be read: {said}. Name the server that is written to, and no copy of it."
    return ""


def _show_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_asked:
        typer.echo(f"dotbridge {version('dotbridge')}")
        raise typer.Exit


@app.callback()
def dotbridge(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """A marketing back office whose lists stay in step with Dotdigital."""


def name_of_caller() -> str:
    """Who types the command. In a container a number may be all that a user has."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _begin() -> None:
    """Have Django ready, and speak English: the command line does, whatever language the project's pages speak."""
    start()
    activate("en")


def _give_up(text: str) -> NoReturn:
    typer.echo(visible(text), err=True)
    sys.exit(2)


@app.command()
def worker(
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many scheduled runs at once; what people ask for has a slot beside them.")
    ] = 4,
) -> None:
    """Run a worker: the schedule, and what people asked for. Any number may run, on any number of machines."""
    from dotbridge.processes import watch_lifeline

    watch_lifeline()
    start()
    from dotbridge import embedded
    from dotbridge.worker import work

    embedded.bring_up(stand_by=True)

    work(concurrency=concurrency)


@app.command(name="run-due")
def run_due(
    seconds: Annotated[float, typer.Option(min=1, help="Begin nothing any more when so many seconds are over.")] = 240,
    as_json: JsonOption = False,
) -> None:
    """Do what is due and end, for cron: the schedule, and what people asked for. In place of a worker."""
    start()
    quiet()
    from dotbridge.due import run_due

    done = run_due(seconds=seconds)
    if as_json:
        typer.echo(json.dumps({"jobs": done.jobs, "is_all": done.is_all}))
    else:
        typer.echo(f"{done.jobs} jobs were done. {'Nothing more is due.' if done.is_all else 'More is due.'}")


@app.command()
def sync(
    integration: IntegrationOption = None,
    one_list: ListOption = None,
    wait: WaitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import and export now."""
    _run("sync", integration, wait, as_json=as_json, one_list=one_list)


@app.command(name="import")
def import_(integration: IntegrationOption = None, as_json: JsonOption = False) -> None:
    """Import now."""
    _run("import", integration, None, as_json=as_json)


@app.command()
def export(
    integration: IntegrationOption = None,
    one_list: ListOption = None,
    wait: WaitOption = None,
    *,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
    csv: Annotated[Path | None, typer.Option(help="With --dry-run: write every row to this file.")] = None,
) -> None:
    """Export now, or say what an export would do."""
    if not dry_run:
        if csv is not None:
            raise OperatorError("--csv goes with --dry-run only.")
        _run("export", integration, wait, as_json=as_json, one_list=one_list)
    _show_next_export(integration, one_list, csv, as_json=as_json)


@app.command()
def allow(
    one_list: Annotated[str, typer.Argument(metavar="LIST", help="Name or number of a list whose export has stopped.")],
) -> None:
    """Let the next export of a list take out as many people as it stopped and asked about, once."""
    _begin()
    require_migrated()
    from django.core.exceptions import ValidationError

    from dotbridge.audit.acting import COMMAND_LINE, acting
    from dotbridge.connections.services import allow_once
    from dotbridge.integrations.models import Integration
    from dotbridge.next_export import find_connections

    for link in find_connections(Integration.objects.all(), one_list):
        try:
            with acting(name=name_of_caller(), origin=COMMAND_LINE):
                allow_once(link=link)
        except ValidationError as error:
            raise OperatorError(" ".join(error.messages)) from error
        typer.echo(visible(f"{link}: {link.allowed_rows} are allowed, once. The next export goes on."))


@app.command(name="move-integration")
def move_integration(
    integration: Annotated[str, typer.Argument(help="The integration's name or number.")],
    is_sure: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what would go.")] = False,
) -> None:
    """Move an integration to another Dotdigital account, where it starts clean."""
    _begin()
    require_migrated()
    from django.core.exceptions import ValidationError

    from dotbridge.audit.acting import COMMAND_LINE, acting
    from dotbridge.integrations.selectors import find_integrations
    from dotbridge.sync.account_move import move_to_another_account

    (found,) = find_integrations(integration)
    console = VisibleConsole()
    if not is_sure:
        console.print(
            f"What was read from {found.account_name or 'the account'} goes, its lists are disconnected, and nothing "
            "changes in Dotdigital. Lists, mappings and opt-outs stay. Run it again with --yes."
        )
        return
    try:
        with acting(name=name_of_caller(), origin=COMMAND_LINE):
            move_to_another_account(integration=found)
    except ValidationError as error:
        _give_up(" ".join(error.messages))
    console.print("Moved. Type the other account's credentials into the integration, then connect its lists.")


@app.command()
def reconcile(integration: IntegrationOption = None, as_json: JsonOption = False) -> None:
    """Read everything that Dotdigital has again, and report what had drifted. Done every week by itself."""
    _run("reconcile", integration, None, as_json=as_json)


@app.command()
def doctor() -> None:
    """Check everything a running back office needs, and say how to mend what is wrong."""
    _begin()
    quiet()
    from dotbridge.doctor import examine

    raise typer.Exit(0 if examine(VisibleConsole()) else 1)


@app.command()
def remove(
    is_sure: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what would go.")] = False,
) -> None:
    """Take Dotbridge out of the database: its triggers, tables, jobs and rights. Your records stay."""
    _begin()
    from dotbridge.removal import find_ours, remove_ours

    ours = find_ours()
    if not is_sure:
        typer.echo(
            f"{len(ours.tables)} tables with all lists, mappings and what is known of consent go, {ours.jobs} jobs, "
            "the ready groups, and the triggers on your tables. Your records stay, and nothing changes in Dotdigital. "
            "Run it again with --yes."
        )
        return
    remove_ours()
    typer.echo("Taken out. Take the apps out of INSTALLED_APPS before you migrate again.")


@app.command()
def migrate() -> None:
    """Bring the database's tables to this version."""
    start()
    from django.core.management import call_command

    call_command("migrate", verbosity=1, interactive=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def manage(context: typer.Context) -> None:
    """Run one of Django's own management commands, such as createsuperuser or shell."""
    start()
    from django.core.management import execute_from_command_line

    from dotbridge.audit.acting import COMMAND_LINE, act_once_connected

    # A server of pages acts for whoever asks for them.
    if context.args[:1] != ["runserver"]:
        act_once_connected(name=name_of_caller(), origin=COMMAND_LINE)
    execute_from_command_line(["dotbridge manage", *context.args])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def consent(context: typer.Context) -> None:
    """Who may be mailed: `verify` the ledger, `export` it as CSV, `erase` an address."""
    _begin()
    if not {"-h", "--help"} & set(context.args):
        require_migrated()
    from django.core.management import CommandError, call_command

    try:
        call_command("dotbridge_consent", *context.args)
    except CommandError as error:
        typer.echo(visible(str(error)), err=True)
        raise typer.Exit(error.returncode) from error


@keys.command()
def rotate() -> None:
    """Seal every stored secret with the newest key, after which the former keys may go."""
    _begin()
    require_migrated()
    from dotbridge.audit.acting import COMMAND_LINE, acting
    from dotbridge.consent.keys import reseal_key
    from dotbridge.integrations.services import reseal_passwords
    from dotbridge.scheduled_files.services import reseal_passwords as reseal_file_passwords
    from dotbridge.studio.services import reseal_secrets

    with acting(name=name_of_caller(), origin=COMMAND_LINE):
        passwords, secrets, of_files = reseal_passwords(), reseal_secrets(), reseal_file_passwords()
    typer.echo(f"Sealed with the newest key: the passwords of {passwords.number} integrations.")
    typer.echo(f"Sealed with the newest key: {secrets.number} secrets of single sign-ons.")
    typer.echo(f"Sealed with the newest key: the passwords of {of_files.number} scheduled files.")
    unreadable = [
        *(f"the password of “{integration}”" for integration in passwords.unreadable),
        *(f"the client secret of the single sign-on of “{sign_on}”" for sign_on in secrets.unreadable),
        *(f"the password of the scheduled file “{file}”" for file in of_files.unreadable),
        *("the key that erased addresses are recognised by" for _key in reseal_key().unreadable),
    ]
    if unreadable:
        raise OperatorError(
            f"No configured key opens {', '.join(unreadable)}; add the former key to {where_keys_stand()}, or enter "
            "the password again."
        )


def _show_next_export(name: str | None, one_list: str | None, csv: Path | None, *, as_json: bool) -> None:
    _begin()
    quiet()
    require_migrated()
    from dotbridge.integrations.selectors import find_integrations
    from dotbridge.next_export import find_connections, next_export_as_json, show_next_export, write_csv

    links = find_connections(find_integrations(name), one_list)
    problems = []
    if csv is not None:
        try:
            with csv.open("w", encoding="utf-8", newline="") as file:
                problems = write_csv(file, links)
        except OSError as error:
            raise OperatorError(f"{csv} cannot be written: {error.strerror}.") from error
    for link in links:
        # One that cannot be worked out is told; the others are shown all the same.
        try:
            if as_json:
                typer.echo(json.dumps(next_export_as_json(link)))
            elif csv is None:
                show_next_export(VisibleConsole(), link)
        except OperatorError as error:
            problems.append(str(error))
    if problems:
        raise OperatorError("\n".join(dict.fromkeys(problems)))


def _run(kind: str, name: str | None, wait: float | None, *, as_json: bool, one_list: str | None = None) -> None:
    _begin()
    quiet()
    require_migrated()
    from dotbridge.connections.models import ListConnection, RunKind
    from dotbridge.integrations.selectors import find_integrations
    from dotbridge.next_export import find_connections
    from dotbridge.sync.engine import run_sync
    from dotbridge.terminal import TerminalObserver, run_as_json, show_heading, show_run

    console = VisibleConsole(stderr=as_json)
    code = 0
    targets: list[tuple[Integration, ListConnection | None]] = [(found, None) for found in find_integrations(name)]
    if one_list is not None:
        links_of_name = find_connections((found for found, _link in targets), one_list)
        targets = [(link.address_book.integration, link) for link in links_of_name]
    for integration, link in targets:
        show_heading(console, str(integration))
        with TerminalObserver(console) as observer:
            run = run_sync(
                integration=integration,
                kind=RunKind(kind),
                trigger="command line",
                observer=observer,
                wait_seconds=wait,
                link=link,
            )
        show_run(console, run)
        code = max(code, _exit_code(run))
        if as_json:
            links = ListConnection.objects.filter(address_book__integration=integration)
            typer.echo(json.dumps(run_as_json(run, links)))
    raise typer.Exit(code)


def _exit_code(run: SyncRun) -> int:
    from dotbridge.sync.models import State

    if run.state == State.SKIPPED:
        return 2
    return 1 if run.has_failed or run.state == State.INTERRUPTED else 0


if __name__ == "__main__":
    main()
