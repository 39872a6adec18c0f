"""Whether Django's database is the embedded server, and what keeps that up.

The server belongs to a database engine of its own, so it runs if, and only if, the settings name it:

    DATABASES = {"default": {"ENGINE": "dotbridge.embedded", "DATA_DIR": BASE_DIR / "var"}}
"""

from __future__ import annotations

from pathlib import Path

from django.db import connection

ENGINE = "dotbridge.embedded"


def data_dir() -> Path | None:
    """The data folder of the embedded server, None where the database is any other."""
    found = connection.settings_dict
    return Path(found["DATA_DIR"]).resolve() if found["ENGINE"] == ENGINE else None


def bring_up(*, stand_by: bool = False) -> None:
    """Start the embedded server if it is the database; with `stand_by` again whenever it was killed.

    Raises PostgresError.
    """
    if (folder := data_dir()) is not None:
        from dotbridge import postgres  # noqa: PLC0415 - its programs are installed only where somebody uses them

        postgres.ensure_running(folder)
        if stand_by:
            postgres.stand_by(folder)
