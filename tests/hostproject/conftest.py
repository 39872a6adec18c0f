"""A shop of somebody else's, with its own settings, on the tests' database server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from dotbridge import embedded, postgres
from dotdigital_sandbox import Sandbox
from tests.conftest import DATA_DIR
from tests.hostproject.shop_floor import ShopFloor


def server() -> dict[str, str]:
    """Where the tests' PostgreSQL is: the embedded one, or the one that DATABASE_URL names."""
    if embedded.data_dir() is not None:
        postgres.ensure_running(DATA_DIR)
        found = {**postgres.django_database(DATA_DIR), "PASSWORD": ""}
    else:
        found = {
            name: str(settings.DATABASES["default"].get(name, "")) for name in ("HOST", "PORT", "USER", "PASSWORD")
        }
    return {name: found[name] for name in ("HOST", "PORT", "USER", "PASSWORD")}


def administer(statement: str, name: str, **more: str) -> None:
    """Make or drop a database, or anything else that is done from another one."""
    found = server()
    where = {
        "host": found["HOST"],
        "port": found["PORT"] or "5432",
        "user": found["USER"],
        "password": found["PASSWORD"],
        "dbname": more.get("dbname", "postgres"),
    }
    with psycopg.connect(**{key: value for key, value in where.items() if value}, autocommit=True) as link:
        link.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def database() -> Iterator[dict[str, str]]:
    """A database of the shop's own; gone afterwards."""
    name = f"test_dotbridge_{os.getpid()}_shop"
    administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    administer("CREATE DATABASE {}", name)
    yield {**server(), "NAME": name}
    administer("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="module")
def shop(database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopFloor]:
    """The shop, its tables made, its account empty."""
    folder: Path = tmp_path_factory.mktemp("account")
    with Sandbox(folder, seed="empty") as sandbox:
        found = ShopFloor(database, sandbox)
        found.manage("migrate", "-v", "0")
        yield found
