"""`manage.py dotbridge`: the whole command line, with the project's own settings and database."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import get_language, override


class Command(BaseCommand):
    """Hands over to the command line, which has its own help, options and exit codes."""

    help = "Marketing lists in step with Dotdigital: sync, import, export, doctor, worker and more; --help lists them."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """What comes behind the name is the command line's, options of Django's like `--version` too."""
        self._hand_over(argv[2:], name=f"{Path(argv[0]).name} dotbridge")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """For `call_command("dotbridge", "sync", "--json")`."""
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *_arguments: Any, words: list[str], **_options: Any) -> None:
        """Run it, and end quietly where it ends well."""
        try:
            # The command line speaks a language of its own; whoever calls it from their code keeps theirs.
            with override(get_language()):
                self._hand_over(words, name="manage.py dotbridge")
        except SystemExit as end:
            if end.code:
                raise

    @staticmethod
    def _hand_over(words: list[str], *, name: str) -> None:
        from dotbridge.cli import main  # noqa: PLC0415 - only whoever runs it needs what it is made of

        main(words, name=name)
