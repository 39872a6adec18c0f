"""A client for Dotdigital's API.

    with Account(user, password) as account:
        account.connect()
        for page in account.address_book(7).contacts():
            ...

Every failure is a ``DotdigitalError`` whose class says what to do about it. Section numbers in the docstrings are those
of the contract, the description of the vendor's API that this client is written against.
"""

from dotdigital.account import Account
from dotdigital.books import Book
from dotdigital.decoding import Malformed, Page
from dotdigital.errors import (
    ConfigurationError,
    DotdigitalError,
    NotFound,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from dotdigital.limits import Limiter, LocalLimiter
from dotdigital.models import (
    AccountInfo,
    AddressBook,
    Contact,
    DataField,
    Deletion,
    Fault,
    FieldValue,
    Import,
    ImportReport,
    MergeOption,
    Suppression,
)
from dotdigital.uploads import MAX_IMPORT_BYTES
from dotdigital.wire import Retry, Timeout

__all__ = [
    "MAX_IMPORT_BYTES",
    "Account",
    "AccountInfo",
    "AddressBook",
    "Book",
    "ConfigurationError",
    "Contact",
    "DataField",
    "Deletion",
    "DotdigitalError",
    "Fault",
    "FieldValue",
    "Import",
    "ImportReport",
    "Limiter",
    "LocalLimiter",
    "Malformed",
    "MergeOption",
    "NotFound",
    "Page",
    "Rejected",
    "Retry",
    "Suppression",
    "Throttled",
    "Timeout",
    "Transient",
    "UnknownOutcome",
]
