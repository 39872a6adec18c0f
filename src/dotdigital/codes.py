"""What the vendor's 95 error codes mean to a person, and what to do next (contract §3.3)."""

from __future__ import annotations

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """What is wrong, what to do about it, and whether the very same request can be taken later."""

    text: str
    step: str
    later: bool = False


_WAIT: Final = True

_Area = dict[str, tuple[str, str] | tuple[str, str, bool]]

_CONTACT: Final[_Area] = {
    "CONTACT_INVALID": ("The contact has a value Dotdigital does not accept.", "Correct the contact."),
    "CONTACT_NOT_FOUND": ("The contact is not in the account.", "It may have been deleted; read the contacts again."),
    "CONTACT_RESUBSCRIPTION_INVALID": (
        "The request to subscribe the contact again is incomplete.",
        "Check its address, language and return address.",
    ),
    "CONTACT_SUPPRESSED": (
        "The contact has unsubscribed or was suppressed in the account.",
        "Only the contact can lift this, by subscribing again.",
    ),
    "CONTACT_SUPPRESSEDFORADDRESSBOOK": (
        "The contact has unsubscribed from this address book.",
        "Only the contact can lift this, by subscribing to it again.",
    ),
    "CONTACT_TOOMANY": (
        "The account would hold, or the request names, more contacts than allowed.",
        "Send fewer, remove some, or ask Dotdigital to raise the limit.",
    ),
    "CONTACTS_ARE_NOT_SPECIFIED": ("No contacts were given.", "Name at least one contact."),
    "EMAIL_BANNED": ("Dotdigital has banned this address.", "Leave the contact out."),
    "INVALID_EMAIL": ("The e-mail address is not valid.", "Correct the address."),
    "NON_UNIQUE_EMAIL": ("Another contact has this e-mail address already.", "Merge the two or correct the address."),
}
_BOOK: Final[_Area] = {
    "ADDRESSBOOK_DUPLICATE": (
        "An address book or segment has this name already, or the name is reserved.",
        "Choose another name.",
    ),
    "ADDRESSBOOK_IN_USE": (
        "The address book is being used by an import or a send.",
        "Wait until that has finished.",
        _WAIT,
    ),
    "ADDRESSBOOK_INVALID": (
        "The address book's name or visibility is not accepted.",
        "Use a name of 1 to 128 characters.",
    ),
    "ADDRESSBOOK_LIMITEXCEEDED": (
        "The account has as many address books as its contract allows.",
        "Delete one that is not used, or ask Dotdigital to raise the limit.",
    ),
    "ADDRESSBOOK_NOT_FOUND": (
        "The address book does not exist in the account.",
        "Read the address books again; it may have been deleted.",
    ),
    "ADDRESSBOOK_NOTWRITABLE": (
        "The address book belongs to Dotdigital and cannot be written to.",
        "Choose another address book.",
    ),
    "ADDRESSBOOK_TOOMANY": ("Too many address books were named at once.", "Name fewer."),
    "SEGMENT_NOT_FOUND": ("The segment does not exist in the account.", "Read the segments again."),
}
_DATA_FIELD: Final[_Area] = {
    "DATAFIELD_INVALID": (
        "The data field's name, type or default is not accepted.",
        "Use 1 to 20 letters, digits, - and _, and a default of the field's type.",
    ),
    "DATAFIELD_LIMITEXCEEDED": (
        "The account has as many data fields of this type as allowed.",
        "Delete one that is not used.",
    ),
    "DATAFIELD_NOTFOUND": (
        "A data field that was named does not exist in the account.",
        "Create the data field, or leave it out of the mapping.",
    ),
    "DATAFIELD_VALUE_OVERFLOW": ("A value is too long for its data field.", "Shorten the value."),
    "NON_UNIQUE_DATAFIELD": (
        "A data field of this name exists already.",
        "Use the existing one or choose another name.",
    ),
}
_IMPORT: Final[_Area] = {
    "IMPORT_NOT_FOUND": ("Dotdigital does not know this import.", "Upload again if its contacts are missing."),
    "IMPORT_REPORT_NOT_FOUND": (
        "The import has no report (yet).",
        "Wait until it has finished; reports are kept for about a week.",
    ),
    "IMPORT_TOOMANYACTIVEIMPORTS": (
        "Too many imports are running in the account at the same time.",
        "Wait until some of them have finished.",
        _WAIT,
    ),
    "IMPORT_UNSUPPORTED_FORMAT": ("The file is neither a CSV nor a spreadsheet Dotdigital reads.", "Send a CSV."),
    "MULTI_FILE_UPLOAD_NOT_ALLOWED": ("Several files were sent at once.", "Send one file an import."),
    "NO_EMAIL_COLUMN": ("The file has no column named Email.", "Add the column and upload the file again."),
}
_CAMPAIGN: Final[_Area] = {
    "CAMPAIGN_CONTAINS_UNSUPPORTED_BLOCKS": (
        "The campaign has building blocks that cannot be sent this way.",
        "Remove them in Dotdigital's editor.",
    ),
    "CAMPAIGN_INVALID": (
        "The campaign lacks something it needs, or has a value that is not accepted.",
        "Check name, subject, sender, both contents and their unsubscribe links.",
    ),
    "CAMPAIGN_NOT_FOUND": ("The campaign does not exist in the account.", "Read the campaigns again."),
    "CAMPAIGN_READONLY": ("The campaign was sent and cannot be changed any more.", "Copy it and change the copy."),
    "CAMPAIGN_SEND_INVALID": ("The send names something that does not fit.", "Check recipients, date and split test."),
    "CAMPAIGN_SENDNOTPERMITTED": (
        "The account may not send at this time.",
        "Ask Dotdigital whether the account is enabled for sending.",
    ),
    "INVALID_PERSONALISATION_VALUES": ("The personal values are not valid JSON text.", "Escape them properly."),
    "SEND_LIMITEXCEEDED": ("The account's sends for this month are used up.", "Ask Dotdigital for more."),
    "TEMPLATE_INVALID": ("The template lacks something it needs.", "Check name, subject, sender and both contents."),
    "TEMPLATE_NOT_FOUND": ("The template does not exist in the account.", "Read the templates again."),
}
_REQUEST: Final[_Area] = {
    "BODY_DOES_NOT_MATCH_CONTENT_TYPE": ("The request's body is not of the type it says.", "Report this as a bug."),
    "CONTENT_TYPE_IS_NOT_SUPPORTED": ("The request's type is not supported.", "Report this as a bug."),
    "MALFORMED_REQUEST": ("Dotdigital could not read the request.", "Report this as a bug."),
    "PARAMETER_INVALID": ("A value in the request is not accepted.", "Check addresses, dates and page sizes."),
}
_ACCESS: Final[_Area] = {
    "ACCOUNT_INVALID": ("The account does not exist or is restricted.", "Ask Dotdigital."),
    "APIUSAGE_EXCEEDED": (
        "The account's hourly limit of API calls is used up.",
        "Wait; calls are allowed again as the hour passes.",
        _WAIT,
    ),
    "APIUSER_INVALID": (
        "Dotdigital did not accept the API user.",
        "Check name and password under Settings > Access > API users.",
    ),
    "CANNOT_PERFORM_OPERATION_ON_ACCOUNT": ("The account does not allow this operation.", "Ask Dotdigital."),
    "FEATURENOTACTIVE": (
        "The feature is not part of the account's package.",
        "Do without it, or ask Dotdigital to add it.",
    ),
    "INVALID_APIUSEREXISTS": ("An API user of this name exists already.", "Choose another name."),
    "INVALID_LOGIN": (
        "Dotdigital did not accept the user name and password, or the account is switched off.",
        "Check them under Settings > Access > API users.",
    ),
    "MANAGED_USER_INVALID": ("The managed user is not valid.", "Check its details."),
    "MISSING_SETUPKEYVALUES": ("Set-up values of the account are missing.", "Give all of them."),
    "OAUTH_TOKEN_INVALID": ("The sign-on token is not valid (any more).", "Connect single sign-on again."),
    "SYSTEM_SERVICETEMPORARILYUNAVAILABLE": (
        "Dotdigital is down, probably for maintenance.",
        "Try again later.",
        _WAIT,
    ),
    "THEME_INVALID": ("The theme is not valid.", "Choose another."),
    "UNKNOWN": ("Dotdigital does not say what went wrong.", "Try again later; ask Dotdigital if it stays.", _WAIT),
    "UNKNOWN_ACCOUNT": ("Dotdigital does not know the account.", "Check the credentials, or ask Dotdigital."),
    "USERACCOUNT_UNKNOWN": ("Dotdigital does not know the user account.", "Check its details."),
    "WEAK_PASSWORD": ("The password is too weak.", "Choose a longer one."),
}
_PROGRAM: Final[_Area] = {
    "ENROLMENT_ALLOWANCE_EXCEEDED": (
        "The account's 20 enrolments an hour are used up.",
        "Wait until the hour has passed.",
        _WAIT,
    ),
    "ENROLMENT_INVALID": ("The enrolment names something that does not fit.", "Check program and recipients."),
    "ENROLMENT_IS_PROCESSING": ("The enrolment has not finished.", "Wait until it has.", _WAIT),
    "ENROLMENT_NOT_FOUND": ("Dotdigital does not know this enrolment.", "Check its id."),
    "PREFERENCE_INVALID": ("The preference lacks something or stands in the wrong place.", "Check names and category."),
    "PREFERENCE_NOT_FOUND": ("The preference does not exist in the account.", "Read the preferences again."),
    "PROGRAM_NOT_ACTIVE": ("The program is not active.", "Activate it in Dotdigital, then try again."),
    "PROGRAM_NOT_FOUND": ("The program does not exist in the account.", "Read the programs again."),
    "SURVEY_NOT_FOUND": ("The survey does not exist in the account.", "Read the surveys again."),
}
_TRANSACTIONAL_DATA: Final[_Area] = {
    "TRANSACTIONAL_DATA_COLLECTION_DOES_NOT_EXIST": ("The collection does not exist.", "Check its name."),
    "TRANSACTIONAL_DATA_DOES_NOT_EXIST": ("The record does not exist in the collection.", "Check name and key."),
    "TRANSACTIONAL_DATA_INVALID_COLLECTION_NAME": (
        "The collection's name is not accepted.",
        "Use letters, digits, - and _, at most 255, not beginning with a digit.",
    ),
    "TRANSACTIONAL_DATA_STORAGE_ALLOWANCE_EXCEEDED": (
        "The account's storage for transactional data is full.",
        "Delete records, or ask Dotdigital for more.",
    ),
    "TRANSACTIONAL_DATA_VALIDATION_FAILED": ("The record does not fit its collection.", "Correct the record."),
}
_MESSAGE: Final[_Area] = {
    "SMS_INVALID": ("The text message has a value that is not accepted.", "Correct the message."),
    "SMS_INVALIDPHONENUMBER": ("The telephone number is not valid.", "Correct the number."),
    "SMS_SENDNOTPERMITTED": ("The account's credit for text messages is used up.", "Ask Dotdigital for more."),
}
_DOCUMENT: Final[_Area] = {
    "DOCUMENT_ALREADYATTACHED": ("The document is attached already.", "Attach it once."),
    "DOCUMENT_ATTACHMENTSTOOLARGE": ("The attachments are too large together.", "Attach less."),
    "DOCUMENT_DATAEMPTY": ("The document is empty.", "Give its content."),
    "DOCUMENT_FOLDER_INVALID": ("The document folder is not valid.", "Check its name and place."),
    "DOCUMENT_FOLDER_NOT_FOUND": ("The document folder does not exist.", "Read the folders again."),
    "DOCUMENT_INVALID": ("The document is not valid.", "Check its name and content."),
    "DOCUMENT_NAMEINVALID": ("The document's name is not accepted.", "Choose another name."),
    "DOCUMENT_NOT_FOUND": ("The document does not exist.", "Read the documents again."),
    "DOCUMENT_TOOLARGE": ("The document is larger than 10 MB.", "Make it smaller."),
    "DOCUMENT_TOOMANYATTACHMENTS": ("The campaign has too many attachments.", "Attach fewer."),
    "DOCUMENT_UNSUPPORTEDFORMAT": ("The document is of a type that is not accepted.", "Convert it."),
}
_IMAGE: Final[_Area] = {
    "IMAGE_DATAEMPTY": ("The image is empty.", "Give its content."),
    "IMAGE_FOLDER_DELETED": ("The image folder was deleted.", "Choose another."),
    "IMAGE_FOLDER_INVALID": ("The image folder is not valid.", "Check its name and place."),
    "IMAGE_FOLDER_NOT_FOUND": ("The image folder does not exist.", "Read the folders again."),
    "IMAGE_INVALID": ("The image is not valid.", "Check its name and content."),
    "IMAGE_NAMEINVALID": ("The image's name is not accepted.", "Choose another name."),
    "IMAGE_PARENTFOLDERISFULL": ("The image folder is full.", "Use another folder."),
    "IMAGE_UNSUPPORTEDFORMAT": ("The image is of a type that is not accepted.", "Convert it."),
}

_AREAS: Final = (
    _CONTACT,
    _BOOK,
    _DATA_FIELD,
    _IMPORT,
    _CAMPAIGN,
    _REQUEST,
    _ACCESS,
    _PROGRAM,
    _TRANSACTIONAL_DATA,
    _MESSAGE,
    _DOCUMENT,
    _IMAGE,
)

# The v3 service names its codes differently (contract §7).
_V3: Final = {
    "contacts:badJson": Meaning("Dotdigital could not read the request.", "Report this as a bug."),
    "contacts:badRequest": Meaning("A value in the request is missing or not accepted.", "Correct the contact."),
    "contacts:contactNotFound": Meaning("The contact is not in the account.", "It may have been deleted."),
    "contacts:idAlreadyExists": Meaning("A contact with this identifier exists already.", "Update it instead."),
    "contacts:identifierConflict": Meaning(
        "The identifiers belong to different contacts.", "Correct one of them, or merge the contacts in Dotdigital."
    ),
    "contacts:importNotFound": Meaning("Dotdigital does not know this import.", "Check its id."),
    "contacts:invalidContacts": Meaning("A contact has a value that is not accepted.", "Correct the contact."),
    "contacts:invalidDeleteId": Meaning("Dotdigital does not know this deletion.", "Check its id."),
    "contacts:invalidFilter": Meaning("The filter is not accepted.", "Use one filter, with a date in UTC."),
    "contacts:invalidId": Meaning("The identifier is not valid.", "Correct the address or number."),
    "contacts:noContactsSpecified": Meaning("No contacts were given.", "Name at least one contact."),
    "contacts:tooManyActiveImports": Meaning(
        "Too many imports are running in the account at the same time.", "Wait until some of them have finished.", _WAIT
    ),
    "contacts:tooManyBulkDeleteJobs": Meaning(
        "Too many deletions are running in the account at the same time.", "Wait until some have finished.", _WAIT
    ),
    "events:badJson": Meaning("Dotdigital could not read the request.", "Report this as a bug."),
    "events:inactiveSubscription": Meaning(
        "The subscription to events is switched off.", "Make it active again; what happened meanwhile was not kept."
    ),
    "events:invalidCheckpoint": Meaning(
        "Dotdigital does not know this place in the queue of events.", "Read the queue from its beginning."
    ),
    "events:invalidEventType": Meaning("Dotdigital does not know this type of event.", "Leave it out."),
    "events:nameAlreadyExists": Meaning("A subscription of this name exists already.", "Choose another name."),
    "events:subscriptionNotFound": Meaning(
        "The subscription to events does not exist in the account.", "It was deleted; make it again."
    ),
}

MEANINGS: Final[dict[str, Meaning]] = {
    f"ERROR_{code}": Meaning(meaning[0], meaning[1], later=_WAIT in meaning)
    for area in _AREAS
    for code, meaning in area.items()
} | _V3


def person_text(code: str) -> str | None:
    """Answers the sentence and the next step for a code, or None for a code that is not in the table."""
    meaning = MEANINGS.get(code)
    return f"{meaning.text} {meaning.step}" if meaning else None


def can_be_taken_later(code: str | None) -> bool:
    """Answers whether a request refused with this code can be taken unchanged once something else has finished."""
    return code is not None and code in MEANINGS and MEANINGS[code].later
