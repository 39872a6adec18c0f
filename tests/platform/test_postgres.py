"""The embedded server: shared by processes, stopped after the last of them, sound after every kind of crash."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dotbridge import postgres
from tests.platform.place import Place, own_folder, until, words

USER = """
import sys
from pathlib import Path
from dotbridge import postgres
postgres.ensure_running(Path(sys.argv[1]))
print("SERVED", flush=True)
sys.stdin.read()
"""

# Processes and mounts of its own, as a container has them, and the same files.
NO_CONTAINERS = 77
OTHER_CONTAINER = f"""
import ctypes, os, sys
system = ctypes.CDLL(None)
if system.unshare(0x20020000) or system.mount(b"none", b"/", None, 0x44000, None):
    sys.exit({NO_CONTAINERS})
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if system.mount(b"proc", b"/proc", b"proc", 0, None):
    sys.exit({NO_CONTAINERS})
"""


def start_user(place: Place) -> subprocess.Popen[str]:
    """A process that uses the server until its standard input ends; returns when the server serves it."""
    before = place.output.count("SERVED")
    program = place.python(USER, str(place.data_dir))
    until(lambda: program.poll() is not None or place.output.count("SERVED") > before)
    assert program.poll() is None, place.output
    return program


def end(program: subprocess.Popen[str]) -> None:
    assert program.stdin is not None
    program.stdin.close()
    assert program.wait(30) == 0


def connect(place: Place) -> psycopg.Connection[tuple[object, ...]]:
    host = str(postgres.socket_dir(place.data_dir))
    return psycopg.connect(host=host, user="postgres", dbname="dotbridge", autocommit=True)


def ask(place: Place, question: str) -> object:
    with connect(place) as link:
        row = link.execute(question).fetchone()
    assert row is not None
    return row[0]


def tell(place: Place, statement: str) -> None:
    with connect(place) as link:
        link.execute(statement)


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """A place whose database was made already; making one takes seconds."""
    with own_folder() as folder:
        place = Place(folder)
        end(start_user(place))
        yield place
        place.close()


@pytest.fixture
def used(shared: Place) -> Iterator[Place]:
    """The same place, with nothing running before and after."""
    until(lambda: not shared.left())
    yield shared
    for program in shared.started:
        program.kill()
        program.wait()
    until(lambda: not shared.left())


def test_processes_share_one_server_and_the_last_one_ends_it(used: Place) -> None:
    first = start_user(used)
    (server,) = used.servers()
    second = start_user(used)
    assert used.servers() == [server]
    end(first)
    time.sleep(0.5)
    assert used.servers() == [server]
    end(second)
    until(lambda: not used.left())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in another container")
def test_a_server_of_another_container_is_used_and_no_second_one_is_started(used: Place) -> None:
    start_user(used)
    note = (used.data_dir / "postgres" / "postmaster.pid").read_text()
    (server,) = used.servers()
    before = used.output.count("SERVED")
    other = used.python(OTHER_CONTAINER + USER, str(used.data_dir))
    until(lambda: other.poll() is not None or used.output.count("SERVED") > before)
    if other.poll() == NO_CONTAINERS:
        pytest.skip("this machine lets nobody make containers")
    assert other.poll() is None, used.output
    assert (used.data_dir / "postgres" / "postmaster.pid").read_text() == note
    assert used.servers() == [server]
    end(other)
    assert ask(used, "SELECT 1") == 1


def test_killed_users_leave_no_server_behind(used: Place) -> None:
    programs = [start_user(used), start_user(used)]
    for program in programs:
        program.kill()
    until(lambda: not used.left())


def test_a_start_during_the_stop_finds_a_server(used: Place) -> None:
    for _ in range(4):
        start_user(used).kill()
        time.sleep(random.uniform(0, 0.3))
        program = start_user(used)
        assert ask(used, "SELECT 1") == 1
        end(program)


def test_many_starts_at_once_make_one_server(used: Place) -> None:
    before = used.output.count("SERVED")
    programs = [used.python(USER, str(used.data_dir)) for _ in range(5)]
    until(lambda: used.output.count("SERVED") == before + 5)
    assert len(used.servers()) == 1
    assert sum("dotbridge.postgres" in words(process) for process in used.left()) == 1
    for program in programs:
        end(program)


def test_a_server_that_was_killed_is_started_again(used: Place) -> None:
    start_user(used)
    tell(used, "CREATE TABLE kept AS SELECT 1 AS n")
    (server,) = used.servers()
    for process in [server, *server.children(recursive=True)]:
        process.kill()
    until(lambda: not used.servers())
    assert (used.data_dir / "postgres" / "postmaster.pid").exists()
    assert (used.data_dir / "postgres" / ".s.PGSQL.5432.lock").exists()
    start_user(used)
    assert ask(used, "SELECT n FROM kept") == 1
    tell(used, "DROP TABLE kept")


@pytest.mark.parametrize("note", ["{pid}\n/somewhere\n", "", "no number\n"], ids=["stranger", "empty", "garbled"])
def test_the_note_of_a_dead_server_misleads_nobody(used: Place, note: str) -> None:
    cluster = used.data_dir / "postgres"
    owner = cluster.stat()
    # A process of the very user that the server runs as: PostgreSQL itself would believe that it is a server.
    identity = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["/bin/sleep", "60"], **identity) as stranger:  # type: ignore[call-overload]
        (cluster / "postmaster.pid").write_text(note.format(pid=stranger.pid))
        try:
            start_user(used)
            assert ask(used, "SELECT 1") == 1
            assert psutil.pid_exists(stranger.pid)
        finally:
            stranger.kill()


def test_what_postgres_complains_about_is_told_in_one_line(used: Place) -> None:
    settings = used.data_dir / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("shared_buffers = 'a lot'\n")
    try:
        done = used.run("doctor")
    finally:
        settings.write_text(before)
    assert done.returncode == 2
    assert done.stderr.startswith("The embedded PostgreSQL did not start: ")
    assert "shared_buffers" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_data_folder_of_somebody_else_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(postgres.PostgresError, match=r"did not start: .*File exists"):
        postgres.ensure_running(tmp_path / "data")


def test_where_other_programs_find_their_server_does_not_matter(used: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "6543", "PGDATA": "/nowhere", "PGUSER": "somebody", "LC_ALL": "xx_YY.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    start_user(used)
    monkeypatch.undo()
    assert ask(used, "SELECT 1") == 1


LONG_AND_ODD = "a \"quoted\" 'path' with $HOME, `id` and ümläuts " + "x" * 60


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Place]:
    """A place in a private folder, with a path that is too long for a socket and hard to quote."""
    (tmp_path / "private").mkdir(mode=0o700)
    place = Place(tmp_path / "private" / LONG_AND_ODD)
    place.environment()
    yield place
    place.close()
    shutil.rmtree(postgres.socket_dir(place.data_dir), ignore_errors=True)


def test_any_path_will_do_and_stays_private(odd: Place) -> None:
    sockets = postgres.socket_dir(odd.data_dir)
    assert sockets.parent != odd.data_dir
    program = start_user(odd)
    assert ask(odd, "SELECT lower('ÄÉ') = 'äé'") is True
    assert ask(odd, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE((odd.data_dir / "postgres").stat().st_mode) == 0o700
    others = 0o001 if os.geteuid() == 0 else 0
    assert stat.S_IMODE(odd.folder.parent.stat().st_mode) == 0o700 | others
    end(program)
    until(lambda: not odd.left())


def test_a_socket_folder_that_somebody_put_there_is_refused(odd: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    postgres.socket_dir(odd.data_dir).symlink_to(tmp_path / "elsewhere")
    try:
        odd.data_dir.mkdir(parents=True)
        with pytest.raises(postgres.PostgresError, match="belongs to somebody else"):
            postgres.ensure_running(odd.data_dir)
    finally:
        postgres.socket_dir(odd.data_dir).unlink()


def test_a_first_start_that_was_killed_does_no_harm(place: Place) -> None:
    unfinished = place.data_dir / "postgres.new"
    program = place.python(USER, str(place.data_dir))
    until((unfinished / "PG_VERSION").exists)
    program.kill()
    start_user(place)
    assert ask(place, "SELECT 1") == 1
    assert not unfinished.exists()


def interpreters_for_anybody() -> list[str]:
    """Interpreters like this one that a user without any rights can run. None unless we are root, who can try."""
    if os.geteuid() != 0:
        return []
    found = [sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")]
    return [path for path in found if path and _nobody_can_run(path)][:1]


def _nobody_can_run(path: str) -> bool:
    try:
        return subprocess.run([path, "-c", ""], user=65534, group=65534, extra_groups=[], check=False).returncode == 0
    except PermissionError:
        return False


@pytest.mark.parametrize("python", interpreters_for_anybody())
def test_it_runs_for_a_user_without_rights(tmp_path: Path, python: str) -> None:
    place = Place(tmp_path)
    tmp_path.chmod(0o755)
    postgres._let_others_pass(tmp_path)
    place.data_dir.mkdir()
    os.chown(place.data_dir, 65534, 65534)
    code = USER.replace(
        "sys.stdin.read()", "import os; print(os.getuid(), Path(sys.argv[1], 'postgres').stat().st_uid)"
    )
    done = subprocess.run(
        [python, "-c", code, str(place.data_dir)],
        env=place.environment(PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
        cwd=tmp_path,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["SERVED", "65534", "65534"], done.stderr
    place.close()


def site_packages() -> Path:
    return postgres.PROGRAMS.parents[2]


def test_what_the_server_is_made_of_is_opened_to_its_user(used: Place) -> None:
    """Also what lies beside its package: under a umask of 077 only root could read that."""
    start_user(used)
    (server,) = used.servers()
    opened = (postgres.PROGRAMS.parent, *postgres.LIBRARIES)
    parts = [Path(part.path) for part in server.memory_maps() if Path(part.path).is_relative_to(site_packages())]
    assert parts
    assert [part for part in parts if not any(part.is_relative_to(folder) for folder in opened)] == []


@pytest.mark.parametrize("owner", [os.geteuid()])
def test_libraries_that_only_root_may_read_are_opened(
    shared: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int
) -> None:
    libraries = tmp_path / "libraries"
    libraries.mkdir(mode=0o700)
    (libraries / "libpq.so").touch(mode=0o600)
    monkeypatch.setattr(postgres, "LIBRARIES", (libraries,))
    postgres._execute("pg_ctl", shared.data_dir / "postgres", "--version")
    expected = (0o755, 0o655) if owner == 0 else (0o700, 0o600)
    assert tuple(stat.S_IMODE(path.stat().st_mode) for path in (libraries, libraries / "libpq.so")) == expected


@pytest.mark.parametrize("program", [path for path in ("/usr/sbin/useradd",) if Path(path).exists()])
def test_users_are_made_also_where_the_path_names_no_folder_of_roots(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin")
    assert postgres._useradd() == program


def test_a_machine_without_useradd_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_words, **_options: None)
    with pytest.raises(OSError, match="there is no useradd to make it"):
        postgres._user("nobody-of-this-name")
