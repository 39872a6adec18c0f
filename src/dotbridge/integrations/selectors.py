"""Reads of integrations."""

from __future__ import annotations

from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration


def find_integrations(name: str | None) -> list[Integration]:
    """The integration of this name or number, or all active ones when none is named.

    Raises OperatorError when there is none, naming those there are.
    """
    known = list(Integration.objects.all())
    if not known:
        raise OperatorError("No account is connected yet. Connect one in the back office, under Settings.")
    if name is None:
        found = [integration for integration in known if integration.is_active]
    else:
        # One may be called by another one's number.
        found = [integration for integration in known if integration.name == name]
        found = found or [integration for integration in known if str(integration.pk) == name]
    if not found:
        names = ", ".join(f"{integration.name} ({integration.pk})" for integration in known)
        asked = "No integration is active" if name is None else f"--integration={name!r} is not an integration"
        raise OperatorError(f"{asked}; there are: {names}.")
    return found
