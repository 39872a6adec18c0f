"""Django's database engine for the embedded PostgreSQL: the server is there when somebody connects.

Named by `ENGINE`, as Django wants it: this module is the engine's `base`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

try:
    from dotbridge import postgres
except ModuleNotFoundError as error:  # pragma: no cover - an installation without it has no tests
    raise ImproperlyConfigured(
        f"The embedded PostgreSQL needs {error.name}: pip install 'dotbridge[app]', or name a PostgreSQL server."
    ) from error


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded server of the folder `DATA_DIR`, which is started when it does not run yet."""

    def __init__(self, settings_dict: dict[str, Any], *arguments: Any, **named: Any) -> None:
        if not settings_dict.get("DATA_DIR"):
            raise ImproperlyConfigured("The embedded database needs DATA_DIR, the folder that it keeps its data in.")
        # Only what is not said: test databases have a name of their own, and None is Django's word for no database.
        for name, value in postgres.django_database(_folder(settings_dict)).items():
            if settings_dict.get(name, "") == "":
                settings_dict[name] = value
        super().__init__(settings_dict, *arguments, **named)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection, once the server runs. Raises PostgresError when it does not start."""
        postgres.ensure_running(_folder(self.settings_dict))
        return super().get_new_connection(conn_params)


def _folder(settings_dict: dict[str, Any]) -> Path:
    return Path(settings_dict["DATA_DIR"]).resolve()
