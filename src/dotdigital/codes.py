"""What the vendor's error codes mean to a person, and what to do next (contract §3.3)."""

from __future__ import annotations

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """A sentence that says what is wrong, and one that says what to do about it."""

    text: str
    step: str


MEANINGS: Final[dict[str, Meaning]] = {
    "ERROR_ADDRESSBOOK_NOT_FOUND": Meaning(
        "The address book does not exist in the account.", "Read the address books again; it may have been deleted."
    ),
    "ERROR_ADDRESSBOOK_NOTWRITABLE": Meaning(
        "The address book belongs to Dotdigital and cannot be written to.", "Choose another address book."
    ),
    "ERROR_APIUSAGE_EXCEEDED": Meaning(
        "The account's hourly limit of API calls is used up.", "Wait; calls are allowed again as the hour passes."
    ),
    "ERROR_CONTACTS_ARE_NOT_SPECIFIED": Meaning("No contacts were given.", "Name at least one contact."),
    "ERROR_IMPORT_NOT_FOUND": Meaning(
        "Dotdigital does not know this import.", "Upload the file again if its contacts are missing."
    ),
    "ERROR_IMPORT_REPORT_NOT_FOUND": Meaning(
        "The import has no report (yet).", "Wait until the import has finished; reports are kept for about a week."
    ),
    "ERROR_IMPORT_TOOMANYACTIVEIMPORTS": Meaning(
        "Too many imports are running in the account at the same time.", "Wait until some of them have finished."
    ),
    "ERROR_NO_EMAIL_COLUMN": Meaning(
        "The file has no column named Email.", "Add the column and upload the file again."
    ),
}


def person_text(code: str) -> str | None:
    """Answers the sentence and the next step for a code, or None for a code that is not in the table."""
    meaning = MEANINGS.get(code)
    return f"{meaning.text} {meaning.step}" if meaning else None
