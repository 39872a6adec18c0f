"""Reads of single sign-ons."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser

from dotbridge.integrations.models import Integration
from dotbridge.studio.models import Grant, SignOn


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one person stands with one account: whether a client is set up, and whether they have allowed it."""

    is_set_up: bool
    is_connected: bool
    was_refused: bool


def standing_of(integration: Integration, user: AbstractBaseUser) -> Standing:
    """How a person stands with an account."""
    grant = Grant.objects.filter(integration=integration, user_id=user.pk).first()
    return Standing(
        is_set_up=SignOn.objects.filter(integration=integration).exists(),
        is_connected=grant is not None and grant.refused_at is None,
        was_refused=grant is not None and grant.refused_at is not None,
    )


def accounts_to_open() -> list[Integration]:
    """The active accounts, by name, each with its `sign_on`, if any."""
    return list(Integration.objects.filter(is_active=True).select_related("sign_on").order_by("name"))
