"""Whoever may change users and groups gives, takes and changes nothing that is above their own rights.

The kind: a right over people's accounts is a right to whatever those accounts may do. Seen with a superuser who was
deleted, or taken over by a new password; its other places: one's own account, a group that one is in, an account that
is switched off and may more, and a second admin site that shows accounts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import get_resolver, reverse

from dotbridge.backoffice.role_services import make_role_groups
from dotbridge.preferences.models import Preferences

RIGHTS = [f"auth.{verb}_{model}" for verb in ("add", "change", "delete", "view") for model in ("user", "group")]
OWN = "crm.view_contact"
OTHER = "crm.delete_contact"


@pytest.fixture
def clerk(logged_in: Callable[..., Client]) -> Client:
    """Somebody who looks after users and groups, and may see contacts."""
    return logged_in(*RIGHTS, OWN)


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label__endswith=app, codename=codename)


def url(action: str, target: User | Group | None = None) -> str:
    model = "group" if isinstance(target, Group) else "user"
    return reverse(f"dotbridge_tables:auth_{model}_{action}", args=[target.pk] if target else [])


def user_form(user: User, **fields: Any) -> dict[str, Any]:
    """What the page of a user sends."""
    date, time = f"{user.date_joined:%Y-%m-%d}", f"{user.date_joined:%H:%M:%S}"
    held = {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": date,
        "date_joined_1": time,
        "groups": [group.pk for group in user.groups.all()],
        "user_permissions": [held.pk for held in user.user_permissions.all()],
    }
    return held | fields


def above(how: str) -> User:
    """A user who may more than the clerk."""
    user = User.objects.create_user("boss", password="x", is_superuser=how == "superuser", is_active=how != "inactive")
    if how == "group":
        group = Group.objects.create(name="Bosses")
        group.permissions.add(permission(OTHER))
        user.groups.add(group)
    elif how != "superuser":
        user.user_permissions.add(permission(OTHER))
    return user


@pytest.mark.parametrize("how", ["superuser", "permission", "group", "inactive"])
def test_an_account_that_may_more_is_not_changed_deleted_or_taken_over(clerk: Client, how: str) -> None:
    boss = above(how)
    password = boss.password
    assert clerk.get(url("change", boss)).status_code == 200, "it can be looked at"
    for address, sent in (
        (url("change", boss), user_form(boss, username="mine")),
        (url("delete", boss), {"post": "yes"}),
        (
            reverse("dotbridge_tables:auth_user_password_change", args=[boss.pk]),
            {"password1": "Rainy-Day-7", "password2": "Rainy-Day-7"},
        ),
    ):
        assert clerk.post(address, sent).status_code == 403, address
    clerk.post(
        url("changelist"), {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes", "index": 0}
    )
    boss.refresh_from_db()
    assert (boss.username, boss.password) == ("boss", password)


def test_an_account_that_may_as_much_is_changed_and_deleted(clerk: Client) -> None:
    peer = User.objects.create_user("peer", password="x", is_staff=True)
    peer.user_permissions.add(permission(OWN))
    saved = clerk.post(url("change", peer), user_form(peer, first_name="Pia"))
    assert saved.status_code == 302, saved.content.decode()
    peer.refresh_from_db()
    assert (peer.first_name, peer.user_permissions.count()) == ("Pia", 1)
    assert clerk.post(url("delete", peer), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=peer.pk).exists()


@pytest.mark.parametrize("whose", ["own", "other"])
def test_nobody_gets_what_the_giver_lacks(clerk: Client, whose: str) -> None:
    person = User.objects.get(pk=clerk.session["_auth_user_id"])
    if whose == "other":
        person = User.objects.create_user("peer", password="x")
    bosses = Group.objects.create(name="Bosses")
    bosses.permissions.add(permission(OTHER))
    for fields in ({"user_permissions": [permission(OTHER).pk]}, {"groups": [bosses.pk]}, {"is_superuser": "on"}):
        clerk.post(url("change", person), user_form(person, **fields))
        person = User.objects.get(pk=person.pk)
        assert not person.is_superuser
        assert not person.has_perm(permission_name())


def permission_name() -> str:
    found = permission(OTHER)
    return f"{found.content_type.app_label}.{found.codename}"


def test_a_group_gets_nothing_that_the_giver_lacks(clerk: Client) -> None:
    group = Group.objects.create(name="Clerks")
    User.objects.get(pk=clerk.session["_auth_user_id"]).groups.add(group)
    refused = clerk.post(url("change", group), {"name": "Clerks", "permissions": [permission(OTHER).pk]})
    assert refused.status_code == 200, "the form says what is wrong"
    assert not group.permissions.exists()
    given = clerk.post(url("change", group), {"name": "Clerks", "permissions": [permission(OWN).pk]})
    assert given.status_code == 302
    assert list(group.permissions.all()) == [permission(OWN)]


def test_a_group_that_may_more_is_not_changed_or_deleted(clerk: Client) -> None:
    bosses = Group.objects.create(name="Bosses")
    bosses.permissions.add(permission(OTHER))
    assert clerk.post(url("change", bosses), {"name": "Mine", "permissions": []}).status_code == 403
    assert clerk.post(url("delete", bosses), {"post": "yes"}).status_code == 403
    bosses.refresh_from_db()
    assert bosses.permissions.count() == 1


def test_a_superuser_gives_everything(back_office: Client) -> None:
    peer = User.objects.create_user("peer", password="x")
    fields = user_form(peer, is_superuser="on", user_permissions=[permission(OTHER).pk])
    assert back_office.post(url("change", peer), fields).status_code == 302
    peer.refresh_from_db()
    assert peer.is_superuser
    assert list(peer.user_permissions.all()) == [permission(OTHER)]


def test_accounts_have_one_place_alone() -> None:
    """The admin site of the example CRM shows none: Django's own screens let anybody rise who may change users."""
    assert get_resolver().url_patterns
    assert not admin.site.is_registered(User)
    assert not admin.site.is_registered(Group)


@pytest.mark.parametrize(
    ("language", "can_add", "can_opt_out"),
    [("de", "Marketingliste", "abmelden"), ("fr", "liste marketing", "désinscrire")],
)
def test_rights_are_named_in_the_readers_language(
    back_office: Client, logged_in: Callable[..., Client], language: str, can_add: str, can_opt_out: str
) -> None:
    group = Group.objects.create(name="Some")
    group.permissions.add(permission("lists.add_marketinglist"), permission("lists.opt_out_members"))
    readers = (back_office, logged_in("auth.view_group"))
    for reader in readers:
        Preferences.objects.create(user_id=reader.session["_auth_user_id"], language=language)
        page = reader.get(url("change", group)).content.decode()
        rights = re.findall(r"\w[^<>]* \| [^<>]*", page)
        assert any(can_add in right for right in rights)
        assert any(can_opt_out in right for right in rights)
        assert not [right for right in rights if " Can " in right]


@pytest.mark.parametrize(
    ("language", "said"), [("de", "Alle %s ausw\\u00e4hlen"), ("fr", "Choisir toutes les valeurs")]
)
def test_djangos_scripts_speak_the_readers_language(back_office: Client, language: str, said: str) -> None:
    """Seen: "Choose all Berechtigungen"."""
    Preferences.objects.create(user_id=back_office.session["_auth_user_id"], language=language)
    words = back_office.get(reverse("dotbridge_tables:jsi18n")).content.decode()
    assert said in words
    assert '(click to clear)": "(click' not in words


def test_a_colleague_who_is_added_can_come_in_with_the_rights_of_their_group(back_office: Client) -> None:
    """Seen: who was invited was told that their password was wrong, because nobody had ticked "staff status"."""
    make_role_groups()
    group = Group.objects.get(dotbridge_role__role="auditor")
    given = {"username": "cora", "email": "cora@example.com", "groups": [group.pk], "usable_password": "true"}
    back_office.post(url("add"), given | {"password1": "long and invented", "password2": "long and invented"})
    cora = Client()
    answer = cora.post(reverse("dotbridge:login"), {"username": "cora", "password": "long and invented"})
    assert (answer.status_code, answer.url) == (302, reverse("dotbridge:home"))
    assert cora.get(reverse("dotbridge:activity-audit")).status_code == 200
    assert cora.get(reverse("dotbridge:account-add")).status_code == 403


def test_who_adds_a_colleague_offers_no_group_above_their_own_rights(clerk: Client) -> None:
    make_role_groups()
    page = clerk.get(url("add")).content.decode()
    assert "Auditor" not in page
    above = Group.objects.get(dotbridge_role__role="administrator")
    given = {"username": "cora", "groups": [above.pk], "usable_password": "true"}
    clerk.post(url("add"), given | {"password1": "long and invented", "password2": "long and invented"})
    assert not User.objects.filter(username="cora").exists()
