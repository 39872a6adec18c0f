"""What is said of a file is kept as what happened, and said in the language of whoever reads it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from dotbridge.files.models import FileLoad, LoadState
from dotbridge.files.texts import in_words, joined, kept, text
from dotbridge.files.waiting import keep_file, request_load, run_load
from tests.files.conftest import load

pytestmark = pytest.mark.django_db
CONTENT = "E-mail,Birthday,Lead score\na@example.com,31/12/1990,many\nnobody,,\na@example.com,01/12/1990,7\nTotal,,7\n"


def test_a_text_is_kept_with_its_values_and_said_in_another_language() -> None:
    said = text("The number is out of the field's range.")
    whole = text("The first line, %(number)d, cannot be read: %(why)s %(mend)s") % {
        "number": 3,
        "why": said,
        "mend": "",
    }
    stored = json.loads(json.dumps(kept({"why": [joined([said, whole], " ")]})))
    with override("de"):
        (again,) = in_words(stored)["why"]
        assert again.count("Bereich") == 2, again
    assert in_words(stored) == {"why": [f"{said} {whole}"]}


@pytest.mark.parametrize("language", ["de", "fr"])
def test_what_a_worker_found_is_said_in_the_language_of_its_reader(language: str) -> None:
    load(CONTENT, same_address="first")
    found = FileLoad.objects.get()
    in_english, words = found.report_in_words, ("why", "mend")
    with override(language):
        said: dict[str, Any] = FileLoad.objects.get().report_in_words
    assert len(said["problems"]) == len(in_english["problems"]) == 2
    for mine, theirs in zip(said["problems"], in_english["problems"], strict=True):
        assert all(mine[word] != theirs[word] for word in words)
        assert (mine["line"], mine["value"]) == (theirs["line"], theirs["value"])
    assert said["skipped_lines"][0]["why"] != in_english["skipped_lines"][0]["why"]
    assert said["columns"][1]["decided"] != in_english["columns"][1]["decided"] == "dates with /: day first"
    assert said["columns"][1]["label"] != in_english["columns"][1]["label"] == "Birthday"


def test_rows_of_one_address_are_told_with_the_names_of_fields_in_the_language_of_the_reader() -> None:
    load(CONTENT)
    clash = FileLoad.objects.get().report_in_words["problems"][-1]
    assert (clash["column"], clash["why"][:31]) == ("Birthday", "Line 2 has the same address. Th")
    with override("de"):
        said = FileLoad.objects.get().report_in_words["problems"][-1]
    assert said["column"] == "Geburtstag"
    assert said["why"].startswith("Zeile 2")


def test_why_a_file_was_refused_is_said_on_its_page_in_the_language_of_the_reader(client: Client) -> None:
    kept_file = keep_file(file=io.BytesIO(b"%PDF-1.7 ..."), name="people.pdf", entity="crm.contact")
    request_load(load=kept_file)
    run_load(load_id=kept_file.pk)
    kept_file.refresh_from_db()
    assert (kept_file.state, kept_file.message_in_words[:18]) == (LoadState.FAILED, "The file is a PDF,")
    client.force_login(User.objects.create_superuser("mona", password="x"))
    page = client.get(reverse("dotbridge:file", args=[kept_file.pk]), headers={"Accept-Language": "de"})
    with override("de"):
        assert kept_file.message_in_words in page.content.decode()
        assert kept_file.message_in_words[:18] != "The file is a PDF,"
