"""The commands that the standalone product alone has: a host's project serves itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer
from django.db.utils import OperationalError

from dotbridge.config import Config, ConfigError, read_config
from dotbridge.errors import OperatorError
from dotbridge.starting import quiet, require_migrated, start_standalone
from dotbridge.visible import VisibleConsole

app = typer.Typer()
crm = typer.Typer(no_args_is_help=True, help="The example CRM.")
app.add_typer(crm, name="crm")


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
    start_standalone()
    quiet()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    raise typer.Exit(_demo_once(config, console) if once else _demo_served(config, console))


@app.command()
def serve() -> None:
    """Run the back office: web and worker together. What ends by itself, or is killed, is started again."""
    from dotbridge.processes import require_free_port, run_together

    config = start_standalone()
    require_free_port("DOTBRIDGE_PORT", config.host, config.port)
    # A database that is not there yet is waited for by the worker, which says so.
    with contextlib.suppress(OperationalError):
        require_migrated()
    typer.echo(f"The back office: {config.address}")
    raise typer.Exit(run_together([["web"], ["worker"]]))


@app.command()
def web() -> None:
    """Run the web part alone."""
    from dotbridge.processes import require_free_port, watch_lifeline

    watch_lifeline()
    config = start_standalone()
    require_free_port("DOTBRIDGE_PORT", config.host, config.port)
    from dotbridge.web import serve_pages
    from dotbridge.wsgi import application

    serve_pages(application, config)


@crm.command()
def load(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV, XLSX, XLSB, ODS, XLS, vCard or JSON."),
    ],
    *,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, such as cp1250.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The character between cells.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook, or the list within JSON.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=FIELD, or unused; :dmy, :mdy, :excel1900, :comma, :point say how it is written."),
    ] = None,
    same_address: Annotated[
        str | None, typer.Option(help="Which of several rows with one address counts: first, last or both.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what a load would do.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Load anybody's contact file into the example CRM, and report what was not taken and why."""
    start_standalone()
    from django.core.management import CommandError, call_command

    named = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet, "same-address": same_address}
    options = [f"--{name}={value}" for name, value in named.items() if value is not None]
    options += [f"--columns={each}" for each in columns or ()]
    options += [*(["--dry-run"] if dry_run else []), *(["--json"] if as_json else [])]
    try:
        call_command("load_file", "crm.contact", str(file), *options)
    except CommandError as error:
        raise OperatorError(str(error)) from error


def _demo_once(config: Config, console: VisibleConsole) -> int:
    from dotbridge.demo import demo_login, prepare_and_sync, print_json

    done = prepare_and_sync(config, console)
    demo_login(config)
    console.print(f"The sandbox goes on at {config.sandbox_url} until `dotbridge demo --stop`.", style="dim")
    print_json(done.summary)
    return 0 if done.succeeded else 1


def _demo_served(config: Config, console: VisibleConsole) -> int:
    from dotbridge.demo import ROLE_USERS, demo_login, prepare_and_sync
    from dotbridge.demo_sandbox import stop_sandbox
    from dotbridge.processes import run_together

    try:
        prepare_and_sync(config, console)
        user, password = demo_login(config)
        console.print(f"\nThe back office: {config.address}   log in as {user} / {password}", markup=False)
        console.print(f"Others, with the same password: {', '.join(ROLE_USERS.values())}", highlight=False)
        console.print(
            f"The account it works with: {config.sandbox_url}/_sandbox/   Ctrl-C ends everything.\n", highlight=False
        )
        return run_together([["web"], ["worker"]])
    finally:
        stop_sandbox(config)
