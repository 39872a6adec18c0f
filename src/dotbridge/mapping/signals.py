"""Where a host has a say in change tracking. `docs/develop.md` has an example of each.

A receiver that fails is logged and passed by: the others, and the synchronisation, go on.
"""

from __future__ import annotations

import structlog
from django.dispatch import Signal

log = structlog.get_logger(__name__)

# Which fields count as changed. Receivers get `tracked`, a TrackedFields, and add to it or take away from it.
build_mapping_tracked_fields = Signal()
# Which mappings are compared although nothing is known to have changed. Receivers get `integration` and `mappings`, a
# set of its mappings, and add to it or take away from it.
forced_comparison_chosen = Signal()


def ask_receivers(signal: Signal, sender: type[object], **said: object) -> None:
    """Send a signal whose receivers change what they are given."""
    for receiver, answer in signal.send_robust(sender, **said):
        if isinstance(answer, Exception):
            name = getattr(receiver, "__qualname__", repr(receiver))
            log.error("receiver failed", receiver=name, error=type(answer).__name__)
