"""Take back what a load of a file has changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad
from dotbridge.files.services import undo_load

DECIDE = 2


class Command(BaseCommand):
    """`undo_file_load NUMBER`, within a day of the load."""

    help = "Takes back what a load has changed. What others changed since, and what the file said of opting out, stays."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which load."""
        parser.add_argument("number", type=int, help="the number that the load was given")

    def handle(self, *_args: Any, number: int, **_options: Any) -> None:
        """Print what was taken back."""
        load = FileLoad.objects.filter(pk=number).first()
        if load is None:
            raise CommandError(_("There is no load %(number)d.") % {"number": number}, returncode=DECIDE)
        try:
            undone = undo_load(load=load)
        except FileRefused as error:
            raise CommandError(str(error), returncode=DECIDE) from error
        self.stdout.write(
            _("%(restored)d records restored, %(deleted)d deleted, %(kept)d left as others changed them since.")
            % {"restored": undone.restored, "deleted": undone.deleted, "kept": undone.kept}
        )
