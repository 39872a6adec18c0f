"""An account at Dotdigital: where a program starts (contract §1)."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from dotdigital import operations
from dotdigital.books import Book
from dotdigital.campaigns import Campaigns
from dotdigital.contacts import Contacts
from dotdigital.contacts_v3 import ContactsV3
from dotdigital.decoding import Page, parse_moment
from dotdigital.drafts import Value, json_value
from dotdigital.endpoints import Endpoints
from dotdigital.errors import ConfigurationError, Transient
from dotdigital.events import Events
from dotdigital.json_stream import Unreadable
from dotdigital.limits import Limiter, LocalLimiter
from dotdigital.models import (
    AccountInfo,
    AddressBook,
    DataField,
    DataFieldDeletion,
    Deletion,
    Fault,
    Import,
    ImportReport,
    Suppression,
    WireAccount,
)
from dotdigital.paging import DEFAULT_OVERLAP
from dotdigital.patience import Retry
from dotdigital.programs import Emails, Preferences, Programs, Segments, Surveys, Templates
from dotdigital.proxies import proxy_of_environment
from dotdigital.results import CampaignResults
from dotdigital.session import Session
from dotdigital.transactional import RecordCollection
from dotdigital.wire import Timeout, Wire

DEFAULT_URL = "https://r1-api.dotdigital.com"


class Account:
    """One Dotdigital account, reached with the name and password of an API user (contract §1.3).

    ``base_url`` and whatever the account says about its host must be a vendor host or one of ``allowed_origins``,
    because the password goes there. ``before_request`` is called before each HTTP request and may raise to forbid it.
    ``tls`` is a context that trusts other authorities; verification itself cannot be switched off. ``proxy`` is one
    that speaks HTTP; if none is given, what ``HTTPS_PROXY`` or ``ALL_PROXY`` names is used. ``timeout`` may be one
    number of seconds for everything. Raises ConfigurationError at once for settings that cannot work, and ValueError
    for times that are none.
    """

    def __init__(
        self,
        user: str,
        password: str,
        base_url: str = DEFAULT_URL,
        *,
        allowed_origins: Collection[str] = (),
        limiter: Limiter | None = None,
        timeout: Timeout | float | None = None,
        retry: Retry | None = None,
        before_request: Callable[[], None] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        _check_credentials(user, password)
        endpoints = Endpoints(allowed_origins)
        self._base = endpoints.admit(base_url, setting="base_url")
        self._endpoints = endpoints.also(self._base)
        retry = retry or Retry()
        wire = Wire(
            user=user,
            password=password,
            limiter=limiter or LocalLimiter(max_wait=retry.max_wait),
            timeout=_timeout(timeout),
            retry=retry,
            before_request=before_request,
            tls=tls,
            proxy=proxy or proxy_of_environment(self._base),
        )
        self._session = Session(wire, self._base)

    def __repr__(self) -> str:
        return f"<Account at {self.endpoint}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the kept connections. Calls after that raise RuntimeError."""
        self._session.wire.close()

    @property
    def endpoint(self) -> str:
        """Where calls go now: scheme and host, without ``/v2``."""
        return self._session.endpoint

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far, repeated ones included."""
        return self._session.wire.requests

    @property
    def answered_at(self) -> datetime | None:
        """When, by the service's clock, its newest answer was given, to the second; None if none has said it.

        It costs no call. ``server_time`` asks.
        """
        return self._session.wire.answered_at

    def connect(self) -> AccountInfo:
        """Asks ``base_url`` who we are and sends all further calls to the host it names (contract §1.1).

        An account without ``ApiEndpoint`` stays at ``base_url``. Raises ConfigurationError for wrong credentials, and
        for a host that is neither the vendor's nor allowed; no request is ever sent to such a host.
        """
        info = Session(self._session.wire, self._base).get(operations.ACCOUNT_INFO, WireAccount).info()
        named = info.api_endpoint
        self._session.endpoint = self._endpoints.admit(named, setting="ApiEndpoint") if named else self._base
        return info

    def info(self) -> AccountInfo:
        """Answers the account's number and properties (contract §1.2)."""
        return self._session.get(operations.ACCOUNT_INFO, WireAccount).info()

    def server_time(self) -> datetime:
        """Answers the service's clock, in UTC (contract §1.2)."""
        return self._session.read(operations.SERVER_TIME, _server_time)

    def address_books(self, *, visibility: Literal["private", "public"] | None = None) -> Iterator[Page[AddressBook]]:
        """Yields the address books, all or of one visibility; a book can come more than once (contract §1.7, §4.2)."""
        return self._session.pages(_BOOK_LISTS[visibility], AddressBook)

    def create_address_book(self, name: str, *, visibility: str = "Private") -> AddressBook:
        """Creates an address book. Raises Rejected for a name that is taken, reserved or longer than 128 characters."""
        body = {"name": name, "visibility": visibility}
        return self._session.post(operations.ADDRESS_BOOK_CREATE, AddressBook, body)

    def address_book(self, book_id: int) -> Book:
        """Answers a handle on the book or segment with this id, asking nothing yet. Raises ValueError below 1."""
        operations.check_id("book_id", book_id)
        return Book(self._session, book_id)

    def data_fields(self) -> Page[DataField]:
        """Answers all data fields; the service does not page them (contract §4.7)."""
        return self._session.rows(operations.DATA_FIELDS, DataField)

    def create_data_field(
        self,
        name: str,
        type: str,  # noqa: A002 - the service's own word
        *,
        visibility: str = "Private",
        default: Value = None,
    ) -> None:
        """Creates a data field of type String, Numeric, Date or Boolean (contract §4.7)."""
        body = {
            "name": name,
            "type": type,
            "visibility": visibility,
            "defaultValue": json_value(default, name="default"),
        }
        self._session.tell(operations.DATA_FIELD_CREATE, body)

    def delete_data_field(self, name: str) -> DataFieldDeletion:
        """Deletes a data field with all its values, or answers what still uses it (contract §4.7)."""
        gone = b'{"result":true}'
        return self._session.get(operations.DATA_FIELD_DELETE, DataFieldDeletion, nothing=gone, name=name)

    def suppressed_since(self, since: datetime) -> Iterator[Page[Suppression]]:
        """Yields every contact suppressed in the account since an aware time, for any reason (contract §4.3).

        A contact can come more than once. Who left a single book is not among them: see ``Book.unsubscribed_since``.
        """
        return self._session.pages(operations.SUPPRESSED_SINCE, Suppression, date=since)

    def deletion(self, deletion_id: str) -> Deletion:
        """Answers how far a removal from a book is (contract §4.5)."""
        return self._session.get(operations.DELETION, Deletion, guid=deletion_id)

    def import_status(self, import_id: str) -> Import:
        """Answers how far an import is (contract §5.1). Polling does not count against the quota."""
        return self._session.get(operations.IMPORT, Import, guid=import_id)

    def wait_for_import(self, import_id: str, *, seconds: float = 600.0, pause: float = 1.0) -> Import:
        """Answers an import once it has come to its end, asking again after each pause; polling is free of quota.

        Raises Transient when so many seconds are over: it goes on, and can be waited for again.
        """
        deadline = time.monotonic() + seconds
        while (found := self.import_status(import_id)).unfinished:
            if time.monotonic() + pause > deadline:
                raise Transient(
                    "Dotdigital has not finished the import yet. Wait for it again.",
                    detail=f"import not finished after {seconds:g} s",
                )
            time.sleep(pause)
        return found

    def import_report(self, import_id: str) -> ImportReport:
        """Answers the counters of a finished import; before its end NotFound is raised (contract §5.3)."""
        return self._session.get(operations.IMPORT_REPORT, ImportReport, guid=import_id)

    def import_faults(self, import_id: str) -> Iterator[Fault]:
        """Yields the refused rows of a finished import while the CSV arrives (contract §5.4).

        The reasons' spelling is the vendor's and changes over time: compare without case, by alias.
        """
        return self._session.faults(operations.IMPORT_FAULTS, guid=import_id)

    def empty_recycle_bin(self) -> None:
        """Deletes for good what was put into the account's recycle bin (contract §1.2)."""
        self._session.tell(operations.EMPTY_RECYCLE_BIN)

    @property
    def contacts(self) -> Contacts:
        """The contacts of the account, across its books."""
        return Contacts(self._session)

    @property
    def contacts_v3(self) -> ContactsV3:
        """The same contacts through the newer v3 service."""
        return ContactsV3(self._session)

    @property
    def events(self) -> Events:
        """What happened in the account, told by subscription, and events of one's own."""
        return Events(self._session)

    @property
    def campaigns(self) -> Campaigns:
        """The campaigns of the account."""
        return Campaigns(self._session)

    def campaign(self, campaign_id: int, *, overlap: int = DEFAULT_OVERLAP) -> CampaignResults:
        """Answers a handle on the results of one campaign; ``overlap`` is that of its pages."""
        operations.check_id("campaign_id", campaign_id)
        return CampaignResults(self._session, campaign_id, overlap=overlap)

    @property
    def segments(self) -> Segments:
        """The segments of the account."""
        return Segments(self._session)

    def collection(self, name: str) -> RecordCollection:
        """Answers a handle on a collection of transactional data."""
        return RecordCollection(self._session, name)

    @property
    def templates(self) -> Templates:
        """The templates of the account."""
        return Templates(self._session)

    @property
    def programs(self) -> Programs:
        """The automation programs of the account."""
        return Programs(self._session)

    @property
    def emails(self) -> Emails:
        """Single e-mails."""
        return Emails(self._session)

    @property
    def preferences(self) -> Preferences:
        """What contacts can be interested in."""
        return Preferences(self._session)

    @property
    def surveys(self) -> Surveys:
        """The surveys of the account."""
        return Surveys(self._session)


_BOOK_LISTS = {
    None: operations.ADDRESS_BOOKS,
    "private": operations.ADDRESS_BOOKS_PRIVATE,
    "public": operations.ADDRESS_BOOKS_PUBLIC,
}


def _check_credentials(user: str, password: str) -> None:
    if not user or ":" in user or not user.isprintable():
        raise ConfigurationError(
            "The user name is empty or has characters it cannot have. Copy it from Settings > Access > API users.",
            detail="user name not usable",
        )
    if not password or not password.isprintable():
        raise ConfigurationError(
            "The password is empty or has characters it cannot have. Set one under Settings > Access > API users.",
            detail="password not usable",
        )


def _timeout(timeout: Timeout | float | None) -> Timeout:
    if isinstance(timeout, Timeout):
        return timeout
    return Timeout() if timeout is None else Timeout(connect=timeout, read=timeout, write=timeout, total=timeout)


def _server_time(body: bytearray) -> datetime:
    """One vendor page calls the answer JSON, another plain text: both are read."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    try:
        time = parse_moment(str(json.loads(text)) if text.startswith('"') else text)
    except ValueError as error:
        raise Unreadable("no date") from error
    if time is None:
        raise Unreadable("no date")
    return time
