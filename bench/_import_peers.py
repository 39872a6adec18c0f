"""The peers of `import_contacts`, and its ceiling: other ways to bring the same contacts into the same tables."""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _common import AUTHORIZATION, PASSWORD, USER

__all__ = ["PASSWORD", "PEERS", "USER", "bare_copy", "ceiling", "prepare_bare_copy", "prepare_ceiling"]

PAGE = 1_000
CHUNK = 1024 * 1024
# Contacts before what refers to them.
FILLED = ("dotbridge_mirror_contact", "dotbridge_mirror_membership")
DLT = "dlt[postgres]==1.31.0"


def pages(rows: int) -> Iterator[tuple[Any, list[Any]]]:
    """The book, and its contacts page by page, each contact once, up to so many."""
    from dotbridge.integrations.services import open_account
    from dotbridge.mirror.models import AddressBook

    book = AddressBook.objects.select_related("integration").get()
    done = 0
    with open_account(book.integration) as account:
        account.connect()
        for page in account.address_book(book.remote_id).contacts(page_size=PAGE, overlap=0):
            yield book, page.items[: rows - done]
            done += len(page.items)
            if done >= rows:
                return


def timed(work: Any, rows: int) -> dict[str, Any]:
    """Seconds that a way of storing pages takes, reading included."""
    done, started = 0, time.perf_counter()
    for book, contacts in pages(rows):
        work(book, contacts)
        done += len(contacts)
    return {"rows": done, "seconds": time.perf_counter() - started}


def row_at_a_time(*, rows: int, **_: Any) -> dict[str, Any]:
    """As connectors do it that know nothing but the ORM."""
    from django.db import transaction
    from django.utils import timezone

    from dotbridge.mirror.models import Contact, Membership

    def store(book: Any, contacts: list[Any]) -> None:
        with transaction.atomic():
            for row in contacts:
                contact = Contact.objects.filter(integration=book.integration, remote_id=row.id).first()
                contact = contact or Contact(integration=book.integration, remote_id=row.id)
                for name, value in values_of(row).items():
                    setattr(contact, name, value)
                contact.save()
                membership = Membership.objects.filter(address_book=book, contact=contact).first()
                membership = membership or Membership(address_book=book, contact=contact)
                membership.listed_at = timezone.now()
                membership.save()

    return timed(store, rows)


def bulk_create(*, rows: int, **_: Any) -> dict[str, Any]:
    """Django's own upsert, a page at a time."""
    from django.db import transaction
    from django.utils import timezone

    from dotbridge.mirror.models import Contact, Membership

    def store(book: Any, contacts: list[Any]) -> None:
        given = [Contact(integration=book.integration, remote_id=row.id, **values_of(row)) for row in contacts]
        with transaction.atomic():
            stored = Contact.objects.bulk_create(
                given,
                update_conflicts=True,
                unique_fields=["integration", "remote_id"],
                update_fields=list(values_of(contacts[0])),
            )
            Membership.objects.bulk_create(
                [Membership(address_book=book, contact=contact, listed_at=timezone.now()) for contact in stored],
                update_conflicts=True,
                unique_fields=["address_book", "contact"],
                update_fields=["listed_at"],
            )

    return timed(store, rows)


def values_of(row: Any) -> dict[str, Any]:
    """A contact of the API as the mirror's fields."""
    from django.utils import timezone

    fields = {field.key: field.value for field in row.data_fields}
    return {
        "email": row.email,
        "email_key": row.email.lower(),
        "status": row.status,
        "opt_in_type": row.opt_in_type,
        "email_type": row.email_type,
        "data_fields": fields,
        "last_subscribed_at": fields["LASTSUBSCRIBED"],
        "updated_at": timezone.now(),
    }


def dlt(*, rows: int, folder: str, url: str) -> dict[str, Any]:
    """dlt in an environment of its own, made for this; no seconds where it cannot be had."""
    from django.conf import settings

    from dotbridge.mirror.models import AddressBook

    place = Path(folder) / "dlt"
    if not installed(place):
        return {"rows": 0, "seconds": None}
    task = {
        "rows": rows,
        "url": f"{url}/v2/address-books/{AddressBook.objects.get().remote_id}",
        "authorization": AUTHORIZATION,
        "folder": str(place),
        "database": {name.lower(): settings.DATABASES["default"][name] for name in ("NAME", "USER", "HOST", "PORT")},
    }
    script = Path(__file__).with_name("_dlt_contacts.py")
    command = [str(place / "bin" / "python"), str(script), json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def installed(place: Path) -> bool:
    """Whether dlt could be installed into an environment at this place; if not, what was said goes to stderr."""
    if (place / "bin" / "python").exists():
        return True
    uv = shutil.which("uv")
    if uv:
        steps = [[uv, "venv", "--quiet", "--python", sys.executable, str(place)]]
        steps += [[uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), DLT]]
    else:
        steps = [[sys.executable, "-m", "venv", str(place)]]
        steps += [[str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", DLT]]
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"{DLT} could not be installed, so it is left out: {done.stderr.strip()}", file=sys.stderr)
            return False
    return True


PEERS = {"row_at_a_time": row_at_a_time, "bulk_create": bulk_create, "dlt": dlt}


def prepare_ceiling(folder: Path, rows: int) -> None:
    """The rows as the import hands them to the database, one file a batch, each row once."""
    from dotbridge.sync.inbound.contacts import batches
    from dotdigital import Page

    place = folder / "ceiling"
    place.mkdir()
    ready = (Page(contacts) for _book, contacts in pages(rows))
    for number, batch in enumerate(batches(ready)):
        (place / f"{number:06}").write_bytes(batch.lines)


def ceiling(*, folder: str) -> dict[str, Any]:
    """The import's own statements, in its own batches and transactions, with bytes that are there already."""
    from django.db import transaction
    from django.utils import timezone

    from dotbridge.mirror.models import AddressBook
    from dotbridge.sync.inbound.stage import measure_tables, merge_members

    book = AddressBook.objects.select_related("integration").get()
    new, now, started = 0, timezone.now(), time.perf_counter()
    for number, path in enumerate(sorted((Path(folder) / "ceiling").iterdir())):
        with transaction.atomic():
            new += merge_members(book, path.read_bytes(), now).new
        if number == 0:
            measure_tables()
    return {"new": new, "seconds": time.perf_counter() - started}


def prepare_bare_copy(folder: Path) -> None:
    """The rows as they stand in the tables after an import, one file a table."""
    from django.db import connection

    place = folder / "bare"
    place.mkdir(exist_ok=True)
    for table in FILLED:
        with (
            (place / table).open("wb") as file,
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} TO STDOUT") as copy,
        ):
            file.writelines(copy)


def bare_copy(*, folder: str) -> dict[str, Any]:
    """The same rows into the same tables and indexes, with nothing but COPY: no look at what is there, no batches."""
    from django.db import connection, transaction

    started, copied = time.perf_counter(), []
    with transaction.atomic(), connection.cursor() as cursor:
        for table in FILLED:
            with (Path(folder) / "bare" / table).open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while chunk := file.read(CHUNK):
                    copy.write(chunk)
            copied.append(int(cursor.rowcount))
    return {"new": copied[0], "memberships": copied[1], "seconds": time.perf_counter() - started}
