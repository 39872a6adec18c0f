"""What stands behind the ? of a `DATABASE_URL`: Django's own parameters are read as what they say."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dotbridge.choosable import read_flag

_FLAGS = {"atomic_requests", "autocommit", "disable_server_side_cursors", "conn_health_checks", "pool"}
_SECONDS = "conn_max_age"
# What django-environ gives to Django and not to PostgreSQL.
_DJANGOS = {*_FLAGS, _SECONDS, "engine"}


def database_settings(url: str) -> dict[str, Any]:
    """What Django is told of the database. The library leaves "false" a text, which would count as true."""
    import environ  # noqa: PLC0415 - a host's project reads no environment of ours

    found: dict[str, Any] = environ.Env.db_url_config(url)
    for name, value in parse_qsl(urlsplit(url).query):
        if name.lower() == "pool":
            found["OPTIONS"]["pool"] = read_flag(value)
        elif name.lower() in _FLAGS:
            found[name.upper()] = read_flag(value)
        elif name.lower() == _SECONDS:
            found[name.upper()] = _seconds(value)
    return found


def wrong_parameter(query: str) -> tuple[str, str]:
    """The first parameter that cannot be used, and why; two empty texts where all can."""
    from psycopg.pq import Conninfo  # noqa: PLC0415 - a host's project has its own way to its database

    known = {*(option.keyword.decode() for option in Conninfo.get_defaults()), *_DJANGOS}
    for name, value in sorted(parse_qsl(query)):
        if name.lower() not in known:
            return name, "PostgreSQL knows no such parameter"
        try:
            if name.lower() in _FLAGS:
                read_flag(value)
            elif name.lower() == _SECONDS:
                _seconds(value)
        except ValueError:
            return name, "it is true or false" if name.lower() in _FLAGS else "it is a number of seconds, or none"
    return "", ""


def _seconds(text: str) -> int | None:
    return None if text.lower() == "none" else int(text)
