"""Fill an empty CRM with invented records."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dotbridge.crm.generator import count_records, generate_crm


class Command(BaseCommand):
    """`crm_demo`: what it writes is the same for the same numbers. On a CRM with records it does nothing."""

    help = "Fills an empty CRM with invented contacts, leads and customers. A CRM with records is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        """How much of what, and how to say it."""
        for name, default in (("contacts", 5_000), ("leads", 1_000), ("customers", 300)):
            parser.add_argument(f"--{name}", type=_count, default=default, help=f"how many {name} (default {default})")
        parser.add_argument("--seed", type=int, default=1, help="another seed invents other people (default 1)")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of a sentence")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print how many records there are now, and whether this call made them."""
        created = generate_crm(**{name: options[name] for name in ("contacts", "leads", "customers", "seed")})
        counts = count_records().as_dict()
        if options["json"]:
            self.stdout.write(json.dumps({"created": created, **counts}))
            return
        numbers = ", ".join(f"{number:,} {name}" for name, number in counts.items())
        self.stdout.write(f"The CRM was filled: {numbers}." if created else f"Nothing done; the CRM holds {numbers}.")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 10_000_000:
        raise ArgumentTypeError(f"{text!r} must be a whole number from 0 to 10000000")
    return int(text)
