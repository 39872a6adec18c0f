"""Two people in one row: nobody's address gets another's name in silence, and the row's opt-out binds both."""

from __future__ import annotations

import pytest

from dotbridge.crm.models import Contact
from tests.files.conftest import OptOutKeeper, load

pytestmark = pytest.mark.django_db


def known() -> dict[str, tuple[str, str]]:
    """First and last name by the first address."""
    people = Contact.objects.filter(emails__is_primary=True)
    return {
        email: (first, last) for email, first, last in people.values_list("emails__email", "first_name", "last_name")
    }


@pytest.mark.parametrize(
    ("content", "names", "told"),
    [
        (
            "Email 1,Email 2,Name 1,Name 2\na@example.com,b@example.com,Anna Berg,Ben Holm\n",
            {"a@example.com": ("Anna", "Berg")},
            [("Name 2", "Ben Holm")],
        ),
        (
            "Name 1,Email 1,Name 2,Email 2\nAnna Berg,,Ben Holm,b@example.com\n",
            {"b@example.com": ("Ben", "Holm")},
            [("Name 1", "Anna Berg")],
        ),
        (
            "Email 2,Email 1,Name 1,Name 2\n,a@example.com,Anna Berg,Ben Holm\n",
            {"a@example.com": ("Anna", "Berg")},
            [("Name 2", "Ben Holm")],
        ),
        (
            "Nachname,Vorname,E-Mail,Vorname,E-Mail\nBerg,Anna,,Ben,b@example.com\nHolm,Ida,i@example.com,,\n",
            {"b@example.com": ("Ben", "Berg"), "i@example.com": ("Ida", "Holm")},
            [("Vorname", "Anna")],
        ),
        (
            "Name,Email,Email,Name,Email\nAnna Berg,a@example.com,a2@example.com,Ben Holm,b@example.com\n",
            {"a@example.com": ("Anna", "Berg")},
            [("Name", "Ben Holm")],
        ),
        (
            "Name,Email 1,Email 2\nAnna & Ben Berg,a@example.com,b@example.com\nIda Holm,i@example.com,\n",
            {"a@example.com": ("Anna & Ben", "Berg"), "i@example.com": ("Ida", "Holm")},
            [("Name", "Anna & Ben Berg")],
        ),
        (
            "Name,Email\nAnna und Ben Berg,a@example.com; b@example.com\nA & B Berg,c@example.com\n",
            {"a@example.com": ("Anna und Ben", "Berg"), "c@example.com": ("A & B", "Berg")},
            [("Name", "Anna und Ben Berg")],
        ),
        (
            "Email,Email,First name,First name\na@example.com,a2@example.com,Ann,Ann\nb@example.com,,Bob,\n",
            {"a@example.com": ("Ann", ""), "b@example.com": ("Bob", "")},
            [],
        ),
    ],
)
def test_names_stay_with_their_addresses(
    content: str, names: dict[str, tuple[str, str]], told: list[tuple[str, str]]
) -> None:
    report = load(content)
    assert known() == names
    assert [(problem.column, problem.value) for problem in report.problems] == told
    assert all(problem.taken for problem in report.problems)


def test_the_opt_out_of_the_row_binds_both_addresses(keeper: OptOutKeeper) -> None:
    load("Name 1,Email 1,Name 2,Email 2,Unsubscribed\nAnna Berg,a@example.com,Ben Holm,b@example.com,yes\n")
    assert keeper.emails() == {"a@example.com", "b@example.com"}
