"""Every refusal the API knows: its code, its status and its sentence (contract §3.1-3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

_STATUS_OF: dict[int, str] = {
    400: """
        CONTACT_INVALID CONTACT_SUPPRESSED CONTACT_SUPPRESSEDFORADDRESSBOOK CONTACT_TOOMANY
        CONTACT_RESUBSCRIPTION_INVALID
        CONTACTS_ARE_NOT_SPECIFIED INVALID_EMAIL EMAIL_BANNED NON_UNIQUE_EMAIL
        ADDRESSBOOK_DUPLICATE ADDRESSBOOK_INVALID ADDRESSBOOK_IN_USE ADDRESSBOOK_LIMITEXCEEDED ADDRESSBOOK_NOTWRITABLE
        ADDRESSBOOK_TOOMANY DATAFIELD_INVALID DATAFIELD_LIMITEXCEEDED DATAFIELD_VALUE_OVERFLOW NON_UNIQUE_DATAFIELD
        NO_EMAIL_COLUMN IMPORT_UNSUPPORTED_FORMAT IMPORT_TOOMANYACTIVEIMPORTS MULTI_FILE_UPLOAD_NOT_ALLOWED
        CAMPAIGN_INVALID CAMPAIGN_READONLY CAMPAIGN_SEND_INVALID CAMPAIGN_SENDNOTPERMITTED
        CAMPAIGN_CONTAINS_UNSUPPORTED_BLOCKS SEND_LIMITEXCEEDED TEMPLATE_INVALID INVALID_PERSONALISATION_VALUES
        PARAMETER_INVALID MALFORMED_REQUEST BODY_DOES_NOT_MATCH_CONTENT_TYPE CONTENT_TYPE_IS_NOT_SUPPORTED
        APIUSAGE_EXCEEDED
        PROGRAM_NOT_ACTIVE ENROLMENT_ALLOWANCE_EXCEEDED ENROLMENT_INVALID ENROLMENT_IS_PROCESSING PREFERENCE_INVALID
        TRANSACTIONAL_DATA_INVALID_COLLECTION_NAME TRANSACTIONAL_DATA_STORAGE_ALLOWANCE_EXCEEDED
        TRANSACTIONAL_DATA_VALIDATION_FAILED
        DOCUMENT_ALREADYATTACHED DOCUMENT_DATAEMPTY DOCUMENT_FOLDER_INVALID DOCUMENT_INVALID DOCUMENT_NAMEINVALID
        DOCUMENT_TOOLARGE DOCUMENT_TOOMANYATTACHMENTS
        IMAGE_DATAEMPTY IMAGE_FOLDER_INVALID IMAGE_INVALID IMAGE_NAMEINVALID IMAGE_UNSUPPORTEDFORMAT
        SMS_INVALID SMS_INVALIDPHONENUMBER
        """,
    403: "FEATURENOTACTIVE CANNOT_PERFORM_OPERATION_ON_ACCOUNT",
    404: """
        CONTACT_NOT_FOUND ADDRESSBOOK_NOT_FOUND DATAFIELD_NOTFOUND CAMPAIGN_NOT_FOUND SEGMENT_NOT_FOUND IMPORT_NOT_FOUND
        IMPORT_REPORT_NOT_FOUND PROGRAM_NOT_FOUND ENROLMENT_NOT_FOUND TEMPLATE_NOT_FOUND PREFERENCE_NOT_FOUND
        SURVEY_NOT_FOUND DOCUMENT_FOLDER_NOT_FOUND DOCUMENT_NOT_FOUND IMAGE_FOLDER_NOT_FOUND
        TRANSACTIONAL_DATA_DOES_NOT_EXIST TRANSACTIONAL_DATA_COLLECTION_DOES_NOT_EXIST
        """,
    500: "UNKNOWN",
    503: "SYSTEM_SERVICETEMPORARILYUNAVAILABLE",
}
STATUSES = {code: status for status, codes in _STATUS_OF.items() for code in codes.split()}

# Clients compare these byte for byte, the trailing blank included.
_SENTENCES = {
    "PARAMETER_INVALID/email": "Email is not a valid email address. ERROR_PARAMETER_INVALID",
    "PARAMETER_INVALID/toaddresses": "ToAddresses field is empty or invalid. ERROR_PARAMETER_INVALID",
    "CONTACT_SUPPRESSED": "Contact is suppressed. ERROR_CONTACT_SUPPRESSED",
    "ADDRESSBOOK_DUPLICATE": "That name is in use already, please choose another. ERROR_ADDRESSBOOK_DUPLICATE",
    "ADDRESSBOOK_NOTWRITABLE": "Address book cannot be written to via the API. ERROR_ADDRESSBOOK_NOTWRITABLE",
    "NON_UNIQUE_DATAFIELD": "Field already exists. ERROR_NON_UNIQUE_DATAFIELD",
    "IMPORT_REPORT_NOT_FOUND": "Import is not processed yet or completed with error. ERROR_IMPORT_REPORT_NOT_FOUND",
    "CAMPAIGN_SENDNOTPERMITTED": "Send not permitted at this time. ERROR_CAMPAIGN_SENDNOTPERMITTED",
    "ENROLMENT_ALLOWANCE_EXCEEDED": "Error: ERROR_ENROLMENT_ALLOWANCE_EXCEEDED ",
    "APIUSAGE_EXCEEDED": (
        "Your account has generated excess API activity and is being temporarily capped. "
        "Please contact support. ERROR_APIUSAGE_EXCEEDED"
    ),
}
UNAUTHORISED = "Authorization has been denied for this request."
FILE_MUST_BE_VALID = "file must be valid"


class ApiError(Exception):
    """A refusal as the caller sees it: an HTTP status, the one ``message`` of its body, and headers."""

    def __init__(self, status: int, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def refusal(code: str, *, about: str = "", status: int | None = None) -> ApiError:
    """The refusal of a code written without its ``ERROR_`` prefix, in the wording its operation uses."""
    message = _SENTENCES.get(f"{code}/{about}") or _SENTENCES.get(code) or f"Error: ERROR_{code}"
    return ApiError(status or STATUSES[code], message)


class FieldRefused(ApiError):
    """The refusal of what a contact has in one data field, whose ``name`` version 3 tells."""

    def __init__(self, code: str, name: str) -> None:
        same = refusal(code)
        super().__init__(same.status, same.message)
        self.name = name


def no_such_path() -> ApiError:
    """The answer for a path that is no operation."""
    return ApiError(HTTPStatus.NOT_FOUND, "No HTTP resource was found that matches the request URI.")


def no_such_method(method: str, has: Iterable[str]) -> ApiError:
    """The answer for a known path asked with a verb it does not have, beside those it has (RFC 9110 §15.5.6)."""
    text = f"The requested resource does not support http method '{method}'."
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, text, headers={"Allow": ", ".join(sorted(has))})
