"""Files that are carried away say what the pages say: in the language of whoever asks, whatever a name holds.

The kind: what is written while it is downloaded is written after the view has answered, outside of what the view stands
in; and what a page can show is not always what a format can hold.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils.translation import gettext, override
from openpyxl import load_workbook

from dotbridge import workbooks
from dotbridge.backoffice.pages import frame
from dotbridge.backoffice.reads.standing import WORDS, Standing
from dotbridge.crm.models import Contact
from dotbridge.preferences.services import choose_preferences
from tests.backoffice.world import World

pytestmark = pytest.mark.django_db


def carried_away(client: Client, name: str, *args: Any) -> bytes:
    answer = client.get(reverse(f"dotbridge:{name}", args=args), headers={"accept-language": "en"})
    assert answer.status_code == 200
    return b"".join(answer)


def test_a_file_is_in_the_language_that_the_person_chose(world: World, back_office: Client) -> None:
    choose_preferences(user=User.objects.get(username="mona"), language="de", time_zone="", theme="auto")
    with override("de"):
        heads = {
            "activity-audit-file": gettext("Account number"),
            "activity-problems-file": gettext("In detail"),
            "campaigns-file": gettext("Mails sent"),
        }
        word = str(WORDS[Standing.OPTED_OUT])
    assert "Account number" not in heads.values()
    for name, head in heads.items():
        assert head in carried_away(back_office, name).decode().splitlines()[0], name
    people = carried_away(back_office, "list-file", world.marketing_list.pk, "csv").decode()
    assert [line for line in people.splitlines()[1:] if word in line]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_server_that_awaits_its_files_gets_them_while_they_are_made(
    world: World, back_office: Client, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(frame, "AT_ONCE", 1)
    monkeypatch.setattr(workbooks, "_PIECE", 1)
    expected = carried_away(back_office, "list-file", world.marketing_list.pk, form)
    client = AsyncClient()
    client.force_login(User.objects.get(username="mona"))

    async def pieces() -> list[bytes]:
        address = reverse("dotbridge:list-file", args=[world.marketing_list.pk, form])
        answer: Any = await client.get(address, headers={"accept-language": "en"})
        assert answer.is_async
        return [piece async for piece in answer.streaming_content]

    came = async_to_sync(pieces)()
    assert len(came) > 1
    read = {"csv": bytes.decode, "xlsx": cells_of}[form]
    assert read(b"".join(came)) == read(expected)


def cells_of(content: bytes) -> list[Any]:
    return [list(sheet.iter_rows(values_only=True)) for sheet in load_workbook(io.BytesIO(content)).worksheets]


def test_a_workbook_holds_names_with_control_characters(world: World, back_office: Client) -> None:
    Contact.objects.filter(pk=world.people[0].pk).update(last_name="Vertical\x0bTab\x1f")
    content = carried_away(back_office, "list-file", world.marketing_list.pk, "xlsx")
    (sheet,) = load_workbook(io.BytesIO(content)).worksheets
    names = [str(row[1]) for row in sheet.iter_rows(values_only=True)]
    assert [name for name in names if "Vertical\N{REPLACEMENT CHARACTER}Tab" in name]


def test_more_people_than_a_sheet_holds_stand_on_further_sheets(
    world: World, back_office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    content = carried_away(back_office, "list-file", world.marketing_list.pk, "xlsx")
    sheets = [list(sheet.iter_rows(values_only=True)) for sheet in load_workbook(io.BytesIO(content)).worksheets]
    people = carried_away(back_office, "list-file", world.marketing_list.pk, "csv").decode().splitlines()[1:]
    assert len(sheets) > 1
    assert {rows[0] for rows in sheets} == {sheets[0][0]}, "each with the headings"
    assert [row[0] for rows in sheets for row in rows[1:]] == [line.split(",")[0] for line in people]
