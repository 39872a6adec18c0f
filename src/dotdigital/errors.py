"""The errors of this client, one class for each thing a caller can do about them.

Every error carries two texts. ``text`` is for people: one sentence that says what happened and one that says what to
do. ``detail`` is for logs: method, path template, status and code. Neither ever holds an address, a name or a password.
"""

from __future__ import annotations

from datetime import datetime

from dotdigital.codes import can_be_taken_later


class DotdigitalError(Exception):
    """Something went wrong while talking to Dotdigital; the subclass says what to do about it.

    ``code`` is the vendor's error code if the answer had one (contract §3.3), ``status`` the HTTP status if there was
    one, ``field`` the part of the request that was refused, if the answer names it.
    """

    field: str | None = None

    def __init__(self, text: str = "", *, detail: str = "", code: str | None = None, status: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.detail = detail or text
        self.code = code
        self.status = status


class ConfigurationError(DotdigitalError):
    """A person has to correct a setting: credentials, host, region or package. Trying again changes nothing."""


class NotFound(DotdigitalError):
    """The object that was asked for does not exist in the account (any more)."""


class Throttled(DotdigitalError):
    """The account's quota is used up (contract §2.1). ``until`` is the time it opens again, if that is known."""

    def __init__(
        self,
        text: str = "Dotdigital's limit of calls for this account is used up. Try again later.",
        *,
        until: datetime | None = None,
        detail: str = "",
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(text, detail=detail, code=code, status=status)
        self.until = until


class Transient(DotdigitalError):
    """It did not work this time, nothing was changed (or changing it again is harmless): try again later."""


class Rejected(DotdigitalError):
    """Dotdigital understood the request and refused it.

    The same request is refused again, unless ``later`` says that it only has to wait for something else to finish, such
    as one of the 25 imports that may run at the same time (contract §2.2).
    """

    @property
    def later(self) -> bool:
        """Whether the same request can be taken once something else has finished."""
        return can_be_taken_later(self.code)


class UnknownOutcome(DotdigitalError):
    """The request was sent, but no answer tells whether it was carried out. Look before sending it again."""
