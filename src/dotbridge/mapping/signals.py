"""Where a host has a say in change tracking. `docs/develop.md` has an example of each.

They are sent with `send_robust`: a receiver that fails is logged by Django and passed by.
"""

from __future__ import annotations

from django.dispatch import Signal

# Which fields count as changed. Receivers get `tracked`, a TrackedFields, and add to it or take away from it.
build_mapping_tracked_fields = Signal()
# Which mappings are compared although nothing is known to have changed. Receivers get `integration` and `mappings`, a
# set of its mappings, and add to it or take away from it.
forced_comparison_chosen = Signal()
