"""The installed command `dotdigital-sandbox`, also `python -m dotdigital_sandbox`."""

from __future__ import annotations

import sys
from importlib.metadata import version

OURS = {"msgspec", "python_multipart", "starlette", "typer", "uvicorn"}


def main() -> None:
    """Run the command. Ends with 2, and says so in one line, when a part is not installed that it needs."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"dotdigital-sandbox {version('dotbridge')}\n")
        return
    try:
        from dotdigital_sandbox.cli import main as run  # noqa: PLC0415 - it may not be there to be imported

        run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OURS:
            raise
        sys.stderr.write(f"This needs {error.name}, which is not installed: pip install 'dotbridge[sandbox]'\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
