"""A file of people by hand: given, its columns sent elsewhere, loaded while the page follows, and undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.backoffice.pages import files
from dotbridge.crm.models import Contact
from dotbridge.files.models import FileLoad
from dotbridge.files.waiting import run_load
from tests.browser.test_walk import barriers

FILE = (
    "E-mail;Vorname;Geburtstag;Schuh;Newsletter\n"
    "a@example.com;Ada;04/05/1990;38;nein\nb@example.com;Bo;06/07/1991;42;ja\nkeine;Cy;;;\n"
)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_file_is_loaded_by_hand(
    back_office: Page, live_server: LiveServer, tmp_path: Path, complaints: list[str], scheme: str, width: int
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    back_office.set_viewport_size({"width": width, "height": 900})
    path = tmp_path / "people.csv"
    path.write_text(FILE, encoding="utf-8")
    back_office.goto(live_server.url + reverse("dotbridge:people"))
    back_office.get_by_role("link", name="Load a file").click()
    back_office.get_by_label("File", exact=True).set_input_files(path)
    back_office.get_by_role("button", name="Look at it").click()
    expect(back_office.get_by_text("Of its 3 rows a load would make:")).to_be_visible()
    load = back_office.get_by_role("button", name="Load", exact=True)
    expect(load).to_be_disabled()
    assert barriers(back_office) == []
    # By keyboard, and where it was afterwards.
    order = back_office.get_by_label("How Geburtstag is written")
    order.focus()
    order.select_option("dmy")
    expect(load).to_be_enabled()
    expect(back_office.get_by_label("How Geburtstag is written")).to_be_focused()
    back_office.get_by_label("Schuh").select_option("Lead score")
    expect(back_office.get_by_label("How Schuh is written")).to_be_visible()
    assert back_office.evaluate("document.documentElement.scrollWidth") <= width
    load.dblclick()
    expect(back_office.get_by_text("It waits: no worker is running")).to_be_visible()
    assert barriers(back_office) == []
    run_load(load_id=FileLoad.objects.get().pk)
    # Nobody touches the page meanwhile.
    expect(back_office.get_by_role("link", name="Undo")).to_be_visible(timeout=10_000)
    assert barriers(back_office) == []
    assert back_office.evaluate("document.documentElement.scrollWidth") <= width
    assert {*Contact.objects.values_list("first_name", "lead_score")} == {("Ada", 38), ("Bo", 42)}
    back_office.get_by_role("link", name="Undo").click()
    back_office.get_by_role("button", name="Yes, undo").click()
    run_load(load_id=FileLoad.objects.get().pk)
    expect(back_office.get_by_text("2 records deleted")).to_be_visible(timeout=10_000)
    assert complaints == []


def test_a_load_that_waits_is_cancelled_and_asked_for_again(
    back_office: Page, live_server: LiveServer, tmp_path: Path, complaints: list[str]
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("E-mail\na@example.com\n", encoding="utf-8")
    back_office.goto(live_server.url + reverse("dotbridge:file-add"))
    back_office.get_by_label("File", exact=True).set_input_files(path)
    back_office.get_by_role("button", name="Look at it").click()
    back_office.get_by_role("button", name="Load", exact=True).click()
    back_office.get_by_role("button", name="Cancel").click()
    expect(back_office.get_by_text("The load was cancelled. Nothing of it was kept.")).to_be_visible()
    back_office.get_by_role("button", name="Load", exact=True).click()
    expect(back_office.get_by_role("button", name="Cancel")).to_be_visible()
    run_load(load_id=FileLoad.objects.get().pk)
    expect(back_office.get_by_role("link", name="Undo")).to_be_visible(timeout=10_000)
    back_office.goto(live_server.url + reverse("dotbridge:files"))
    assert barriers(back_office) == []
    assert complaints == []


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    back_office: Page, live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_largest_megabytes", lambda: 2)
    path = tmp_path / "people.csv"
    path.write_bytes(b"E-mail\n" + b"a@example.com\n" * 90_000)
    back_office.goto(live_server.url + reverse("dotbridge:file-add"))
    chosen = back_office.get_by_label("File", exact=True)
    chosen.set_input_files(path)
    assert "more than 2 MB" in chosen.evaluate("field => field.validationMessage")
    back_office.get_by_role("button", name="Look at it").click()
    assert not FileLoad.objects.exists()
    smaller = tmp_path / "smaller.csv"
    smaller.write_text("E-mail\na@example.com\n", encoding="utf-8")
    chosen.set_input_files(smaller)
    assert chosen.evaluate("field => field.validationMessage") == ""
    back_office.get_by_role("button", name="Look at it").click()
    expect(back_office.get_by_text("Of its 1 row a load would make:")).to_be_visible()
