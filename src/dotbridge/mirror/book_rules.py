"""What Dotdigital says of address books in general."""

from __future__ import annotations

# Made for each account by Dotdigital itself; no list is kept in step with them.
EVERY_ACCOUNT_HAS = frozenset({"test", "all contacts"})
# What it takes as the name of an address book (contract §2.3).
LONGEST_BOOK_NAME = 128
