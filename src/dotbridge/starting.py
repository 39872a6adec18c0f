"""How each command begins: with the settings that it was given, the standalone product's or a host's own."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from dotbridge.conf import is_standalone
from dotbridge.config import Config, read_config
from dotbridge.errors import OperatorError

OWN_SETTINGS = "dotbridge.settings"


def start() -> None:
    """Have Django ready, with the project's own database. Raises OperatorError for a setting that cannot be used.

    Without DJANGO_SETTINGS_MODULE this is the standalone product. An embedded server is started where the settings
    name it, and nowhere else.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", OWN_SETTINGS)
    _find_settings()
    import django  # noqa: PLC0415 - see above

    django.setup()
    from dotbridge import embedded  # noqa: PLC0415 - Django knows its settings now
    from dotbridge.checks import require_sound_settings  # noqa: PLC0415 - see above

    require_sound_settings()
    embedded.bring_up()


def start_standalone() -> Config:
    """The same for what the standalone product alone has; answers its configuration. Raises OperatorError in a host."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", OWN_SETTINGS)
    _find_settings()
    if not is_standalone():
        raise OperatorError(
            "This is for the standalone product only. Your project serves its own pages, with the back office among "
            "them; beside it run `manage.py dotbridge worker`."
        )
    config = read_config()
    start()
    return config


def _find_settings() -> None:
    """Let the settings be found in the working folder: an installed command has its own folder in that place."""
    here = str(Path.cwd())
    if os.environ["DJANGO_SETTINGS_MODULE"] != OWN_SETTINGS and here not in sys.path:
        sys.path.insert(0, here)


def quiet() -> None:
    """The terminal shows what happens; its log lines would only stand between."""
    logging.getLogger("dotbridge").setLevel(logging.WARNING)


def require_migrated() -> None:
    """Raise OperatorError when the database lacks migrations."""
    from dotbridge.doctor import require_migrations  # noqa: PLC0415 - it needs Django's settings

    require_migrations()
