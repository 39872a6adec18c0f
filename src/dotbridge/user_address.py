"""The address of whoever may log in, whatever user model a host has."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser


def address_of_user(user: AbstractBaseUser | None) -> str:
    """Where mails to this person go; empty where their log-in has no address."""
    return "" if user is None else str(getattr(user, user.get_email_field_name(), "") or "").strip()
