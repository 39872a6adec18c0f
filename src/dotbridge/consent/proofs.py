"""What proves that somebody agreed: what they read, where, from which address and with what. Kept with an opt-in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

# Nobody reads more before they agree, and a row of the ledger stays a row.
LONGEST_TEXT, LONGEST_WORD = 10_000, 2_000


@dataclass(frozen=True, kw_only=True)
class ConsentProof:
    """The text that somebody agreed to, the page it stood on, and their IP address and browser.

    Dotdigital takes it as a consent record, and takes complete ones only: what is known in part belongs into the
    evidence of an event.

    Raises ValueError, naming the part, for one that is empty, too long, or not what it should be.
    """

    text: str
    url: str
    ip_address: str
    user_agent: str

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            longest = LONGEST_TEXT if part.name == "text" else LONGEST_WORD
            if not value.strip() or len(value) > longest or "\x00" in value:
                raise ValueError(f"{part.name} is empty, longer than {longest} characters, or cannot be stored.")
        try:
            URLValidator(schemes=["http", "https"])(self.url)
        except ValidationError:
            raise ValueError("url is not the address of a page on the web.") from None
        try:
            ipaddress.ip_address(self.ip_address)
        except ValueError:
            raise ValueError("ip_address is not an IP address.") from None
