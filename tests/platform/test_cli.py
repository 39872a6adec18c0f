"""The other commands, each as a real program on one shared place."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from django.db import connection

from dotbridge import cli
from dotdigital_sandbox import Sandbox
from tests.platform.place import Place, children, free_port, own_folder, until

PASSWORD = "Rainy-Afternoon-7"
NEW_INTEGRATION = """
from dotbridge.starting import start; start()
from dotbridge.integrations.services import create_integration
import sys
create_integration(name=sys.argv[1], username=sys.argv[2], password=sys.argv[3], base_url=sys.argv[4])
"""


class Office(Place):
    """A place with a migrated database and an account to connect to."""

    sandbox: Sandbox

    def add_integration(self, name: str, *, url: str = "", password: str = PASSWORD) -> None:
        words = [name, self.sandbox.user, password, url or self.sandbox.url]
        assert self.python(NEW_INTEGRATION, *words).wait(60) == 0, self.output

    def rest_integrations(self) -> None:
        """Nobody works with those there are any more, and their account is free for another one."""
        done = self.run(
            "manage", "shell", "--verbosity", "0", "--command",
            "from dotbridge.integrations.models import Integration;"
            " Integration.objects.update(is_active=False, account_id=None)",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def own_place() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def office_once(own_place: Path) -> Iterator[Office]:
    office = Office(own_place)
    with Sandbox(own_place / "account", seed="demo", password=PASSWORD) as office.sandbox:
        office.sandbox_port = int(office.sandbox.url.rpartition(":")[2])
        unmigrated = {word: office.run(word) for word in ("sync", "serve", "worker", "doctor")}
        for word, done in unmigrated.items():
            (office.folder / f"unmigrated-{word}").write_text(f"{done.returncode}\n{done.stderr or done.stdout}")
        helped = office.run("consent", "--help")
        assert (helped.returncode, "verify" in helped.stdout) == (0, True), "help is given to whoever has nothing yet"
        done = office.run("migrate")
        assert done.returncode == 0, done.stderr
        office.add_integration("Shop [/] [eu]")
        yield office
    office.close()


@pytest.fixture
def office(office_once: Office) -> Office:
    return office_once


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that could not do its work: one line, exit code 2, nothing else."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize("word", ["sync", "serve", "worker"])
def test_without_its_tables_a_command_names_the_one_that_makes_them(office: Office, word: str) -> None:
    code, text = (office.folder / f"unmigrated-{word}").read_text().strip().split("\n")
    assert code == "2"
    assert text.endswith("migrations are not applied to the database; run `dotbridge migrate` first.")


def test_the_doctor_sees_missing_tables_and_stops_there(office: Office) -> None:
    code, *lines = (office.folder / "unmigrated-doctor").read_text().splitlines()
    assert code == "1"
    assert lines[0].startswith("ok   database               PostgreSQL 18, embedded")
    assert lines[-1].startswith("FAIL migrations")
    assert lines[-1].endswith("not applied; run `dotbridge migrate`")


@pytest.mark.parametrize(("word", "kind"), [("sync", "sync"), ("import", "import"), ("export", "export")])
def test_a_run_for_scripts_is_one_object(office: Office, word: str, kind: str) -> None:
    done = office.run(word, "--json", "--integration", "Shop [/] [eu]")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["integration"], run["kind"], run["state"]) == ("Shop [/] [eu]", kind, "succeeded")
    assert {step["state"] for step in run["steps"]} <= {"succeeded", "skipped"}
    assert run["lists"] == {}


def test_names_with_brackets_are_shown_as_they_are(office: Office) -> None:
    done = office.run("import")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Shop [/] [eu]\n")


@pytest.mark.parametrize(("word", "shown"), [("doctor", "account ?Shop"), ("import", "Shop [/] [eu]\n")])
def test_a_locale_that_lacks_letters_ends_nothing(office: Office, word: str, shown: str) -> None:
    done = office.run(word, PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize("word", ["sync", "import", "export"])
def test_an_unknown_integration_is_one_line_with_those_there_are(office: Office, word: str) -> None:
    text = one_line(office.run(word, "--integration", "Shpo"))
    assert text.startswith("--integration='Shpo' is not an integration; there are: Shop [/] [eu] (")


def test_a_run_that_fails_ends_with_1_and_says_why(office: Office) -> None:
    office.add_integration("Elsewhere", password="wrong")
    done = office.run("import", "--json", "-i", "Elsewhere")
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "failed"
    assert json.loads(done.stdout)["message"] in done.stderr
    assert "Traceback" not in done.stderr


HOLDER = """
from dotbridge.starting import start; start()
import sys
from dotbridge.integrations.models import Integration
from dotbridge.sync.locks import integration_lock
with integration_lock(Integration.objects.get(name="Shop [/] [eu]").pk):
    print("HELD", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_could_not_begin_ends_with_2(office: Office) -> None:
    holder = office.python(HOLDER)
    until(lambda: "HELD" in office.output)
    done = office.run("import", "--json", "-i", "Shop [/] [eu]")
    holder.kill()
    holder.wait()
    assert done.returncode == 2
    assert json.loads(done.stdout)["state"] == "skipped"


def test_whoever_has_no_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 1_234_567)
    assert cli.name_of_caller() == "user 1234567"


def test_the_doctor_names_each_account_that_cannot_be_used(office: Office) -> None:
    office.rest_integrations()
    office.add_integration("Good")
    office.add_integration("Wrong password", password="wrong")
    office.add_integration("Foreign host", url="https://api.example.com")
    done = office.run("doctor")
    lines = {line[5:].split("”")[0] + "”": line for line in done.stdout.splitlines() if "account" in line}
    assert done.returncode == 1
    assert lines["account “Good”"].startswith("ok   ")
    for name in ("Wrong password", "Foreign host"):
        line = lines[f"account “{name}”"]
        assert line.startswith("FAIL ")
        assert len(line) > 60, "it says what to do"
    assert PASSWORD not in done.stdout + done.stderr
    assert "FAIL worker                 none is alive; start `dotbridge worker` or `dotbridge serve`" in done.stdout


def test_the_doctor_sees_an_account_that_does_not_answer(office: Office) -> None:
    port = free_port()
    office.rest_integrations()
    office.add_integration("Silent", url=f"http://127.0.0.1:{port}")
    done = office.run("doctor", DOTBRIDGE_API_ORIGINS=f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "account “Silent”" in line]
    assert line.startswith("FAIL ")


def test_a_lost_key_is_seen_and_the_former_one_helps(office: Office) -> None:
    office.rest_integrations()
    office.add_integration("Shop")
    former, new = (office.data_dir / "secret_key").read_text().strip(), "n" * 40
    lost = office.run("doctor", DOTBRIDGE_SECRET_KEY=new)
    (line,) = [line for line in lost.stdout.splitlines() if line[5:].startswith("key of “Shop”")]
    assert line.startswith("FAIL ")
    assert "add the former key to DOTBRIDGE_SECRET_KEYS" in line
    assert "FAIL account “Shop”" in lost.stdout
    both = office.run("doctor", DOTBRIDGE_SECRET_KEYS=f"{new},{former}")
    assert "ok   key of “Shop”" in both.stdout
    assert "ok   account “Shop”" in both.stdout
    assert former not in lost.stdout + both.stdout


SEED = """
from dotbridge.starting import start; start()
from dotbridge.consent.keys import hash_key
print(hash_key().seed)
"""
SIGN_ON = """
from dotbridge.starting import start; start()
from dotbridge.integrations.models import Integration
from dotbridge.studio.services import set_up_sign_on
set_up_sign_on(integration=Integration.objects.get(name="Rotated"), client_id="c", secret="s", domain="")
from dotbridge.encryption import seal
from dotbridge.scheduled_files.models import ScheduledFile
ScheduledFile.objects.create(name="Nightly", entity="crm.contact", url="/x", is_active=False, sealed_secret=seal("s"))
"""


BY_WHOM = """
from dotbridge.starting import start; start()
from dotbridge.audit.models import AuditEntry
sealed = AuditEntry.objects.filter(verb="UPDATE", changes__has_any_keys=["password_sealed", "secret_sealed"])
print(set(sealed.filter(origin="").values_list("model", flat=True)))
"""


def test_rotated_keys_make_the_former_one_needless(office: Office) -> None:
    """Every secret that is stored: the passwords of the API users, those of single sign-ons and of scheduled files, and
    the key that erased addresses are known by."""
    office.rest_integrations()
    office.add_integration("Rotated")
    assert office.python(SIGN_ON).wait(60) == 0, office.output
    assert office.python(SEED).wait(60) == 0
    seed = office.output.split()[-1]
    former, new = (office.data_dir / "secret_key").read_text().strip(), "r" * 40
    subjects = (
        "key of “Rotated”",
        "key of single sign-on “Rotated”",
        "key of erased addresses",
        "key of file “Nightly”",
    )

    before = office.run("doctor", DOTBRIDGE_SECRET_KEYS=f"{new},{former}").stdout.splitlines()
    for subject in subjects:
        (line,) = [line for line in before if line[5:].startswith(subject)]
        assert line.startswith("ok ")
        assert "run `dotbridge keys rotate`" in line

    lost = office.run("keys", "rotate", DOTBRIDGE_SECRET_KEYS="l" * 40)
    assert lost.returncode == 2
    assert "the password of “Rotated”" in lost.stderr
    assert "the client secret of the single sign-on of “Rotated”" in lost.stderr
    assert "the key that erased addresses are recognised by" in lost.stderr

    done = office.run("keys", "rotate", DOTBRIDGE_SECRET_KEYS=f"{new},{former}")
    assert done.returncode == 0, done.stderr
    after = office.run("doctor", DOTBRIDGE_SECRET_KEYS=new).stdout.splitlines()
    for subject in subjects:
        (line,) = [line for line in after if line[5:].startswith(subject)]
        assert line.startswith("ok ")
        assert "rotate" not in line
    assert office.python(SEED, DOTBRIDGE_SECRET_KEYS=new).wait(60) == 0
    assert office.output.split()[-1] == seed
    assert office.python(BY_WHOM, DOTBRIDGE_SECRET_KEYS=new).wait(60) == 0
    assert office.output.split()[-1] == "set()", "the audit names who sealed the secrets anew"
    back = office.run("keys", "rotate", DOTBRIDGE_SECRET_KEYS=f"{former},{new}")
    assert back.returncode == 0, back.stderr


def test_a_database_that_does_not_answer_is_one_line(place: Place) -> None:
    url = f"postgresql://crm:{PASSWORD}@127.0.0.1:{free_port()}/crm"
    text = one_line(place.run("sync", DATABASE_URL=url))
    assert text.startswith("The database cannot be used: ")
    assert "Connection refused" in text
    assert PASSWORD not in text
    seen = place.run("doctor", DATABASE_URL=url)
    assert seen.returncode == 1
    assert seen.stdout.startswith("FAIL database               It cannot be reached: ")
    assert PASSWORD not in seen.stdout + seen.stderr


@pytest.mark.django_db
def test_what_the_database_does_not_let_its_user_do_is_one_line(place: Place) -> None:
    """Since PostgreSQL 15 a user who does not own the database makes no tables in it."""
    found, clerk = connection.settings_dict, f"clerk_{os.getpid()}"
    server = {name: found[name.upper()] for name in ("host", "user", "password")} | {"port": found["PORT"] or 5432}
    url = f"postgresql://{clerk}:{PASSWORD}@:{server['port']}/{clerk}?host={quote(found['HOST'], safe='')}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as link:
        link.execute(f"CREATE ROLE {clerk} LOGIN PASSWORD '{PASSWORD}'")
        link.execute(f"CREATE DATABASE {clerk}")
        try:
            refused = place.run("migrate", DATABASE_URL=url)
            link.execute(f"ALTER DATABASE {clerk} OWNER TO {clerk}")
            link.execute(f"ALTER ROLE {clerk} SET default_transaction_read_only = on")
            read_only = place.run("migrate", DATABASE_URL=url)
        finally:
            link.execute(f"DROP DATABASE {clerk} WITH (FORCE)")
            link.execute(f"DROP ROLE {clerk}")
    assert (refused.returncode, read_only.returncode) == (2, 2)
    (line,) = refused.stderr.splitlines()
    assert "permission denied for schema public" in line
    assert "GRANT" in line
    (line,) = read_only.stderr.splitlines()
    assert line.startswith("The database can only be read: ")


def test_a_contact_file_is_loaded_and_reported(office: Office) -> None:
    path = office.folder / "contacts.csv"
    path.write_bytes("E-Mail;Vorname;Nachname\nj@example.com;Jörg;Müller\nnot an address;A;B\n".encode("latin-1"))
    done = office.run("crm", "load", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    again = office.run("crm", "load", str(path))
    assert again.returncode == 0, again.stderr
    assert "not an address" in again.stdout


def test_a_contact_file_whose_encoding_is_not_sure_is_asked_about(office: Office) -> None:
    path = office.folder / "unsure.csv"
    path.write_bytes("E-Mail,Last name\na@example.com,Pir\u00e8\n".encode("cp1252"))
    asked = office.run("crm", "load", str(path), "--json")
    assert asked.returncode == 2
    assert {each["encoding"] for each in json.loads(asked.stdout)["encoding_candidates"]} >= {"cp1252", "cp1250"}
    done = office.run("crm", "load", str(path), "--encoding", "cp1252", "--columns", "Last name=notes", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Last name (notes)" in done.stdout


def test_a_contact_file_that_is_none_is_one_line(office: Office) -> None:
    path = office.folder / "nothing.csv"
    path.write_bytes(b"")
    assert "nothing.csv" in one_line(office.run("crm", "load", str(path)))


def test_a_file_that_is_not_there_is_told_as_usage(office: Office) -> None:
    done = office.run("crm", "load", "missing.csv")
    assert done.returncode == 2
    assert "missing.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_manage_runs_djangos_commands_with_their_own_options(office: Office) -> None:
    done = office.run("manage", "check", "--help")
    assert done.returncode == 0
    assert "usage: dotbridge manage check" in done.stdout


def test_the_audit_names_who_made_an_account_at_the_command_line(office: Office) -> None:
    made = office.run("manage", "createsuperuser", "--noinput", "--username", "maker", "--email", "m@example.com",
                      DJANGO_SUPERUSER_PASSWORD=PASSWORD)  # fmt: skip
    assert made.returncode == 0, made.stderr
    asked = office.run(
        "manage", "shell", "--verbosity", "0", "--command",
        "from dotbridge.audit.models import AuditEntry;"
        " print(AuditEntry.objects.filter(model='auth.user', record='maker').values_list('actor', 'origin').get())",
    )  # fmt: skip
    assert asked.stdout.strip() == str((getpass.getuser(), "command line"))


def test_migrate_again_does_nothing(office: Office) -> None:
    done = office.run("migrate")
    assert done.returncode == 0
    assert "No migrations to apply." in done.stdout


def test_web_and_worker_are_served_together(office: Office) -> None:
    program = office.start("serve")

    def answers() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{office.port}/login/").status_code == 200
        except httpx2.TransportError:
            return False

    until(answers)
    programs = children(program)
    assert len(programs) == 2
    until(lambda: "at least one is alive" in office.run("doctor").stdout)
    again = office.run("serve")
    assert again.returncode == 2
    assert "another program listens on it" in again.stderr
    program.terminate()
    assert program.wait(20) == 0
    assert not any(process.is_running() for process in programs)


def test_files_are_their_owners_alone(office: Office) -> None:
    files = [path for path in office.data_dir.rglob("*") if path.is_file()]
    assert office.data_dir / "postgres.lock" in files
    assert [path for path in files if path.stat().st_mode & 0o077] == []
    folders = [path for path in office.data_dir.rglob("*") if path.is_dir()]
    # The database's user has to pass through, and sees nothing on its way.
    assert [path for path in folders if path.stat().st_mode & 0o066] == []


def test_an_integration_is_moved_only_when_somebody_is_sure(office: Office) -> None:
    office.add_integration("Moving")
    said = office.run("move-integration", "Moving")
    assert (said.returncode, "--yes" in said.stdout) == (0, True), said.stderr
    done = office.run("move-integration", "Moving", "--yes")
    assert (done.returncode, done.stdout.startswith("Moved.")) == (0, True), done.stderr
    office.rest_integrations()


def test_help_names_every_command(place: Place) -> None:
    done = place.run("--help")
    assert done.returncode == 0
    for word in (
        "demo",
        "serve",
        "web",
        "worker",
        "sync",
        "import",
        "export",
        "doctor",
        "migrate",
        "manage",
        "crm",
        "keys",
        "move-integration",
    ):
        assert f" {word} " in done.stdout
