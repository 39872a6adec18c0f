"""Somebody who may only see changes nothing, whatever they send to whichever address.

The kind: a page that asks for the right to see and forgets to ask for the right to do. Every address of the pages and
of the tables is sent a confirmed form, with the key of everything there is; nothing may be different afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from dotbridge.backoffice.role_services import make_role_groups
from dotbridge.lists.counting import COUNT_TASK
from tests.backoffice.world import World

# What everybody may do for themselves, and log out, which would end the walk.
OWN = {"my-settings", "notifications", "logout", "login"}
# Read marks and sessions are no changes, nor is the key that addresses are hashed with when one is looked for first.
# A dry run takes the log of changed records, as each run does, as far as the oldest transaction of the whole server
# allows, and notes that all have to be compared. Whoever sees a list may have it counted, and its numbers are kept.
LOG_OF_CHANGES = ("dotbridge_mapping_change", "dotbridge_mapping_dirtyrecord")
NOT_LOOKED_AT = (
    "django_session",
    "dotbridge_notifications_delivery",
    "axes_",
    "dotbridge_consent_consentkey",
    "dotbridge_lists_listcount",
    *LOG_OF_CHANGES,
)
OWN_NOTE = "stale_at"


@pytest.fixture
def auditor(world: World) -> Client:
    make_role_groups()
    person = User.objects.create_user("auditor", password="x", is_staff=True)
    person.groups.add(Group.objects.get(dotbridge_role__role="auditor"))
    client = Client(raise_request_exception=False)
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def everything_there_is() -> dict[str, Any]:
    """A digest of each table."""
    names = [name for name in connection.introspection.table_names() if not name.startswith(NOT_LOOKED_AT)]
    digests = {}
    with connection.cursor() as cursor:
        for name in names:
            quoted = connection.ops.quote_name(name)
            cursor.execute(
                f"SELECT count(*), md5(string_agg(t, ',' ORDER BY t)) "
                f"FROM (SELECT (to_jsonb(r) - '{OWN_NOTE}')::text AS t FROM {quoted} r) rows"
            )
            digests[name] = cursor.fetchone()
    return digests


def patterns(resolver: Any, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            inner = ":".join(filter(None, [namespace, each.namespace or ""]))
            yield from patterns(each, inner)
        elif each.name and namespace.startswith(("dotbridge", "rule_builder")):
            yield f"{namespace}:{each.name}", each


def values_for(name: str, world: World) -> list[Any]:
    """What can stand in the address under this name."""
    things = [value for value in vars(world).values() if hasattr(value, "pk")]
    keys = sorted({thing.pk for thing in things} | {person.pk for person in world.people[:1]})
    words: dict[str, list[Any]] = {
        "entity": ["crm.contact"],
        "record_id": [world.people[0].pk],
        "verb": ["opt-out", "take-back", "forget", "try-again", "discard"],
        "what": ["removed", "opted-out"],
        "form": ["csv", "xlsx"],
        "listing": ["address_books", "data_fields", "campaigns"],
        "app_label": ["dotbridge_lists"],
        "job": [1],
    }
    return words.get(name, keys)


def addresses(world: World) -> Iterator[str]:
    for name, pattern in patterns(get_resolver()):
        if name.rpartition(":")[2] in OWN:
            continue
        names = [*pattern.pattern.regex.groupindex]
        for values in product(*(values_for(each, world) for each in names)):
            # Not every word can stand in every address.
            with suppress(NoReverseMatch):
                yield reverse(name, kwargs=dict(zip(names, values, strict=True)))


def test_whoever_may_only_see_changes_nothing(auditor: Client, world: World) -> None:
    before, seen = everything_there_is(), 0
    sent = {
        "confirmed": "yes",
        "post": "yes",
        "form": "settings",
        "verb": "remove",
        "name": "Taken over",
        "record": str(world.people[0].pk),
        "action": "merge",
        "_selected_action": str(world.marketing_campaign.pk),
        "_save": "Save",
        "note": "said so",
        "address": "ann.0@example.com",
    }
    broken = []
    for address in addresses(world):
        answer = auditor.post(address, sent)
        seen += 1
        if answer.status_code >= 500:
            broken.append(address)
        if answer.streaming:
            b"".join(answer)
    assert not broken
    assert seen > 300
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s", [COUNT_TASK])
    after = everything_there_is()
    assert {name for name in before if before[name] != after[name]} == set()
