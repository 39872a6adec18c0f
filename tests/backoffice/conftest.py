"""People with and without permissions, and a back office with something on every page, some of it hostile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.backoffice.world import World, build_world, empty_queue
from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "protocol", "remote", "sandbox"]


@pytest.fixture
def back_office(client: Client, db: None) -> Client:
    """A client of somebody who may do everything."""
    empty_queue()
    client.force_login(User.objects.create_superuser("mona", password="x"))
    return client


@pytest.fixture
def logged_in(db: None) -> Callable[..., Client]:
    """A client of somebody who has these permissions alone."""

    def log_in(*permissions: str) -> Client:
        person = User.objects.create_user(f"person{User.objects.count()}", password="x", is_staff=True)
        for permission in permissions:
            app, codename = permission.split(".")
            person.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client = Client()
        client.force_login(person)
        return client

    return log_in


@pytest.fixture
def world(db: None) -> World:
    return build_world()


def texts(response: Any) -> str:
    """What the page says."""
    return str(response.content.decode())
