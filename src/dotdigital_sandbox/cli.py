"""The command ``dotdigital-sandbox``."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dotdigital_sandbox.account import Account
from dotdigital_sandbox.app import SandboxApp
from dotdigital_sandbox.control_api import DEEDS
from dotdigital_sandbox.front_door import API_ROUTES
from dotdigital_sandbox.opening import open_account
from dotdigital_sandbox.server import bind, server_of
from dotdigital_sandbox.settings import DEFAULT_PASSWORD, DEFAULT_USER, Settings, Switches

DEFAULT_PORT = 8099
MANUAL = """A Dotdigital account on your own machine.

Point any client of Dotdigital's API at it: what the client writes is kept in a folder, imports and sends take their
time, recipients open and click, people unsubscribe and bounce.

\b
START
  dotdigital-sandbox serve                     a small demo account at http://127.0.0.1:8099
  dotdigital-sandbox serve --seed empty --port 0 --data /tmp/account
  dotdigital-sandbox serve --scheme none --switch never=null

\b
CALL
  curl -u apiuser-000000000000@apiconnector.com:sandbox http://127.0.0.1:8099/v2/account-info
  curl -u ... -F file=@people.csv http://127.0.0.1:8099/v2/address-books/3/contacts/import

\b
LOOK AND MEDDLE
  http://127.0.0.1:8099/_sandbox/              the account at a glance
  curl -H 'Content-Type: application/json' -d '{"email": "subscriber.1@example.com"}' \\
       http://127.0.0.1:8099/_sandbox/contacts/unsubscribe
  curl -H 'Content-Type: application/json' -d '{"kind": "status", "status": 503, "times": 3}' \\
       http://127.0.0.1:8099/_sandbox/faults

\b
SIGN ON
  http://127.0.0.1:8099/OAuth2/authorise.aspx  with client sandbox-client, secret sandbox-secret

\b
MORE
  dotdigital-sandbox serve --help      how long things take, limits, regions, shapes
  dotdigital-sandbox switches          what the published contract leaves open, and how to turn it
  dotdigital-sandbox control           all that /_sandbox/ can do
  dotdigital-sandbox operations        every operation it answers
"""

app = typer.Typer(
    name="dotdigital-sandbox", no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=MANUAL
)
_PORTS = {"min": 0, "max": 65535}


def _fail(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(1)


def _switches(given: list[str]) -> Switches:
    switches = Switches()
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise _fail(f"--switch wants NAME=VALUE, not {each!r}")
        try:
            switches.change(name, value)
        except ValueError as problem:
            raise _fail(str(problem)) from None
    return switches


def _option(text: str, **more: object) -> typer.models.OptionInfo:
    return typer.Option(help=text, show_default=True, **more)  # type: ignore[arg-type, no-any-return]


@app.command()
def serve(  # noqa: PLR0917 - options, given by name
    host: Annotated[str, _option("Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, _option("Port to listen on; 0 takes any free one.", **_PORTS)] = DEFAULT_PORT,
    data: Annotated[Path, _option("Folder the account lives in.", metavar="DIR")] = Path(".dotbridge/sandbox"),
    user: Annotated[str, _option("Name of the API user.")] = DEFAULT_USER,
    password: Annotated[str, _option("Password of the API user.")] = DEFAULT_PASSWORD,
    seed: Annotated[Literal["demo", "empty"], _option("What a new account begins with.")] = "demo",
    shape: Annotated[
        Literal["current", "legacy"],
        _option("Answers as of today, or without the keys that strict old clients refuse."),
    ] = "current",
    scheme: Annotated[
        Literal["tiered", "flat", "none"],
        _option("How the API user's calls are limited: by the minute, by the hour, or not."),
    ] = "tiered",
    low_rate: Annotated[int, _option("Calls a minute of the Low tier.", min=1)] = 150,
    medium_rate: Annotated[int, _option("Calls a minute of the Medium tier.", min=1)] = 600,
    high_rate: Annotated[int, _option("Calls a minute of the High tier.", min=1)] = 1200,
    flat_rate: Annotated[int, _option("Calls an hour of the flat scheme.", min=1)] = 2000,
    region: Annotated[int, _option("The account's region: hosts named rN-api.* of another N are refused.", min=1)] = 1,
    api_endpoint: Annotated[str | None, _option("ApiEndpoint to name in place of this server.")] = None,
    import_seconds: Annotated[float, _option("How long an import takes at least.", min=0)] = 1.0,
    import_rows_per_second: Annotated[float | None, _option("How much longer by its rows.", min=0.001)] = None,
    import_megabytes: Annotated[float, _option("Largest file an import takes.", min=0.001)] = 50,
    active_imports: Annotated[int, _option("Imports that may be unfinished at a time.", min=1)] = 25,
    active_deletions: Annotated[int, _option("Deletions of version 3 that may be unfinished at a time.", min=1)] = 25,
    deletion_seconds: Annotated[float, _option("How long a bulk deletion takes.", min=0)] = 0.5,
    send_seconds: Annotated[float, _option("How long sending a campaign takes.", min=0)] = 1.0,
    engagement_seconds: Annotated[float, _option("Over what time recipients react to a campaign.", min=0)] = 120.0,
    random_seed: Annotated[int, _option("Other recipients' behaviour for another number.")] = 1,
    contact_limit: Annotated[int | None, _option("Contacts that the contract allows.", min=0)] = None,
    start_at: Annotated[
        datetime | None, _option("Begin in the past, or later: what the account's clock shows at the start, in UTC.")
    ] = None,
    control: Annotated[bool, _option("Serve /_sandbox/ for control from outside.")] = True,  # noqa: FBT002
    switch: Annotated[
        list[str] | None,
        _option("Turn a switch; may be repeated. See: dotdigital-sandbox switches.", metavar="NAME=VALUE"),
    ] = None,
) -> None:
    """Serve the account until Ctrl-C. Times are in seconds."""
    settings = _settings(
        data_dir=data,
        user=user,
        password=password,
        seed=seed,
        shape=shape,
        scheme=scheme,
        low_rate=low_rate,
        medium_rate=medium_rate,
        high_rate=high_rate,
        flat_rate=flat_rate,
        region=region,
        api_endpoint=api_endpoint.rstrip("/") if api_endpoint else None,
        import_seconds=import_seconds,
        import_rows_per_second=import_rows_per_second,
        import_megabytes=import_megabytes,
        active_imports=active_imports,
        active_deletions=active_deletions,
        deletion_seconds=deletion_seconds,
        send_seconds=send_seconds,
        engagement_seconds=engagement_seconds,
        random_seed=random_seed,
        contact_limit=contact_limit,
        start_at=start_at and start_at.replace(tzinfo=UTC),
        control=control,
        switches=_switches(switch or []),
    )
    run(settings, host=host, port=port)


@app.command()
def switches() -> None:
    """List the switches: what the contract leaves open, with what each may be and its default."""
    for name, may, default, meaning in Switches.manual():
        typer.echo(f"{name}={default}  ({may})\n    {meaning}")


@app.command()
def control() -> None:
    """List what /_sandbox/ can do; all takes and answers JSON."""
    for verb, path, _, meaning in DEEDS:
        typer.echo(f"{verb:6} /_sandbox/{path}\n    {meaning}")


@app.command()
def operations() -> None:
    """List every operation of the API that is answered, with its tier."""
    for route in sorted(API_ROUTES, key=lambda each: (each.path, each.method)):
        typer.echo(f"{route.method:6} {route.path}  {route.tier}")


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve an account in the foreground; one line and exit code 1 when it cannot."""
    try:
        listener = bind(host, port)
    except OSError as problem:
        taken = problem.errno == errno.EADDRINUSE
        why = (
            "is taken by another program; choose another with --port"
            if taken
            else f"cannot be used: {problem.strerror}"
        )
        raise _fail(f"Port {port} on {host} {why}.") from None
    account = _opened(settings, listener.close)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    typer.echo(f"A Dotdigital account at {url}")
    typer.echo(f"API user {settings.user}, data in {settings.data_dir}. Ctrl-C stops it.")
    if settings.control:
        typer.echo(f"At a glance: {url}/_sandbox/")
    try:
        server_of(SandboxApp(account)).run(sockets=[listener])
    finally:
        account.close()


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**given)
    except ValueError as problem:
        raise _fail(str(problem)) from None


def _opened(settings: Settings, give_up: Callable[[], None]) -> Account:
    try:
        return open_account(settings)
    except OSError as problem:
        give_up()
        why = problem.strerror or str(problem)
        raise _fail(f"The folder {settings.data_dir} cannot be used: {why}. Choose another with --data.") from None


def main() -> None:
    """Run the command line."""
    app()
