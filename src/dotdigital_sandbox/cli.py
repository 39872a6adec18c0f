"""The command ``dotdigital-sandbox``."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated, Literal

import typer

from dotdigital_sandbox.account import Account
from dotdigital_sandbox.server import bind, server_of
from dotdigital_sandbox.settings import DEFAULT_PASSWORD, DEFAULT_USER, Settings, Switches

DEFAULT_PORT = 8099
app = typer.Typer(name="dotdigital-sandbox", no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def about() -> None:
    """A Dotdigital account on your own machine.

    Point any client of Dotdigital's API at it; what the client writes is kept in a folder.
    """


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


@app.command()
def serve(  # noqa: PLR0917 - options, given by name
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)
    ] = DEFAULT_PORT,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder the account lives in.")] = Path(
        ".dotbridge/sandbox"
    ),
    user: Annotated[str, typer.Option(help="Name of the API user.")] = DEFAULT_USER,
    password: Annotated[str, typer.Option(help="Password of the API user.")] = DEFAULT_PASSWORD,
    seed: Annotated[Literal["demo", "empty"], typer.Option(help="What a new account begins with.")] = "demo",
    import_seconds: Annotated[float, typer.Option(help="How long an import takes at least.", min=0)] = 1.0,
    import_rows_per_second: Annotated[
        float | None, typer.Option(help="And how much longer by its rows.", min=0.001)
    ] = None,
    deletion_seconds: Annotated[float, typer.Option(help="How long a bulk deletion takes.", min=0)] = 0.5,
    api_endpoint: Annotated[str | None, typer.Option(help="ApiEndpoint to name in place of this server.")] = None,
    control: Annotated[bool, typer.Option(help="Serve /_sandbox/ for control from outside.")] = True,  # noqa: FBT002
    switch: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Turn a switch; may be repeated.")
    ] = None,
) -> None:
    """Serve the account until Ctrl-C."""
    settings = Settings(
        data_dir=data,
        user=user,
        password=password,
        seed=seed,
        import_seconds=import_seconds,
        import_rows_per_second=import_rows_per_second,
        deletion_seconds=deletion_seconds,
        api_endpoint=api_endpoint.rstrip("/") if api_endpoint else None,
        control=control,
        switches=_switches(switch or []),
    )
    run(settings, host=host, port=port)


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
    try:
        account = Account(settings)
    except OSError as problem:
        listener.close()
        raise _fail(f"The folder {settings.data_dir} cannot be used: {problem.strerror}.") from None
    typer.echo(f"A Dotdigital account at http://{host}:{listener.getsockname()[1]}")
    typer.echo(f"API user {settings.user}, data in {settings.data_dir}. Ctrl-C stops it.")
    try:
        server_of(account).run(sockets=[listener])
    finally:
        account.close()


def main() -> None:
    """Run the command line."""
    app()
