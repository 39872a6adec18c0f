"""What came of one campaign (contract §4.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from dotdigital import operations
from dotdigital.campaign_models import (
    BookmarkView,
    CampaignActivity,
    CampaignSummary,
    Click,
    Open,
    PageView,
    Reply,
    Revenue,
    RoiDetail,
)
from dotdigital.decoding import Page, Row
from dotdigital.models import AddressBook, Contact
from dotdigital.operations import Events
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE
from dotdigital.session import Session

REPLIES_PER_PAGE = 5


class CampaignResults:
    """Answers the figures and events of one campaign. Made by ``Account.campaign``.

    Events are read for all contacts, ``since`` an aware time, or of one contact; a row an event, so that contacts
    repeat. Pages overlap as in ``Book.contacts``; the service gives events no id, so duplicates are equal rows of two
    pages.
    """

    def __init__(self, session: Session, campaign_id: int, *, overlap: int = DEFAULT_OVERLAP) -> None:
        self._session = session
        self._overlap = overlap
        self.id = campaign_id

    def summary(self) -> CampaignSummary:
        """Answers the figures of the campaign."""
        return self._session.get(operations.CAMPAIGN_SUMMARY, CampaignSummary, id=self.id)

    def address_books(self) -> Iterator[Page[AddressBook]]:
        """Yields the books and segments it was sent to."""
        return self._session.pages(operations.CAMPAIGN_BOOKS, AddressBook, id=self.id)

    def activities(
        self, *, since: datetime | None = None, page_size: int = MAX_PAGE
    ) -> Iterator[Page[CampaignActivity]]:
        """Yields a row for each contact it was sent to; with ``since`` only those who did something after it."""
        return self._events(operations.ACTIVITIES, CampaignActivity, since=since, page_size=page_size)

    def activity(self, contact_id: int) -> CampaignActivity:
        """Answers what one contact did."""
        return self._session.get(operations.CAMPAIGN_ACTIVITY, CampaignActivity, id=self.id, contact=contact_id)

    def clicks(
        self, *, since: datetime | None = None, contact_id: int | None = None, with_groups: bool = False
    ) -> Iterator[Page[Click]]:
        """Yields a row a click, on request with the groups of its link."""
        events = operations.CLICKS_WITH_GROUPS if with_groups else operations.CLICKS
        return self._events(events, Click, since=since, contact_id=contact_id)

    def opens(self, *, since: datetime | None = None, contact_id: int | None = None) -> Iterator[Page[Open]]:
        """Yields a row an opening."""
        return self._events(operations.OPENS, Open, since=since, contact_id=contact_id)

    def page_views(self, *, since: datetime | None = None, contact_id: int | None = None) -> Iterator[Page[PageView]]:
        """Yields the pages seen after a click; needs one of ``since`` and ``contact_id``."""
        return self._events(operations.PAGE_VIEWS, PageView, since=since, contact_id=contact_id)

    def replies(self, contact_id: int) -> Iterator[Page[Reply]]:
        """Yields a contact's replies, five a page."""
        return self._events(operations.REPLIES, Reply, contact_id=contact_id, page_size=REPLIES_PER_PAGE)

    def roi_details(self, *, since: datetime | None = None, contact_id: int | None = None) -> Iterator[Page[RoiDetail]]:
        """Yields the values reported by marked pages; needs one of ``since`` and ``contact_id``."""
        return self._events(operations.ROI_DETAILS, RoiDetail, since=since, contact_id=contact_id)

    def social_bookmark_views(self, *, contact_id: int | None = None) -> Iterator[Page[BookmarkView]]:
        """Yields how often shared bookmarks were seen."""
        return self._events(operations.SOCIAL_BOOKMARK_VIEWS, BookmarkView, contact_id=contact_id)

    def revenue_since(self, since: datetime) -> Revenue:
        """Answers what it earned since an aware time."""
        return self._session.get(operations.CAMPAIGN_REVENUE_SINCE, Revenue, id=self.id, date=since)

    def revenue_of(self, contact_id: int) -> Revenue:
        """Answers what it earned from one contact."""
        return self._session.get(operations.CAMPAIGN_REVENUE_OF, Revenue, id=self.id, contact=contact_id)

    def hard_bouncing_contacts(self, *, full_data: bool = False) -> Iterator[Page[Contact]]:
        """Yields the contacts whose mail bounced for good. Soft bounces are in ``activities`` only."""
        return self._session.contact_pages(operations.CAMPAIGN_BOUNCING, full_data=full_data, id=self.id)

    def split_test(self) -> dict[str, Any]:
        """Answers the state of its split test, in the service's own keys."""
        return self._session.get(operations.CAMPAIGN_SPLIT_TEST, dict[str, Any], id=self.id)

    def _events(
        self,
        events: Events,
        row: type[Row],
        *,
        since: datetime | None = None,
        contact_id: int | None = None,
        page_size: int = MAX_PAGE,
    ) -> Iterator[Page[Row]]:
        if since is not None and contact_id is not None:
            raise ValueError("give since or contact_id, not both")
        page = partial(self._session.pages, page_size=page_size, overlap=self._overlap)
        if contact_id is not None and events.of_contact:
            return page(events.of_contact, row, id=self.id, contact=contact_id)
        if since is not None and events.since:
            return page(events.since, row, id=self.id, date=since)
        if events.all is None:
            raise ValueError("the service lists these only since a date or of a contact: give since or contact_id")
        return page(events.all, row, id=self.id)
