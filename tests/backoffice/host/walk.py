"""Run in a process of its own, with the host's settings: walks the host's admin and the back office beside it."""

from __future__ import annotations

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from dotbridge.audit.acting import OTHER_PAGES  # noqa: E402
from dotbridge.audit.models import AuditEntry  # noqa: E402
from dotbridge.backoffice.site import table_site  # noqa: E402
from dotbridge.integrations.services import create_integration  # noqa: E402


def walk() -> None:
    client = Client()
    home = reverse("dotbridge:home")
    assert home == "/marketing/"
    assert client.get(home)["Location"] == "/marketing/login/?next=/marketing/"
    get_user_model().objects.create_superuser("mona@example.com", "long and invented")
    form = client.get("/marketing/login/?next=/marketing/").content.decode()
    assert "Email" in form
    posted = {"username": "mona@example.com", "password": "long and invented", "next": "/marketing/"}
    assert client.post("/marketing/login/", posted)["Location"] == "/marketing/"
    account = create_integration(name="Shop", username="api@example.com", password="x")
    names = ["home", "lists", "campaigns", "people", "fields", "activity", "activity-problems", "settings", "accounts"]
    for name in names:
        response = client.get(reverse(f"dotbridge:{name}"))
        assert response.status_code == 200, name
        assert "mona@example.com" in response.content.decode(), name
    assert client.get(reverse("dotbridge:account", args=[account.pk])).status_code == 200

    own = client.get("/admin/").content.decode()
    assert "Django administration" in own
    assert "unfold" not in own
    assert not [model for model in admin.site._registry if model._meta.app_label.startswith("dotbridge")]
    assert not hasattr(settings, "UNFOLD")
    for model in table_site._registry:
        name = f"dotbridge_tables:{model._meta.app_label}_{model._meta.model_name}_changelist"
        response = client.get(reverse(name))
        assert response.status_code == 200, name
        assert "unfold" in response.content.decode(), name
    assert get_user_model() not in table_site._registry

    # What is changed in the host's own admin is its person's doing, and nobody's afterwards.
    assert client.post("/admin/auth/group/add/", {"name": "Clerks"}).status_code == 302
    Group.objects.create(name="Others")
    made = AuditEntry.objects.filter(model="auth.group", record__in=["Clerks", "Others"]).order_by("id")
    told = [(each.record, each.actor, each.origin) for each in made]
    assert told == [("Clerks", "mona@example.com", OTHER_PAGES), ("Others", "", "")], told


setup_test_environment()
connection.creation.create_test_db(verbosity=0)
try:
    walk()
finally:
    connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
