"""How a sandbox is set up: what is fixed at its start, and the switches for what the contract leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dotdigital_sandbox.clock import EARLIEST, LATEST

DEFAULT_USER = "apiuser-000000000000@apiconnector.com"
DEFAULT_PASSWORD = "sandbox"  # noqa: S105 - the published log-in of an account that lives on one's own machine
Seed = Literal["demo", "empty"]
# A century in seconds: longer times lead beyond the dates there are.
MOST = 3_155_760_000
MOST_MEGABYTES = 100_000
Shape = Literal["current", "legacy"]


def switch(default: Any, meaning: str) -> Any:
    """A switch with its default and what turning it does."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(slots=True)
class Switches:
    """What nobody could verify against a live account; each default is the contract's guess."""

    list_suppressed: bool = switch(
        False, "suppressed contacts stay in GET /contacts and in the books' lists and counts"
    )
    membership_modifies: bool = switch(True, "joining a book puts a contact into the book's modified-since feed")
    unsubscribe_unknown: Literal["not-found", "create"] = switch(
        "not-found", "unsubscribing an unknown address: refused, or made a suppressed contact"
    )
    deleted_stay_suppressed: bool = switch(
        True, "an address deleted while suppressed is suppressed again when it comes back"
    )
    unknown_field_code: Literal["ERROR_DATAFIELD_NOTFOUND", "ERROR_CONTACT_INVALID"] = switch(
        "ERROR_DATAFIELD_NOTFOUND", "a contact with an unknown data field"
    )
    bad_email_code: Literal["ERROR_PARAMETER_INVALID", "ERROR_INVALID_EMAIL"] = switch(
        "ERROR_PARAMETER_INVALID", "a contact with a bad address"
    )
    value_types: Literal["typed", "strings"] = switch("typed", "values of data fields as JSON types or all as strings")
    text_limit: int = switch(1000, "longest text value of a data field in characters")
    fault_reasons: Literal["vendor", "magento"] = switch("vendor", "spelling of the reasons in report-faults")
    fault_byte_order_mark: bool = switch(True, "report-faults starts with a byte-order mark")
    data_field_body: Literal["object", "empty"] = switch("object", "what POST /data-fields answers")
    field_in_use_status: Literal[409, 200] = switch(409, "status of a refused data-field delete")
    book_delete_status: Literal[204, 200] = switch(204, "status of a deleted address book")
    never: Literal["null", "year-1"] = switch(
        "year-1", "dates of contacts who never opened: null or 0001-01-01T00:00:00"
    )
    watchdog_share: float = switch(0.5, "an import with a greater share of role addresses is rejected")
    unsent_summary: Literal["zeros", "not-found"] = switch("zeros", "summary of a campaign never sent")
    event_payload: Literal["documented", "more"] = switch(
        "documented", "data of an event: only what the vendor's documents show, or also what we guess"
    )
    token_seconds: int = switch(28800, "life of an OAuth access token")
    rotate_refresh_tokens: bool = switch(False, "each refresh hands out a new refresh token and ends the old one")

    def change(self, name: str, value: object) -> None:
        """Set one switch from JSON or from text; raises ValueError that names the switch and what it may be."""
        known = {each.name: each for each in fields(self)}
        key = name.replace("-", "_").lower()
        if key not in known:
            raise ValueError(f"there is no switch {name!r}; there are: {', '.join(known)}")
        setattr(self, key, _coerced(key, get_type_hints(type(self))[key], value))

    def as_dict(self) -> dict[str, Any]:
        """The switches as they stand."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def manual(cls) -> list[tuple[str, str, str, str]]:
        """Name, what it may be, default and meaning of every switch."""
        hints = get_type_hints(cls)
        return [
            (each.name, _choices(hints[each.name]), _shown(each.default), each.metadata["meaning"])
            for each in fields(cls)
        ]


_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _choices(kind: Any) -> str:
    return "|".join(map(str, get_args(kind))) or {bool: "true|false", int: "whole number", float: "number"}[kind]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _within(number: float) -> float:
    """The number, which may be a length, a share or a time in seconds; raises ValueError for what is none of them."""
    if not 0 <= number <= MOST:
        raise ValueError(number)
    return number


def _coerced(name: str, kind: Any, value: object) -> Any:
    text = "null" if value is None else str(value).strip()
    try:
        if kind is bool:
            return _TRUTHS[text.lower()]
        if kind in (int, float):
            return _within(kind(text))
        return {str(choice).lower(): choice for choice in get_args(kind)}[text.lower()]
    except (KeyError, ValueError):
        raise ValueError(f"switch {name} cannot be {text!r}; it may be: {_choices(kind)}") from None


@dataclass(slots=True)
class Engagement:
    """How likely recipients are to do what: clicks are a share of openers, page views of clicks, purchases of those.

    By `variety` one campaign is opened and clicked more than another; 0 makes all alike.
    """

    opens: float = 0.38
    clicks: float = 0.3
    variety: float = 0.5
    repeats: float = 0.35
    page_views: float = 0.5
    purchases: float = 0.1
    forwards: float = 0.02
    replies: float = 0.01
    bookmarks: float = 0.01
    unsubscribes: float = 0.01
    complaints: float = 0.002
    hard_bounces: float = 0.01
    soft_bounces: float = 0.015
    mail_blocks: float = 0.002


@dataclass(slots=True)
class Settings:
    """All that a sandbox is started with; times in seconds."""

    data_dir: Path
    user: str = DEFAULT_USER
    password: str = DEFAULT_PASSWORD
    seed: Seed = "empty"
    shape: Shape = "current"
    scheme: Literal["none", "tiered", "flat"] = "none"
    low_rate: int = 150
    medium_rate: int = 600
    high_rate: int = 1200
    flat_rate: int = 2000
    region: int = 1
    account_id: int = 1
    import_seconds: float = 1.0
    import_rows_per_second: float | None = None
    import_megabytes: float = 50
    active_imports: int = 25
    active_deletions: int = 25
    contact_limit: int | None = None
    book_limit: int | None = None
    deletion_seconds: float = 0.5
    send_seconds: float = 1.0
    refresh_seconds: float = 0.5
    engagement_seconds: float = 120.0
    engagement: Engagement = field(default_factory=Engagement)
    sends_allowed: bool = True
    email_credits: int | None = None
    api_endpoint: str | None = None
    control: bool = True
    start_at: datetime | None = None
    random_seed: int = 1
    switches: Switches = field(default_factory=Switches)

    def __post_init__(self) -> None:
        """Raises ValueError that names the setting and what it may be."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}; it may be: {', '.join(choices)}")
        for name in _TIMES:
            if not 0 <= getattr(self, name) <= MOST:
                raise ValueError(f"{name} cannot be {getattr(self, name)}; it is a time from 0 to {MOST} seconds")
        self._check_numbers()
        if not 0 < self.import_megabytes <= MOST_MEGABYTES:
            raise ValueError(f"import_megabytes cannot be {self.import_megabytes}; it is at most {MOST_MEGABYTES}")
        if self.import_rows_per_second is not None and not 0 < self.import_rows_per_second <= MOST:
            raise ValueError(f"import_rows_per_second cannot be {self.import_rows_per_second}; it is more than 0")
        if not self.user or ":" in self.user:
            raise ValueError(f"user cannot be {self.user!r}; it has at least one character, and no colon")
        if self.start_at is not None and not _is_in_reach(self.start_at):
            raise ValueError(
                f"start_at cannot be {self.start_at}; it is an instant with a time zone "
                f"between the years {EARLIEST.year} and {LATEST.year}"
            )

    def _check_numbers(self) -> None:
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < least):
                raise ValueError(f"{name} cannot be {value!r}; it is a whole number from {least} on")


_WHOLE = {
    **dict.fromkeys(("low_rate", "medium_rate", "high_rate", "flat_rate", "region", "account_id"), 1),
    **dict.fromkeys(("active_imports", "active_deletions"), 1),
    **dict.fromkeys(("contact_limit", "book_limit", "email_credits"), 0),
}


def _is_in_reach(at: object) -> bool:
    """Whether it is an instant that the account's clock can show."""
    return isinstance(at, datetime) and at.tzinfo is not None and EARLIEST <= at <= LATEST


_TIMES = tuple(each.name for each in fields(Settings) if each.name.endswith("_seconds"))
_CHOICES = {name: get_args(kind) for name, kind in get_type_hints(Settings).items() if get_origin(kind) is Literal}
