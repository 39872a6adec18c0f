"""A record's page is found whatever its key is: a host's keys may hold what means something in an address."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from django.urls import resolve, reverse

from dotbridge.entities.record_ids import RECORD_ID_LENGTH

UUID = "0c1d7d2e-7b1a-4c83-9f57-5d8a2a3f1c11"
KEYS = ["A/7", "..", ".", "a.b@example.com", "L é%'\"?#&;", "_2F", UUID, "x" * RECORD_ID_LENGTH]


@pytest.mark.parametrize("key", KEYS)
def test_the_address_leads_back_to_the_key(key: str) -> None:
    for name, arguments in (
        ("person-record", ["crm.contact", key]),
        ("person-record-act", ["crm.contact", key, "opt-out"]),
        ("list-bring-back", [1, "removed", key]),
    ):
        path = unquote(urlsplit(reverse(f"dotbridge:{name}", args=arguments)).path)
        assert not {".", ".."} & set(path.split("/"))
        found = resolve(path)
        assert found.view_name == f"dotbridge:{name}"
        assert found.kwargs["record_id"] == key


@pytest.mark.parametrize("key", ["x" * (RECORD_ID_LENGTH + 1), "_00"])
def test_what_can_be_no_key_has_no_page(back_office: Client, key: str) -> None:
    page = reverse("dotbridge:person-record", args=["crm.contact", "1"]).replace("/1/", f"/{key}/")
    assert back_office.get(page).status_code == 404


def test_nobody_is_brought_back_from_elsewhere(back_office: Client) -> None:
    page = reverse("dotbridge:list-bring-back", args=[1, "elsewhere", "1"])
    assert back_office.get(page).status_code == 404
