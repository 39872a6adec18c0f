"""The `dotbridge` command. Each subcommand imports what it needs when it runs, once Django knows its settings."""

from __future__ import annotations

import contextlib
import getpass
import io
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from django.db.utils import OperationalError

from dotbridge.config import Config, ConfigError, read_config
from dotbridge.errors import OperatorError
from dotbridge.visible import VisibleConsole, visible

if TYPE_CHECKING:
    from dotbridge.connections.models import ListConnection
    from dotbridge.integrations.models import Integration

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A marketing back office whose lists stay in step with Dotdigital.",
)
crm = typer.Typer(no_args_is_help=True, help="The example CRM.")
app.add_typer(crm, name="crm")
keys = typer.Typer(no_args_is_help=True, help="The keys that secrets are sealed with.")
app.add_typer(keys, name="keys")

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


def main() -> None:
    """Run the command; what an operator can mend is one line on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        # A locale may lack a letter of somebody's name, or our quotation marks: that is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # What we write is nobody else's to read: data, logs, files of people.
    os.umask(0o077)
    try:
        app()
    except OperatorError as error:
        _give_up(str(error))
    except OperationalError as error:
        _give_up(f"The database cannot be used: {' '.join(str(error).split())}")


def _give_up(text: str) -> NoReturn:
    typer.echo(visible(text), err=True)
    sys.exit(2)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the run; the last line is a JSON object.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Only end the sandbox that `--once` leaves listening.")] = False,
) -> None:
    """Try it all: a CRM, a Dotdigital account on this machine, a list kept in step with it, and the back office."""
    from dotbridge.demo_sandbox import stop_sandbox
    from dotbridge.processes import require_free_port

    console = VisibleConsole()
    config = read_config()
    if stop:
        ended = stop_sandbox(config)
        console.print("The sandbox was ended." if ended else "No sandbox was left by a demo.")
        return
    if config.sandbox_port == config.port:
        raise ConfigError("DOTBRIDGE_SANDBOX_PORT", str(config.port), "it must differ from DOTBRIDGE_PORT")
    if not once:
        require_free_port("DOTBRIDGE_PORT", config.host, config.port)
    _start()
    _quiet()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    raise typer.Exit(_demo_once(config, console) if once else _demo_served(config, console))


@app.command()
def serve() -> None:
    """Run the back office: web and worker together. What ends by itself, or is killed, is started again."""
    from dotbridge.processes import require_free_port, run_together

    config = _start()
    require_free_port("DOTBRIDGE_PORT", config.host, config.port)
    # A database that is not there yet is waited for by the worker, which says so.
    with contextlib.suppress(OperationalError):
        _require_migrated()
    typer.echo(f"The back office: http://{config.host}:{config.port}")
    raise typer.Exit(run_together([["web"], ["worker"]]))


@app.command()
def web() -> None:
    """Run the web part alone."""
    from dotbridge.processes import require_free_port, watch_lifeline

    watch_lifeline()
    config = _start()
    require_free_port("DOTBRIDGE_PORT", config.host, config.port)
    from dotbridge.web import serve_pages
    from dotbridge.wsgi import application

    serve_pages(application, config)


@app.command()
def worker(
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many scheduled runs at once; what people ask for has a slot beside them.")
    ] = 4,
) -> None:
    """Run a worker: the schedule, and what people asked for. Any number may run, on any number of machines."""
    from dotbridge.processes import watch_lifeline

    watch_lifeline()
    config = _start()
    if config.database_url is None:
        from dotbridge import postgres

        postgres.stand_by(config.data_dir)
    from dotbridge.worker import work

    work(concurrency=concurrency)


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
    """Let the next export of a list remove or unsubscribe as many as it stopped before, once."""
    _start()
    _require_migrated()
    from django.core.exceptions import ValidationError

    from dotbridge.audit.acting import COMMAND_LINE, acting
    from dotbridge.connections.services import allow_once
    from dotbridge.integrations.models import Integration
    from dotbridge.next_export import find_connections

    for link in find_connections(Integration.objects.all(), one_list):
        try:
            with acting(name=getpass.getuser(), origin=COMMAND_LINE):
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
    _start()
    _require_migrated()
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
        with acting(name=getpass.getuser(), origin=COMMAND_LINE):
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
    _start()
    _quiet()
    from dotbridge.doctor import examine

    raise typer.Exit(0 if examine(VisibleConsole()) else 1)


@app.command()
def migrate() -> None:
    """Bring the database's tables to this version."""
    _start()
    from django.core.management import call_command

    call_command("migrate", verbosity=1, interactive=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def manage(context: typer.Context) -> None:
    """Run one of Django's own management commands, such as createsuperuser or shell."""
    _start()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["dotbridge manage", *context.args])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def consent(context: typer.Context) -> None:
    """Who may be mailed: `verify` the ledger, `export` it as CSV, `erase` an address."""
    _start()
    _require_migrated()
    from django.core.management import CommandError, call_command

    try:
        call_command("dotbridge_consent", *context.args)
    except CommandError as error:
        typer.echo(visible(str(error)), err=True)
        raise typer.Exit(error.returncode) from error


@crm.command()
def load(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV, XLSX, ODS, vCard or JSON Lines.")
    ],
    *,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, such as cp1250.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The character between cells.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=FIELD, or COLUMN=unused; :dmy, :mdy, :comma, :point say how it is written."),
    ] = None,
    same_address: Annotated[
        str | None, typer.Option(help="Which of several rows with one address counts: first, last or both.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what a load would do.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Load anybody's contact file into the example CRM, and report what was not taken and why."""
    _start()
    from django.core.management import CommandError, call_command

    named = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet, "same-address": same_address}
    options = [f"--{name}={value}" for name, value in named.items() if value is not None]
    options += [f"--columns={each}" for each in columns or ()]
    options += [*(["--dry-run"] if dry_run else []), *(["--json"] if as_json else [])]
    try:
        call_command("load_file", "crm.contact", str(file), *options)
    except CommandError as error:
        raise OperatorError(str(error)) from error


@keys.command()
def rotate() -> None:
    """Seal every stored secret with the newest key, after which the former keys may go."""
    _start()
    _require_migrated()
    from dotbridge.consent.keys import reseal_key
    from dotbridge.encryption import SecretUnreadable
    from dotbridge.integrations.services import reseal_passwords

    resealed = reseal_passwords()
    typer.echo(f"Sealed with the newest key: the passwords of {resealed.number} integrations.")
    unreadable = [f"the password of “{name}”" for name in resealed.unreadable]
    try:
        reseal_key()
    except SecretUnreadable:
        unreadable.append("the key that erased addresses are recognised by")
    if unreadable:
        raise OperatorError(
            f"No configured key opens {', '.join(unreadable)}; add the former key to DOTBRIDGE_SECRET_KEYS, or enter "
            "the password again."
        )


def _demo_once(config: Config, console: VisibleConsole) -> int:
    from dotbridge.demo import demo_login, prepare_and_sync, print_json
    from dotbridge.demo_sandbox import start_sandbox

    start_sandbox(config, console)
    done = prepare_and_sync(config, console)
    demo_login(config)
    console.print(f"The sandbox goes on at {config.sandbox_url} until `dotbridge demo --stop`.", style="dim")
    print_json(done.summary)
    return 0 if done.succeeded else 1


def _demo_served(config: Config, console: VisibleConsole) -> int:
    from dotbridge.demo import ROLE_USERS, demo_login, prepare_and_sync
    from dotbridge.demo_sandbox import start_sandbox, stop_sandbox
    from dotbridge.processes import run_together

    try:
        start_sandbox(config, console)
        prepare_and_sync(config, console)
        user, password = demo_login(config)
        console.print(
            f"\nThe back office: http://{config.host}:{config.port}   log in as {user} / {password}", markup=False
        )
        console.print(f"Others, with the same password: {', '.join(ROLE_USERS.values())}", highlight=False)
        console.print(f"The account it works with: {config.sandbox_url}   Ctrl-C ends everything.\n", highlight=False)
        return run_together([["web"], ["worker"]])
    finally:
        stop_sandbox(config)


def _show_next_export(name: str | None, one_list: str | None, csv: Path | None, *, as_json: bool) -> None:
    _start()
    _quiet()
    _require_migrated()
    from dotbridge.integrations.selectors import find_integrations
    from dotbridge.next_export import find_connections, next_export_as_json, show_next_export, write_csv

    links = find_connections(find_integrations(name), one_list)
    if csv is not None:
        with csv.open("w", encoding="utf-8", newline="") as file:
            write_csv(file, links)
    for link in links:
        if as_json:
            typer.echo(json.dumps(next_export_as_json(link)))
        elif csv is None:
            show_next_export(VisibleConsole(), link)


def _run(kind: str, name: str | None, wait: float | None, *, as_json: bool, one_list: str | None = None) -> None:
    _start()
    _quiet()
    _require_migrated()
    from dotbridge.connections.models import ListConnection, RunKind
    from dotbridge.integrations.selectors import find_integrations
    from dotbridge.next_export import find_connections
    from dotbridge.sync.engine import run_sync
    from dotbridge.terminal import TerminalObserver, run_as_json, show_heading, show_run

    console = VisibleConsole(stderr=as_json)
    good = True
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
        good = good and not run.has_failed
        if as_json:
            links = ListConnection.objects.filter(address_book__integration=integration)
            typer.echo(json.dumps(run_as_json(run, links)))
    raise typer.Exit(0 if good else 1)


def _start() -> Config:
    """The configuration, with the embedded database running and Django ready."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")
    config = read_config()
    if config.database_url is None:
        from dotbridge import postgres

        postgres.ensure_running(config.data_dir)
    import django

    django.setup()
    return config


def _quiet() -> None:
    """The terminal shows what happens; its log lines would only stand between."""
    logging.getLogger("dotbridge").setLevel(logging.WARNING)


def _require_migrated() -> None:
    from dotbridge.doctor import require_migrations

    require_migrations()


if __name__ == "__main__":
    main()
