"""`dotbridge consent`: prove the ledger, take it out as CSV, erase an address."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from datetime import UTC
from pathlib import Path
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from dotbridge.conf import typed_command
from dotbridge.consent.chain import seal_days, verify_ledger
from dotbridge.consent.erasure import erase_address, receipt_of
from dotbridge.consent.models import ConsentEvent
from dotbridge.consent.selectors import history_of

COLUMNS = (
    "id", "learned_at", "happened_at", "what", "scope", "scope_id", "source", "status", "email_key", "entity",
    "record_id", "remote_id", "evidence", "actor", "consent_text", "url", "ip_address", "user_agent",
)  # fmt: skip


class Command(BaseCommand):
    """Who may be mailed, on the command line."""

    help = "Prove the ledger of consent, export it, or erase an address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Three words, each with its own options."""
        parser.prog = typed_command("consent")  # as people call it
        words = parser.add_subparsers(dest="word", required=True)
        verify = words.add_parser("verify", help="Check that no event was changed or deleted since its day was sealed.")
        verify.add_argument("--address", help="Also prove what became of this address, if it was erased.")
        verify.add_argument("--json", action="store_true", help="Print one JSON object.")
        export = words.add_parser("export", help="Write the events as CSV.")
        export.add_argument("--address", help="Those of one person; without it, all of them.")
        export.add_argument("--file", type=Path, help="Where to; without it, to the terminal.")
        erase = words.add_parser("erase", help="Take away everything that is known here under an address.")
        erase.add_argument("address")
        erase.add_argument("--remotely", action="store_true", help="Have the contact deleted in Dotdigital as well.")
        erase.add_argument("--yes", action="store_true", help="Do not ask first: it cannot be undone.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the word says."""
        {"verify": self._verify, "export": self._export, "erase": self._erase}[options["word"]](options)

    def _verify(self, options: dict[str, Any]) -> None:
        seal_days()
        found = verify_ledger()
        receipt = receipt_of(options["address"]) if options["address"] else None
        if options["json"]:
            broken = {str(day): text for day, text in found.broken.items()}
            said: dict[str, Any] = {"intact": found.is_intact, "days": found.days, "events": found.events}
            said |= {"unsealed_events": found.unsealed_events, "broken": broken}
            if options["address"]:
                said["erased"] = receipt and {**vars(receipt), "erased_at": receipt.erased_at.isoformat()}
            self.stdout.write(json.dumps(said))
        else:
            self.stdout.write(
                f"{found.events} events of {found.days} sealed days were read. "
                f"{found.unsealed_events} are not sealed yet."
            )
            for day, text in found.broken.items():
                self.stdout.write(f"{day}: {text}")
            if options["address"] and receipt is None:
                self.stdout.write("The address was not erased.")
            elif receipt is not None:
                erased_at = receipt.erased_at.astimezone(UTC)
                self.stdout.write(f"Erased on {erased_at:%Y-%m-%d at %H:%M} UTC by event {receipt.event_id}.")
        if not found.is_intact:
            raise CommandError("The ledger is not as it was sealed.", returncode=1)
        if not options["json"]:
            self.stdout.write("Every sealed day is as it was.")

    def _export(self, options: dict[str, Any]) -> None:
        events = ConsentEvent.objects.order_by("id")
        if options["address"]:
            events = history_of(address=options["address"]).order_by("id")
        if options["file"] is None:
            self._write(self.stdout, events)
            return
        with options["file"].open("w", encoding="utf-8", newline="") as file:
            options["file"].chmod(0o600)
            self._write(file, events)

    def _write(self, file: IO[str] | Any, events: Any) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for event in events.values_list(*COLUMNS).iterator(chunk_size=2_000):
            writer.writerow([_cell(value) for value in event])

    def _erase(self, options: dict[str, Any]) -> None:
        if not options["yes"]:
            answer = input(f"Erase everything under {options['address']}? This cannot be undone. [y/N] ")
            if answer.strip().lower() not in {"y", "yes"}:
                raise CommandError("Nothing was erased.", returncode=1)
        try:
            receipt = erase_address(address=options["address"], is_remote=options["remotely"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Erased. The proof: event {receipt.event_id}, hash {receipt.address_hash}.")
        if options["remotely"]:
            self.stdout.write("A worker has the contact deleted in every connected account.")
        else:
            self.stdout.write(
                "In Dotdigital nothing was erased: say it again with --remotely for that. A worker has the contact "
                "unsubscribed there from the address books of lists."
            )


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text and a terminal for nothing else."""
    if not isinstance(value, str):
        return value
    shown = "".join(letter if letter.isprintable() else " " for letter in value)
    return f"'{shown}" if shown[:1] in "=+-@" else shown
