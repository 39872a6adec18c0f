"""Writes the table of docs/roles.md anew from the definition of the roles: `.venv/bin/python tools/roles_table.py`."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

BEGIN, END = "<!-- made by tools/roles_table.py -->\n", "<!-- end -->"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "roles.md"


def roles_table() -> str:
    """Whom each role is for, and the table role x action, in Markdown. Django must be set up."""
    from dotbridge.backoffice.roles import ACTIONS, ROLES  # noqa: PLC0415 - it needs Django's settings

    lines = [f"- **{role.name}**: {role.text}" for role in ROLES]
    lines += ["", "| | " + " | ".join(str(role.name) for role in ROLES) + " |"]
    lines.append("| --- |" + " :-: |" * len(ROLES))
    for action in ACTIONS:
        cells = ["yes" if action.key in role.may else "" for role in ROLES]
        lines.append(f"| {action.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write() -> None:
    """Put it into the page, between its marks."""
    before, _begin, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{roles_table()}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    import django

    django.setup()
    write()
