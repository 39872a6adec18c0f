"""Run with the shop's settings: opens every page of the back office and of the shop's own admin as a colleague would.

Prints a JSON object: the pages that did not answer as they should.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import django

django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from dotbridge.backoffice.site import table_site  # noqa: E402
from dotbridge.integrations.models import Integration  # noqa: E402
from dotbridge.lists.models import MarketingList  # noqa: E402

ADDRESS, PASSWORD = "mona@example.com", "long and invented"
PAGES = ("home", "lists", "campaigns", "people", "fields", "activity", "activity-problems", "settings", "accounts")


def addresses() -> Iterator[str]:
    """Every page that has no record of its own to show, and those of what there is."""
    yield from (reverse(f"dotbridge:{name}") for name in PAGES)
    for account in Integration.objects.all():
        yield reverse("dotbridge:account", args=[account.pk])
    for each in MarketingList.objects.all():
        yield reverse("dotbridge:list", args=[each.pk])
    for model in table_site._registry:
        yield reverse(f"dotbridge_tables:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    yield reverse("admin:index")


def walk() -> dict[str, object]:
    """Log in by the back office's own form, then open everything."""
    client = Client(raise_request_exception=False)
    home = reverse("dotbridge:home")
    found: dict[str, object] = {"home": home, "without_log_in": client.get(home).get("Location")}
    if not get_user_model().objects.filter(email=ADDRESS).exists():
        get_user_model().objects.create_superuser(ADDRESS, PASSWORD)
    entered = client.post(reverse("dotbridge:login"), {"username": ADDRESS, "password": PASSWORD, "next": home})
    found["after_log_in"] = entered.get("Location")
    answers = {address: client.get(address) for address in addresses()}
    found["opened"] = len(answers)
    found["wrong"] = {address: answer.status_code for address, answer in answers.items() if answer.status_code != 200}
    own = answers[reverse("admin:index")].content.decode()
    found["own_admin"] = [text for text in ("Django administration", "Own shop office", "unfold") if text in own]
    found["ours_in_own_admin"] = [
        model._meta.label for model in admin.site._registry if model._meta.app_label.startswith("dotbridge")
    ]
    found["own_admin_of_users"] = type(admin.site._registry[get_user_model()]).__module__
    return found


sys.stdout.write(json.dumps(walk()) + "\n")
