"""What makes the tests' database quick: nothing waits for the disk, and a test empties no more than it filled."""

from __future__ import annotations

from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from psycopg import sql

# Written once, after the migrations, and the same for each test.
KEPT = ("django_content_type", "auth_permission")
# Of more bytes than this a table is not emptied row by row: the rows gone would slow the next tests down.
SMALL = 256 * 1024


def do_not_wait_for_the_disk(link: psycopg.Connection[Any]) -> None:
    """The tests' data need not outlive the machine, and nobody but a test itself asks for its planner's statistics."""
    for setting in ("fsync", "full_page_writes", "autovacuum"):
        link.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    link.execute("SELECT pg_reload_conf()")


def empty_only_what_is_filled() -> None:
    """Have a test with commits of its own end by emptying the tables that it filled.

    Django truncates them all and makes content types and permissions anew, which takes longer than most of our tests.
    """
    made = _kept_rows()

    def empty(_test: TransactionTestCase) -> None:
        if _kept_rows() != made:
            call_command("flush", verbosity=0, interactive=False)
        else:
            _empty_filled_tables()

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]


def _kept_rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', count(*), sum(id), max(id) FROM {name}" for name in KEPT))
        return cursor.fetchall()


def _empty_filled_tables() -> None:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        # A table that was analysed keeps its statistics unless it is truncated, and so would the next test.
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT quote_ident('{name}'), pg_relation_size(c.oid) > {SMALL} OR c.reltuples >= 0 "
                f"FROM pg_class c WHERE c.oid = quote_ident('{name}')::regclass "
                f"AND EXISTS (SELECT FROM {connection.ops.quote_name(name)})"
                for name in names
                if name not in KEPT
            )
        )
        filled = cursor.fetchall()
        cursor.execute("SHOW is_superuser")
        (is_superuser,) = cursor.fetchone()
        large = [name for name, is_large in filled if is_large or is_superuser == "off"]
        statements = [f"TRUNCATE {', '.join(large)} CASCADE"] if large else []
        statements += [f"DELETE FROM {name}" for name, _is_large in filled if name not in large]
        if is_superuser == "on":
            # Neither foreign keys nor triggers that note or refuse it: the whole of it goes.
            replica, origin = (f"SET session_replication_role = {role}" for role in ("replica", "origin"))
            statements = [replica, *statements, origin]
        if filled:
            cursor.execute("; ".join(statements))
