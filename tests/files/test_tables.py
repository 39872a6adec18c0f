"""Several tables on one sheet: the first is read, every line of another is named, and its opt-outs count."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dotbridge.crm.models import ContactEmail
from dotbridge.files.waiting import keep_file
from tests.files.conftest import OptOutKeeper, load
from tests.files.test_merged_cells import xlsx

pytestmark = pytest.mark.django_db

A, B, X = "a@example.com", "b@example.com", "x@example.com"


@pytest.mark.parametrize(
    ("content", "taken", "out", "named"),
    [
        pytest.param(
            f"Email,Name,City\n{A},Ann,York\n{B},Bob,Bath\n\nEmail,Name,Unsubscribed\n{X},Xen,yes\n{A},Ann,yes\n",
            {A, B},
            {A},
            [6, 7],
            id="below with other columns",
        ),
        pytest.param(
            f"Email,Name,City\n{A},Ann,York\n{B},Bob,Bath\n\nUnsubscribed\nName,Email,Date\nXen,{X},2024\nAnn,{A},2023\n",
            {A, B},
            {A},
            [7, 8],
            id="below with a title",
        ),
        pytest.param(
            f"Email,Name,City\n{A},Ann,York\nName,Email,Opt out\nBob,{B},yes\nEmail,Name,City\n{B},Bob,Bath\n",
            {A, B},
            {B},
            [4],
            id="between",
        ),
        pytest.param(
            f"Email,Name\n{A},Ann\n{B},Bob\n\nName,Company,Email,Opt out\nAnn,Acme,{A},yes\n",
            {A, B},
            {A},
            [6],
            id="wider below",
        ),
        pytest.param(
            f"Subscribed,,,Unsubscribed,\nEmail,Name,,Email,Name\n{A},Ann,,{X},Xen\n{B},Bob,,{A},Ann\n",
            {A, B},
            {A},
            [3, 4],
            id="beside",
        ),
        pytest.param(
            f"Unsubscribed,,,Subscribed,\nEmail,Name,,Email,Name\n{A},Ann,,{X},Xen\n",
            {A},
            {A},
            [3],
            id="the first one is of those who left",
        ),
        pytest.param(
            f"Email,Name,,Email,Name,Unsubscribed\n{A},Ann,,{X},Xen,no\n{B},Bob,,{A},Ann,yes\n,,,c@example.com,Cy,yes\n",
            {A, B},
            {A},
            [2, 3, 4],
            id="beside with a column of its own",
        ),
        pytest.param(
            f"Email,Name,,,Unsubscribed\n{A},Ann,,,{X}\n{B},Bob,,,{A}\n",
            {A, B},
            {A},
            [2, 3],
            id="a list of addresses beside",
        ),
        pytest.param(f"Email,Name,,Phone\n{A},Ann,,0201\n{B},Bob,,0202\n", {A, B}, set(), [], id="a gap alone"),
        pytest.param(
            f"Email,Name,First,Then\n{A},Ann,E-Mail,Telefon\n,Cat,E-Mail,Telefon\n{B},Bob,Telefon,E-Mail\n",
            {A, B},
            set(),
            [3],
            id="what somebody prefers is no name of a column",
        ),
    ],
)
def test_another_table(content: str, taken: set[str], out: set[str], named: list[int], keeper: OptOutKeeper) -> None:
    report = load(content)
    assert set(ContactEmail.objects.values_list("email", flat=True)) == taken
    assert keeper.emails() == out
    assert [problem.line for problem in report.problems if not problem.taken] == named


def test_tables_of_a_workbook(keeper: OptOutKeeper) -> None:
    rows = [["Subscribed", "", "", "Unsubscribed"], ["Email", "Name", "", "Email", "Name"]]
    rows += [
        [A, "Ann", "", B, "Bob"],
        [B, "Bob"],
        [],
        ["Name", "Company", "Email", "Bounced"],
        ["Ann", "Acme", A, "yes"],
    ]
    report = load(xlsx(rows))
    assert report.created == 2
    assert keeper.emails() == {A, B}
    assert [problem.line for problem in report.problems] == [3, 7]


def test_the_page_counts_whom_another_table_opts_out(client: Client, keeper: OptOutKeeper) -> None:
    client.force_login(User.objects.create_superuser("mona"))
    content = f"Email,Name,City\n{A},Ann,York\n\nEmail,Name,Unsubscribed\n{A},Ann,yes\n".encode()
    kept = keep_file(file=io.BytesIO(content), name="people.csv", entity="crm.contact")
    page = client.get(reverse("dotbridge:file", args=[kept.pk]))
    assert dict(page.context["figures"])["Opted out"] == "1"
    assert "It stands in another table, below the first one." in page.content.decode()


def test_columns_of_addresses_beside_each_other_say_who_has_left(keeper: OptOutKeeper) -> None:
    rows = "Subscribed,Unsubscribed,Cleaned\na@example.com,b@example.com,c@example.com\nd@example.com,A@example.com,\n"
    report = load(rows)
    assert set(ContactEmail.objects.values_list("email", flat=True)) == {"a@example.com", "d@example.com"}
    assert (keeper.emails(), len(report.problems)) == ({"a@example.com"}, 2)


def test_the_address_of_the_person_may_stand_in_a_column_of_having_left(keeper: OptOutKeeper) -> None:
    load("Email,Name,Opt-out email\na@example.com,Ann,\nb@example.com,Bob,b@example.com\n")
    load("Email,Name,Unsubscribed by\nc@example.com,Cem,\nd@example.com,Dan,mona@example.org\n")
    assert keeper.emails() == {"b@example.com", "d@example.com"}
